/**
 * `--changed-since`: which manifests differ from those of a commit, by the name that git gives to their bytes, so that a
 * work tree with edits that were not committed is compared as it lies there. A finding counts when its file has changed,
 * or an artifact that its document names.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Parsed } from '../../manifest/parsed.ts';
import { keyOf } from '../../manifest/parsed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';

/** The names that the commit has for its files, by path relative to what is linted. */
export type Baseline = ReadonlyMap<string, string>;

/** Of a blob of so many bytes in a repository with SHA-1 ids, the only ones that are read; the bytes are to follow. */
export function blobHash(bytes: number): Hash {
  return createHash('sha1').update(`blob ${bytes}\0`);
}

/** `artifacts`: what git would call those that the documents name. */
export function findingsOfChanges(
  findings: readonly Diagnostic[],
  files: readonly ManifestFile[],
  artifacts: ReadonlyMap<string, string>,
  parsed: Parsed,
  baseline: Baseline,
): readonly Diagnostic[] {
  const blobId = (bytes: Uint8Array): string => blobHash(bytes.byteLength).update(bytes).digest('hex');
  const changed = new Set(
    files.filter(({ path, bytes }) => baseline.get(path) !== blobId(bytes)).map((file) => file.path),
  );
  const replaced = new Set([...artifacts].filter(([path, id]) => baseline.get(path) !== id).map(([path]) => path));
  const documents = new Set(
    parsed.documents.filter((document) => replaced.has(artifactOf(document))).map((document) => nameOf(document)),
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
