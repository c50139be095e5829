/**
 * Digests into manifests: where the sources of artifacts stand in the text of a file, and the text with a digest in one
 * of them. Nothing but that one value changes: comments, order, quotes and line ends stay as they were written.
 */
import { isMap, isScalar, type Document, type YAMLMap } from 'yaml';
import { canonicalJson, type Json } from '../kit/json.ts';
import { isDigest, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Span } from '../model/problem.ts';
import { BOUNDS } from './bounds.ts';
import { finding } from './finding.ts';
import { API_VERSION } from './kinds.ts';
import { treeOf } from './tree.ts';
import { readYaml } from './yaml.ts';

/** What has to be asked for the digest. */
export type Asked =
  | { readonly type: 'oci'; readonly image: string; readonly tag: string }
  | { readonly type: 'https'; readonly url: string };

export interface LockPlace {
  readonly span: Span;
  readonly asked: Asked;
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

/** The sources of a file, in its order. A file with documents that cannot be read has none: lint says why. */
export function lockPlacesIn(file: string, text: string): Result<readonly LockPlace[], Diagnostic> {
  const yaml = readYaml(file, text, BOUNDS);
  if (!yaml.ok) return yaml;
  const places: LockPlace[] = [];
  for (const document of yaml.value.documents) {
    const [problem] = treeOf(document, yaml.value).problems;
    if (problem) return err(problem);
    const found = sourceOf(document);
    if (!found) continue;
    const { node, asked, start, end } = found;
    const written = node.get('digest');
    places.push({
      span: yaml.value.locate(start, end),
      asked,
      digest: typeof written === 'string' && isDigest(written) ? written : undefined,
      edit: (digest) => editOf(text, node, digest),
    });
  }
  return ok(places);
}

/** The text with all edits, if it says afterwards what it said before, and the digests. */
export function withDigests(
  file: string,
  text: string,
  edits: readonly { readonly place: LockPlace; readonly digest: Digest }[],
): Result<string, Diagnostic> {
  let edited = text;
  const ordered = edits.map(({ place, digest }) => place.edit(digest)).sort((a, b) => b.from - a.from);
  for (const edit of ordered) edited = edited.slice(0, edit.from) + edit.text + edited.slice(edit.to);
  const expected = meaningOf(file, text, new Map(edits.map(({ place, digest }) => [key(place.asked), digest])));
  if (expected !== undefined && expected === meaningOf(file, edited, new Map())) return ok(edited);
  const [first] = edits;
  const message = `the digest cannot be written into ${file} without changing more of it`;
  const remedy = `write it by hand: ${edits.map(({ digest }) => digest).join(', ')}`;
  return err(finding('HW2442', message, { ...(first ? { span: first.place.span } : {}), remedy }));
}

export function key(asked: Asked): string {
  return asked.type === 'https' ? asked.url : `${asked.image}:${asked.tag}`;
}

interface Found {
  readonly node: YAMLMap;
  readonly asked: Asked;
  readonly start: number;
  readonly end: number;
}

function sourceOf(document: Document.Parsed): Found | undefined {
  const root: unknown = document.contents;
  if (!isMap(root) || root.get('apiVersion') !== API_VERSION || root.get('kind') !== 'Component') return undefined;
  const oci = document.getIn(['spec', 'source', 'oci'], true);
  const https = document.getIn(['spec', 'source', 'https'], true);
  const node = isMap(oci) ? oci : isMap(https) ? https : undefined;
  if (!node?.range) return undefined;
  const [image, tag, url] = ['image', 'tag', 'url'].map((name) => node.get(name));
  const [start, end] = node.range;
  if (isMap(oci)) {
    if (typeof image !== 'string') return undefined;
    return { node, start, end, asked: { type: 'oci', image, tag: typeof tag === 'string' ? tag : 'latest' } };
  }
  return typeof url === 'string' ? { node, start, end, asked: { type: 'https', url } } : undefined;
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
function meaningOf(file: string, text: string, digests: ReadonlyMap<string, Digest>): string | undefined {
  const yaml = readYaml(file, text, BOUNDS);
  if (!yaml.ok) return undefined;
  const values: Json[] = [];
  for (const document of yaml.value.documents) {
    const { value, problems } = treeOf(document, yaml.value);
    if (problems.length > 0) return undefined;
    const found = sourceOf(document);
    const digest = found && digests.get(key(found.asked));
    values.push(digest ? withDigest(value, found.asked.type, digest) : value);
  }
  return canonicalJson(values);
}

function withDigest(value: Json, type: Asked['type'], digest: Digest): Json {
  const document = value as {
    readonly spec: { readonly source: Readonly<Record<string, Readonly<Record<string, Json>>>> };
  };
  const { spec } = document;
  const source = { ...spec.source, [type]: { ...spec.source[type], digest } };
  return { ...(document as unknown as Record<string, Json>), spec: { ...spec, source } as unknown as Json };
}
