import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspect } from '../../src/component/inspect.ts';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import type { Desired } from '../../src/model/desired.ts';
import { dummyOf } from '../component/support.ts';
import { marked } from '../manifest/marked.ts';
import { parse, places, type Files } from '../manifest/support.ts';
import { TYPE_ROWS, type Artifact } from './type-codes.table.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples');

const worlds = new Map<string, Promise<Uint8Array>>();

function bytesAt(artifact: Artifact): Promise<Uint8Array> {
  if (typeof artifact === 'string') return readFile(path.join(EXAMPLES, artifact));
  const made = worlds.get(artifact.world) ?? dummyOf(artifact.world);
  worlds.set(artifact.world, made);
  return made;
}

async function desiredOf(files: Files, cart: Artifact, tax: Artifact, previous?: Desired): Promise<Desired> {
  const shapes = new Map<Digest, ReturnType<typeof inspect>>();
  const found = new Map<string, Digest>();
  for (const [name, artifact] of [
    ['cart.wasm', cart],
    ['tax.wasm', tax],
  ] as const) {
    const bytes = await bytesAt(artifact);
    found.set(name, digestOfBytes(bytes));
    shapes.set(digestOfBytes(bytes), inspect(bytes));
  }
  return assemble('c', parse(files), found, previous, (artifact) => shapes.get(artifact));
}

describe('what types say against documents', () => {
  it.each(TYPE_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', async (_name, row) => {
    const { files, expected } = marked(row.code, row.bad);
    const { artifact, linked = 'wasm/tax-v1.wasm', goodArtifact = artifact, goodLinked = linked, before } = row;
    const previous = before && (await desiredOf(before.files, before.artifact, before.linked));
    expect(previous?.diagnostics.filter(({ severity }) => severity === 'error') ?? []).toEqual([]);
    const { diagnostics: found } = await desiredOf(files, artifact, linked, previous);
    const own = found.filter(({ code }) => code === row.code);
    expect(places(own)).toEqual(expected);
    for (const { message, remedy, severity } of own) {
      expect(`${message}\n${remedy}`).toContain(row.says);
      expect(severity).toBe('error');
    }
    const { diagnostics: good } = await desiredOf(row.good, goodArtifact, goodLinked, previous);
    expect(good.filter(({ severity, code }) => severity === 'error' && code !== 'HW1042')).toEqual([]);
  });
});
