import type { Json } from '../kit/json.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { InvalidDocument } from '../model/desired.ts';
import { BOUNDS, type Bounds } from './bounds.ts';
import { byPlace, finding } from './finding.ts';
import { API_VERSION, CLUSTER_SCOPED, isKind, LATER_KINDS, SCHEMAS, type Kind } from './kinds.ts';
import { identityOf, type Identity, type Parsed, type ParsedDocument, type Template } from './parsed.ts';
import { spanOfKey, spanOfValue, type Places } from './place.ts';
import { meaningOf } from './schema-finding.ts';
import { closest } from './suggest.ts';
import { decodeText } from './text.ts';
import { treeOf, type Tree } from './tree.ts';
import { createValidators, type Validate, type Validators } from './validator.ts';
import { readYaml } from './yaml.ts';

export interface SourceFile {
  /** Relative to the followed path, `/` between segments. */
  readonly path: string;
  /** Empty of a link. */
  readonly bytes: Uint8Array;
  /** A symbolic link, which is never followed. */
  readonly isLink?: true;
  /** The base that it belongs to: its path begins with it. */
  readonly base?: string;
}

export type Parse = (files: readonly SourceFile[]) => Parsed;
export type ParseFile = (file: SourceFile) => Parsed;

/**
 * YAML files outside of hidden folders (`.github/workflows`, `.headway.yaml`). Everything that this names has to be a
 * Headway document: to ignore what looks foreign would let a typo in `apiVersion` delete a component.
 */
export function isManifestPath(path: string): boolean {
  return /\.ya?ml$/.test(path) && !path.split('/').some((segment) => segment.startsWith('.'));
}

/**
 * Bytes → documents that fit their schema, and diagnostics for the rest. Total: it never throws on any bytes. Each
 * document stands for itself: what is wrong with one leaves the others of the file as they are.
 */
export function createParseFile(bounds: Bounds = BOUNDS): ParseFile {
  const validators = createValidators();
  return (file) => parseFile(file, validators, bounds);
}

/** All files of a commit at once, in this process. */
export function createParse(bounds: Bounds = BOUNDS): Parse {
  const parseOne = createParseFile(bounds);
  return (files) => {
    const manifests = manifestFiles(files);
    return overLimits(manifests, bounds) ?? merged(manifests.map(parseOne));
  };
}

/** The files that are manifests, in the order of their paths. */
export function manifestFiles<File extends SourceFile>(files: readonly File[]): readonly File[] {
  return files
    .filter(({ path, base }) => isManifestPath(base === undefined ? path : path.slice(base.length + 1)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function merged(files: readonly Parsed[]): Parsed {
  const templates = files.flatMap((file) => file.templates ?? []);
  return {
    documents: files.flatMap((file) => file.documents),
    invalid: files.flatMap((file) => file.invalid),
    unreadableFiles: files.flatMap((file) => file.unreadableFiles),
    ...(templates.length === 0 ? {} : { templates }),
  };
}

/** What a commit over the limits becomes: every file of it is unreadable. */
export function overLimits(files: readonly SourceFile[], bounds: Bounds = BOUNDS): Parsed | undefined {
  const refused = tooMuch(files, bounds);
  return refused && merged(files.map((file) => unreadable(file.path, refused)));
}

/** Paths of artifacts that the documents name; relative to the followed path. */
export function artifactPathsOf(parsed: Parsed): readonly string[] {
  const paths = parsed.documents.flatMap((document) => {
    const path =
      document.kind === 'Component' ? (document as ParsedDocument<'Component'>).value.spec.source.path : undefined;
    return path === undefined ? [] : [path.replace(/^\.\//, '')];
  });
  return [...new Set(paths)].sort();
}

function tooMuch(files: readonly SourceFile[], bounds: Bounds): Diagnostic | undefined {
  const total = files.reduce((sum, file) => sum + file.bytes.byteLength, 0);
  if (files.length > bounds.maxFiles) {
    return finding('HW1003', `the commit has ${files.length} manifest files; at most ${bounds.maxFiles} are read`);
  }
  if (total > bounds.maxTotalBytes) {
    return finding('HW1003', `the manifests have ${total} bytes; at most ${bounds.maxTotalBytes} are read`);
  }
  return undefined;
}

function parseFile(file: SourceFile, validators: Validators, bounds: Bounds): Parsed {
  // Passed over, it would take what it leads to out of the fleet.
  if (file.isLink) return unreadable(file.path, linkFinding(file.path));
  const text = decodeText(file.path, file.bytes, bounds);
  if (!text.ok) return unreadable(file.path, text.error);
  const yaml = readYaml(file.path, text.value, bounds);
  if (!yaml.ok) return unreadable(file.path, yaml.error);
  const documents: ParsedDocument[] = [];
  const invalid: InvalidDocument[] = [];
  const templates: Template[] = [];
  let readable = true;
  for (const document of yaml.value.documents) {
    const tree = treeOf(document, yaml.value);
    if (tree.value === null && tree.problems.length === 0) continue;
    if (file.base !== undefined && tree.problems.length === 0) {
      templates.push({ file: file.path, base: file.base, value: tree.value, places: tree.places });
      continue;
    }
    const identity = identityOf(tree.value);
    const problems = tree.problems.length > 0 ? tree.problems : documentProblems(file.path, tree, identity, validators);
    if (problems.length === 0) {
      documents.push(toParsed(file.path, tree, identity));
      continue;
    }
    invalid.push({ ...identity, file: file.path, problems: about(identity, bounded(problems, bounds)) });
    // After a syntax error nobody knows what the author meant to be in the file.
    if (!isNamed(identity) || problems.some((problem) => problem.code === 'HW1001')) readable = false;
  }
  const unreadableFiles = readable ? [] : [file.path];
  return { documents, invalid, unreadableFiles, ...(templates.length === 0 ? {} : { templates }) };
}

function linkFinding(file: string): Diagnostic {
  const remedy =
    'commit the file itself in its place; what several roots share is a base (spec.bases of the Environment)';
  const span = { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
  return finding('HW1002', `${file} is a symbolic link, and none is ever followed`, { span, remedy });
}

/** A file of which nothing can be taken. */
export function unreadable(file: string, problem: Diagnostic): Parsed {
  return { documents: [], invalid: [{ kind: 'Unknown', file, problems: [problem] }], unreadableFiles: [file] };
}

export function toParsed(
  file: string,
  { value, places }: Pick<Tree, 'value' | 'places'>,
  { kind, namespace, name }: Identity,
): ParsedDocument {
  // The schema of the kind has been checked: this is the one place where plain data becomes a typed document.
  return { file, kind, namespace: namespace ?? '', name: name!, value, places } as unknown as ParsedDocument;
}

function isNamed(identity: Identity): boolean {
  return identity.name !== undefined && (identity.namespace !== undefined || CLUSTER_SCOPED.has(identity.kind));
}

/** First whether it is a document of ours at all, then its schema: the errors of a wrong schema would only confuse. */
export function documentProblems(
  file: string,
  tree: Tree,
  identity: Identity,
  validators: Validators,
): readonly Diagnostic[] {
  const { value, places } = tree;
  if (typeof value !== 'object' || Array.isArray(value)) {
    return [finding('HW1015', 'the document is not a mapping', { span: spanOfValue(file, places, '') })];
  }
  const head = value as { readonly apiVersion?: Json; readonly kind?: Json };
  if (head.apiVersion !== API_VERSION) {
    const message =
      head.apiVersion === undefined
        ? 'the document has no apiVersion'
        : `the apiVersion is ${show(head.apiVersion)}, not ${API_VERSION}`;
    return [finding('HW1010', message, { span: spanOfValue(file, places, '/apiVersion') })];
  }
  if (isKind(identity.kind)) return schemaFindings(file, value, places, validators[identity.kind]);
  return [unknownKind(head.kind, spanOfValue(file, places, '/kind'))];
}

function unknownKind(kind: Json | undefined, span: ReturnType<typeof spanOfValue>): Diagnostic {
  if (typeof kind === 'string' && LATER_KINDS.includes(kind)) {
    return finding('HW1012', `kind ${kind} is part of ${API_VERSION} but not implemented yet`, { span });
  }
  if (kind === 'Runtime') {
    const remedy = 'move the file out of the followed path and give it to the daemon with --config';
    return finding('HW1011', "kind Runtime is the host's own file and not a manifest", { span, remedy });
  }
  const kinds = Object.keys(SCHEMAS) as Kind[];
  const meant = typeof kind === 'string' ? closest(kind, [...kinds, ...LATER_KINDS]) : undefined;
  const remedy = `${meant ? `did you mean \`${meant}\`? ` : ''}the kinds are ${kinds.join(', ')}`;
  const message = kind === undefined ? 'there is no kind' : `${show(kind)} is not a kind of ${API_VERSION}`;
  return finding('HW1011', message, { span, remedy });
}

/** The errors of the schema at their places, one for each place and code, in the order of the file. */
export function schemaFindings(file: string, value: Json, places: Places, validate: Validate): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const error of validate(value)) {
    const meaning = meaningOf(error);
    if (!meaning) continue;
    const { code, message, pointer, at, remedy, fix } = meaning;
    const span = at === 'key' ? spanOfKey(file, places, pointer) : spanOfValue(file, places, pointer);
    const key = `${code} ${pointer} ${code === 'HW1014' ? message : ''}`;
    if (!found.has(key)) found.set(key, finding(code, message, { span, fix, ...(remedy ? { remedy } : {}) }));
  }
  return [...found.values()].sort(byPlace);
}

export function bounded(problems: readonly Diagnostic[], bounds: Bounds): readonly Diagnostic[] {
  if (problems.length <= bounds.maxProblemsPerDocument) return problems;
  const shown = problems.slice(0, bounds.maxProblemsPerDocument - 1);
  const next = problems[shown.length]!;
  const message = `${problems.length - shown.length} more problems in this document; this is the next: ${next.message}`;
  return [...shown, { ...next, message }];
}

export function about({ kind, namespace, name }: Identity, problems: readonly Diagnostic[]): readonly Diagnostic[] {
  if (name === undefined) return problems;
  const subject = namespace === undefined ? { kind, name } : { kind, namespace, name };
  return problems.map((problem) => ({ ...problem, subject }));
}

const MAX_SHOWN = 60;

function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
