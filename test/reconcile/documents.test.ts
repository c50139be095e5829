import { describe, expect, it } from 'vitest';
import { ok } from '../../src/kit/result.ts';
import { readDocuments } from '../../src/reconcile/documents.ts';
import type { ManifestFile, ParsedFiles, SkippedEntry } from '../../src/reconcile/ports.ts';

describe('the documents of a commit', () => {
  it('are its files, and the links that stand in the place of one: never what those lead to', async () => {
    const skipped: readonly SkippedEntry[] = [
      { path: 'shop/link.yaml', kind: 'Symlink' },
      { path: 'shop/cart.wasm', kind: 'Symlink' },
      { path: 'vendor.yaml', kind: 'Submodule' },
    ];
    const bytes = new TextEncoder().encode('a: 1\n');
    const git = {
      files: () => Promise.resolve(ok([{ path: 'shop/cart.yaml', oid: 'one', bytes: bytes.length }])),
      baseFiles: () => Promise.resolve(ok([])),
      blobs: () => Promise.resolve(ok(new Map([['one', bytes]]))),
      skipped: () => Promise.resolve(ok(skipped)),
    };
    const read: ManifestFile[] = [];
    const manifest = {
      parse: (files: readonly ManifestFile[]) => {
        read.push(...files);
        return Promise.resolve(ok<ParsedFiles<string>>({ parsed: '', artifactPaths: [] }));
      },
      basesOf: () => ok([]),
      overlay: () => Promise.reject(new Error('nothing is overlaid')),
    };
    await readDocuments(git, manifest, 'commit', undefined);
    expect(read).toEqual([
      { path: 'shop/cart.yaml', bytes },
      { path: 'shop/link.yaml', bytes: new Uint8Array(), isLink: true },
    ]);
  });
});
