/**
 * `--changed-since`: which manifests differ from those of a commit, by the name that git gives to their bytes, so that a
 * work tree with edits that were not committed is compared as it lies there. A finding counts when its file has changed,
 * or an artifact that its document names.
 */
import { createHash } from 'node:crypto';
import type { Parsed } from '../../manifest/parsed.ts';
import { keyOf } from '../../manifest/parsed.ts';
import type { Digest } from '../../kit/digest.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';

/** What the commit holds, by path relative to what is linted. */
export interface Baseline {
  readonly oids: ReadonlyMap<string, string>;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** Of a blob in a repository with SHA-1 ids, the only ones that are read. */
export function blobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

export function findingsOfChanges(
  findings: readonly Diagnostic[],
  files: readonly ManifestFile[],
  digests: ReadonlyMap<string, Digest>,
  parsed: Parsed,
  baseline: Baseline,
): readonly Diagnostic[] {
  const changed = new Set(
    files.filter(({ path, bytes }) => baseline.oids.get(path) !== blobId(bytes)).map((file) => file.path),
  );
  const artifacts = new Set(
    [...digests].filter(([path, digest]) => baseline.digests.get(path) !== digest).map(([path]) => path),
  );
  const documents = new Set(
    parsed.documents.filter((document) => artifacts.has(artifactOf(document))).map((document) => nameOf(document)),
  );
  return findings.filter(({ span, subject }) => {
    if (!span || changed.has(span.file)) return true;
    return subject !== undefined && documents.has(nameOf({ namespace: '', ...subject }));
  });
}

function artifactOf(document: Parsed['documents'][number]): string {
  if (document.kind !== 'Component') return '';
  const { source } = (document as Parsed['documents'][number] & { value: { spec: { source: { path?: string } } } })
    .value.spec;
  return source.path?.replace(/^\.\//, '') ?? '';
}

function nameOf(subject: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${subject.kind} ${keyOf(subject)}`;
}
