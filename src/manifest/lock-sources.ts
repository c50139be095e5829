/** Where sources stand in documents as they are written: in Components, and in patches that an Environment has for them. */
import { isMap, isSeq, type Document, type YAMLMap } from 'yaml';
import { API_VERSION } from './kinds.ts';

type Path = readonly (string | number)[];

/** The name of an artifact, as far as it is written in this place: a patch may give the tag alone. */
export type PartialSource =
  | { readonly type: 'oci'; readonly image?: string; readonly tag?: string }
  | { readonly type: 'https'; readonly url?: string };

export interface WrittenSource {
  readonly node: YAMLMap;
  readonly source: PartialSource;
  /** `namespace/name` of the Component. */
  readonly component: string;
  /** It stands in a patch of an Environment; the rest of it is in a base. */
  readonly patch: boolean;
  /** From the root of the document to the fields. */
  readonly path: Path;
  /** Offsets of the text. */
  readonly start: number;
  readonly end: number;
}

export interface WrittenEnvironment {
  readonly file: string;
  /** As they are written. */
  readonly bases: readonly string[];
  readonly variables: ReadonlyMap<string, string>;
}

export function sourcesIn(document: Document.Parsed): readonly WrittenSource[] {
  switch (kindOf(document)) {
    case 'Component': {
      const name = nameAt(document, ['metadata']);
      return sourceAt(document, ['spec', 'source'], name, false);
    }
    case 'Environment':
      return indexesOf(document, ['spec', 'patches']).flatMap((index) => {
        const at = ['spec', 'patches', index];
        if (document.getIn([...at, 'target', 'kind']) !== 'Component') return [];
        return sourceAt(document, [...at, 'patch', 'spec', 'source'], nameAt(document, [...at, 'target']), true);
      });
    default:
      return [];
  }
}

/** The Environment that a document is, where it has bases. */
export function basesIn(document: Document.Parsed, file: string): readonly WrittenEnvironment[] {
  if (kindOf(document) !== 'Environment') return [];
  const bases = indexesOf(document, ['spec', 'bases']).map((index) => document.getIn(['spec', 'bases', index]));
  const variables = indexesOf(document, ['spec', 'variables']).flatMap((index) => {
    const [name, value] = ['name', 'value'].map((field) => document.getIn(['spec', 'variables', index, field]));
    return typeof name === 'string' && typeof value === 'string' ? [[name, value] as const] : [];
  });
  const written = bases.filter((base) => typeof base === 'string');
  return written.length === 0 ? [] : [{ file, bases: written, variables: new Map(variables) }];
}

function kindOf(document: Document.Parsed): unknown {
  const root: unknown = document.contents;
  return isMap(root) && root.get('apiVersion') === API_VERSION ? root.get('kind') : undefined;
}

function sourceAt(document: Document.Parsed, at: Path, component: string, patch: boolean): readonly WrittenSource[] {
  for (const type of ['oci', 'https'] as const) {
    const node: unknown = document.getIn([...at, type], true);
    if (!isMap(node) || !node.range) continue;
    const source = partialOf(node, type);
    const named = source.type === 'https' ? source.url : patch ? (source.image ?? source.tag) : source.image;
    if (named === undefined) continue;
    const [start, end] = node.range;
    return [{ node, source, component, patch, path: [...at, type], start, end }];
  }
  return [];
}

function partialOf(node: YAMLMap, type: 'oci' | 'https'): PartialSource {
  const [image, tag, url] = ['image', 'tag', 'url'].map((field) => {
    const value = node.get(field);
    return typeof value === 'string' ? value : undefined;
  });
  if (type === 'https') return { type, ...(url === undefined ? {} : { url }) };
  return { type, ...(image === undefined ? {} : { image }), ...(tag === undefined ? {} : { tag }) };
}

function nameAt(document: Document.Parsed, at: Path): string {
  return `${String(document.getIn([...at, 'namespace']))}/${String(document.getIn([...at, 'name']))}`;
}

function indexesOf(document: Document.Parsed, at: Path): readonly number[] {
  const list: unknown = document.getIn(at, true);
  return isSeq(list) ? [...list.items.keys()] : [];
}
