/**
 * Bases: documents outside of the followed path that an Environment takes in, filled with its variables and changed by
 * its patches. What comes out is as if it had been written: everything after this sees whole documents.
 *
 * Invariants
 * B1 A document of a base is checked by its schema after its patches, never before; what is wrong is found where it is
 *    written, in the base or in the patch.
 * B2 What is not known closes: without exactly one valid Environment nobody knows the bases, and the commit is refused
 *    as a whole where there were some before. Documents of a base never go away because the Environment was broken.
 */
import type { Json } from '../kit/json.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Desired, InvalidDocument } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { atValue } from './assemble/assembly.ts';
import { environmentsIn } from './assemble/choose-environment.ts';
import { finding } from './finding.ts';
import { mergePatch, type Placed } from './merge-patch.ts';
import { about, bounded, documentProblems, toParsed } from './parse.ts';
import { identityOf, keyOf, type Identity, type Parsed, type ParsedDocument, type Template } from './parsed.ts';
import { spanOfKey, spanOfValue, valueAt, type Place } from './place.ts';
import { closest } from './suggest.ts';
import { Variables } from './substitute.ts';
import { BOUNDS } from './bounds.ts';
import type { Validators } from './validator.ts';

type EnvironmentDocument = ParsedDocument<'Environment'>;

/** The bases to read, relative to the followed path. HW1150: it cannot be known which. */
export function basesOf(parsed: Parsed, previous: Desired | undefined): Result<readonly string[], Diagnostic> {
  const environments = environmentsIn(parsed, previous?.environment);
  const [environment] = environments;
  if (environments.length === 1) return ok(environment!.value.spec.bases ?? []);
  const before = previous?.environment.bases ?? [];
  const now = environments.flatMap(({ value }) => value.spec.bases ?? []);
  if (before.length + now.length === 0) return ok([]);
  const message = `there is not exactly one valid Environment: nobody knows which bases hold (${[...before, ...now].join(', ')})`;
  return err(
    finding('HW1150', message, environment ? { span: spanOfKey(environment.file, environment.places, '/kind') } : {}),
  );
}

/** The documents of the followed path and those of the bases together. `bases` holds what was read of them. */
export function overlaid(parsed: Parsed, bases: Parsed, previous: Desired | undefined, validators: Validators): Parsed {
  const [environment] = environmentsIn(parsed, previous?.environment);
  if (!environment) return parsed;
  const { spec } = environment.value;
  const variables = new Variables(new Map((spec.variables ?? []).map(({ name, value }) => [name, value])));
  const patched = new Set<number>();
  const documents: ParsedDocument[] = [...parsed.documents];
  const invalid: InvalidDocument[] = [...parsed.invalid, ...bases.invalid];
  const targets: string[] = [];
  const unreadable = new Set([...parsed.unreadableFiles, ...bases.unreadableFiles]);
  for (const template of bases.templates ?? []) {
    const made = makeDocument(template, { environment, variables, patched, validators });
    targets.push(targetText(made.identity));
    if (made.problems.length === 0) {
      documents.push(fromBase(toParsed(template.file, made.placed, made.identity), template.base, made.own));
      continue;
    }
    const problems = about(made.identity, bounded(made.problems, BOUNDS));
    invalid.push({ ...made.identity, file: template.file, problems });
    if (made.identity.name === undefined) unreadable.add(template.file);
  }
  const problems = [
    ...(spec.variables ?? []).flatMap(({ name }, index) =>
      variables.used.has(name) ? [] : [unusedVariable(environment, index, name)],
    ),
    ...(spec.patches ?? []).flatMap((_, index) =>
      patched.has(index) ? [] : [withoutTarget(environment, index, targets)],
    ),
  ];
  // Without a name: they refuse nothing else of the Environment.
  if (problems.length > 0) invalid.push({ kind: 'Environment', file: environment.file, problems });
  return { documents, invalid, unreadableFiles: [...unreadable] };
}

interface Making {
  readonly environment: EnvironmentDocument;
  readonly variables: Variables;
  /** Indices of the patches that found a target. */
  readonly patched: Set<number>;
  readonly validators: Validators;
}

function makeDocument(template: Template, { environment, variables, patched, validators }: Making) {
  const { file } = template;
  const filled = variables.substitute(template.value);
  const identity = identityOf(filled.value);
  const problems: Diagnostic[] = filled.faults.map(({ pointer, message }) =>
    finding('HW1151', message, { span: spanOfValue(file, template.places, pointer) }),
  );
  let placed: Placed = { value: filled.value, places: template.places };
  let own: OwnPaths = { source: true, folders: true };
  for (const [index, { target, patch }] of (environment.value.spec.patches ?? []).entries()) {
    if (targetText(target) !== targetText(identity)) continue;
    patched.add(index);
    const at = `/spec/patches/${index}/patch`;
    placed = mergePatch(placed, { value: patch as Json, places: environment.places, file: environment.file, at });
    own = { source: own.source && !setsPath(patch as Json), folders: own.folders && !setsGrants(patch as Json) };
    if (targetText(identityOf(placed.value)) !== targetText(identity)) {
      problems.push(atValue(environment, at, 'HW1153', `the patch makes another document of ${targetText(identity)}`));
      return { identity, problems, placed, own };
    }
  }
  if (identity.kind === 'Environment') {
    const span = spanOfValue(file, placed.places, '/kind');
    problems.push(finding('HW1150', 'an Environment is not part of a base: it says which bases there are', { span }));
  }
  if (problems.length === 0) {
    const tree = { value: placed.value, places: placed.places, problems: [] };
    problems.push(...documentProblems(file, tree, identity, validators).map((one) => aboutVariables(template, one)));
  }
  return { identity, problems, placed, own };
}

/** Which paths of a document are the base's own: no patch has set them. */
interface OwnPaths {
  readonly source: boolean;
  readonly folders: boolean;
}

function setsGrants(patch: Json): boolean {
  return (patch as { readonly spec?: { readonly capabilities?: unknown } | null }).spec?.capabilities !== undefined;
}

/** A value that was made by variables is a text, whatever they say. */
function aboutVariables({ file, value, places }: Template, found: Diagnostic): Diagnostic {
  if (found.code !== 'HW1015' || found.span?.file !== file) return found;
  const { line, column } = found.span;
  const isThere = ([pointer, [atLine, atColumn]]: [string, Place]): boolean =>
    atLine === line && atColumn === column && isVariable(valueAt(value, pointer));
  if (!Object.entries(places).some(isThere)) return found;
  return { ...found, remedy: 'a variable makes a text: give this value by a patch of the Environment' };
}

function isVariable(value: Json | undefined): boolean {
  return typeof value === 'string' && value.includes('${');
}

function setsPath(patch: Json): boolean {
  const source = (patch as { readonly spec?: { readonly source?: { readonly path?: unknown } | null } | null }).spec
    ?.source;
  return typeof source?.path === 'string';
}

/** A path in a base is relative to the base; one in a patch to the followed path, like all of the Environment. */
function fromBase(document: ParsedDocument, base: string, own: OwnPaths): ParsedDocument {
  if (document.kind !== 'Component' && document.kind !== 'Role') return document;
  const { value } = document as ParsedDocument<'Component'>;
  const below = (path: string): string => `${base}/${path.replace(/^\.\//, '')}`;
  const { source, capabilities } = value.spec as Partial<typeof value.spec>;
  const moved = {
    ...(own.source && source?.path !== undefined ? { source: { ...source, path: below(source.path) } } : {}),
    ...(own.folders && capabilities ? { capabilities: capabilities.map((grant) => grantFromBase(grant, below)) } : {}),
  };
  return { ...document, value: { ...value, spec: { ...value.spec, ...moved } } } as ParsedDocument;
}

function grantFromBase<Item extends { readonly filesystem?: { readonly path?: string } }>(
  grant: Item,
  below: (path: string) => string,
): Item {
  const { filesystem } = grant;
  if (filesystem?.path === undefined) return grant;
  return { ...grant, filesystem: { ...filesystem, path: below(filesystem.path) } };
}

function targetText({ kind, namespace = '', name = '' }: Identity): string {
  return `${kind} ${keyOf({ namespace, name })}`;
}

function unusedVariable(environment: EnvironmentDocument, index: number, name: string): Diagnostic {
  const message = `no document of a base uses the variable \`${name}\``;
  return atValue(environment, `/spec/variables/${index}/name`, 'HW1152', message);
}

function withoutTarget(environment: EnvironmentDocument, index: number, targets: readonly string[]): Diagnostic {
  const target = targetText(environment.value.spec.patches![index]!.target);
  const meant = closest(target, targets);
  const remedy = meant === undefined ? undefined : `did you mean ${meant}?`;
  const message = `no base has ${target}`;
  return atValue(environment, `/spec/patches/${index}/target/name`, 'HW1154', message, remedy);
}
