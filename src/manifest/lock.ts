/**
 * Digests into manifests: where the sources of artifacts stand in the text of a file, and the text with a digest in one
 * of them. Nothing but that one value changes: comments, order, quotes and line ends stay as they were written.
 */
import { isScalar, type YAMLMap } from 'yaml';
import { canonicalJson, type Json } from '../kit/json.ts';
import { isDigest, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Span } from '../model/problem.ts';
import { BOUNDS } from './bounds.ts';
import { finding } from './finding.ts';
import { basesIn, sourcesIn, type WrittenEnvironment, type WrittenSource } from './lock-sources.ts';
import { treeOf } from './tree.ts';
import { readYaml } from './yaml.ts';

export type { WrittenEnvironment } from './lock-sources.ts';

/** What has to be asked for the digest. */
export type Asked =
  | { readonly type: 'oci'; readonly image: string; readonly tag: string }
  | { readonly type: 'https'; readonly url: string };

export interface LockPlace extends Omit<WrittenSource, 'node' | 'start' | 'end'> {
  readonly span: Span;
  /** Which document of the file. */
  readonly document: number;
  /** What is written there now. */
  readonly digest: Digest | undefined;
  readonly edit: (digest: Digest) => TextEdit;
}

/** Replaces `from` to `to` (offsets of the text). */
export interface TextEdit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface LockFile {
  /** In the order of the file. */
  readonly places: readonly LockPlace[];
  readonly environments: readonly WrittenEnvironment[];
}

/** The sources of a file. One with documents that cannot be read is an error; lint says more. */
export function lockPlacesIn(file: string, text: string): Result<LockFile, Diagnostic> {
  const yaml = readYaml(file, text, BOUNDS);
  if (!yaml.ok) return yaml;
  const places: LockPlace[] = [];
  const environments: WrittenEnvironment[] = [];
  for (const [index, document] of yaml.value.documents.entries()) {
    const [problem] = treeOf(document, yaml.value).problems;
    if (problem) return err(problem);
    environments.push(...basesIn(document, file));
    for (const { node, start, end, ...found } of sourcesIn(document)) {
      const written = node.get('digest');
      places.push({
        ...found,
        span: yaml.value.locate(start, end),
        document: index,
        digest: typeof written === 'string' && isDigest(written) ? written : undefined,
        edit: (digest) => editOf(text, node, digest),
      });
    }
  }
  return ok({ places, environments });
}

export interface DigestEdit {
  readonly place: LockPlace;
  readonly digest: Digest;
}

/** The text with all edits, if it says afterwards what it said before, and the digests. */
export function withDigests(file: string, text: string, edits: readonly DigestEdit[]): Result<string, Diagnostic> {
  let edited = text;
  const ordered = edits.map(({ place, digest }) => place.edit(digest)).sort((a, b) => b.from - a.from);
  for (const edit of ordered) edited = edited.slice(0, edit.from) + edit.text + edited.slice(edit.to);
  const expected = meaningOf(file, text, edits);
  if (expected !== undefined && expected === meaningOf(file, edited, [])) return ok(edited);
  const [first] = edits;
  const message = `the digest cannot be written into ${file} without changing more of it`;
  const remedy = `write it by hand: ${edits.map(({ digest }) => digest).join(', ')}`;
  return err(finding('HW2442', message, { ...(first ? { span: first.place.span } : {}), remedy }));
}

export function key(asked: Asked): string {
  return asked.type === 'https' ? asked.url : `${asked.image}:${asked.tag}`;
}

function editOf(text: string, node: YAMLMap, digest: Digest): TextEdit {
  const written = node.get('digest', true);
  if (isScalar(written) && written.range && written.value !== null) {
    const [from, to] = written.range;
    const quote = text[from] === "'" || text[from] === '"' ? text[from] : '';
    return { from, to, text: `${quote}${digest}${quote}` };
  }
  const last = node.items.at(-1)?.value;
  const lastEnd = isScalar(last) && last.range ? last.range[1] : node.range![1];
  if (node.flow) return { from: lastEnd, to: lastEnd, text: `, digest: "${digest}"` };
  const first = node.range![0];
  const indent = text.slice(text.lastIndexOf('\n', first - 1) + 1, first);
  const lineEnd = text.indexOf('\n', lastEnd);
  const line = `${indent}digest: "${digest}"`;
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  if (lineEnd < 0) return { from: text.length, to: text.length, text: `${newline}${line}` };
  return { from: lineEnd + 1, to: lineEnd + 1, text: `${line}${newline}` };
}

/** All documents as one text, with these digests in their sources. */
function meaningOf(file: string, text: string, edits: readonly DigestEdit[]): string | undefined {
  const yaml = readYaml(file, text, BOUNDS);
  if (!yaml.ok) return undefined;
  const values: Json[] = [];
  for (const [index, document] of yaml.value.documents.entries()) {
    const { value, problems } = treeOf(document, yaml.value);
    if (problems.length > 0) return undefined;
    const own = edits.filter(({ place }) => place.document === index);
    values.push(
      own.reduce<Json>((whole, { place, digest }) => withValue(whole, [...place.path, 'digest'], digest), value),
    );
  }
  return canonicalJson(values);
}

function withValue(whole: Json, [first, ...rest]: readonly (string | number)[], value: Json): Json {
  if (first === undefined) return value;
  if (Array.isArray(whole)) {
    return (whole as readonly Json[]).map((item, index) => (index === first ? withValue(item, rest, value) : item));
  }
  const fields = whole as Readonly<Record<string, Json>>;
  return { ...fields, [first]: withValue(fields[first] ?? null, rest, value) };
}
