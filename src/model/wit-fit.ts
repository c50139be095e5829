/**
 * Whether what one component imports is what another exports: by version and by type, from their shapes alone.
 *
 * F1 Subtyping as the component model has it for instances: the provider may export more; every function and named type of
 *    the import must be there, and equal in names, order and structure. Value types have no subtypes: their layout differs.
 * F2 Linear in the number of types, without recursion: a table refers backwards only (T1) and holds each type once (T2).
 */
import { exportFor } from './wit-version.ts';
import {
  partsOf,
  splitVersion,
  type ComponentShape,
  type WitFunction,
  type WitInterface,
  type WitType,
  type WitTypeRef,
} from './wit.ts';
import { functionText, typeText } from './wit-text.ts';

/** What became of one link. */
export type Fit =
  /** `export` is the provider's spelling, `functions` what the import calls. */
  | { readonly type: 'Fits'; readonly export: string; readonly functions: readonly string[] }
  | { readonly type: 'NotImported'; readonly imported: readonly string[] }
  /** The interface is imported in two versions, and the bindings have one place for both. */
  | { readonly type: 'Ambiguous'; readonly versions: readonly string[] }
  | { readonly type: 'NotExported'; readonly exported: readonly string[] }
  | { readonly type: 'OtherVersion'; readonly versions: readonly string[] }
  | { readonly type: 'Resources'; readonly what: string }
  | { readonly type: 'Differs'; readonly what: string };

/** Holds one import of a component against another component's exports. */
export function fitOf(
  importName: string,
  consumer: Pick<ComponentShape, 'types' | 'imports'>,
  provider: Pick<ComponentShape, 'types' | 'exports'>,
): Fit {
  const [plain] = splitVersion(importName);
  const wanted = consumer.imports.interfaces.find(({ name }) => name === importName);
  const imported = consumer.imports.interfaces.map(({ name }) => name);
  if (!wanted) return { type: 'NotImported', imported };
  const versions = imported.filter((name) => splitVersion(name)[0] === plain);
  if (versions.length > 1) return { type: 'Ambiguous', versions };
  const exported = provider.exports.interfaces.map(({ name }) => name);
  const offers = exported.filter((name) => splitVersion(name)[0] === plain);
  if (offers.length === 0) return { type: 'NotExported', exported };
  const chosen = exportFor(importName, exported);
  const offer = provider.exports.interfaces.find(({ name }) => name === chosen);
  if (!offer) return { type: 'OtherVersion', versions: offers };
  const resource = resourceIn(wanted, consumer.types) ?? resourceIn(offer, provider.types, wanted);
  if (resource !== undefined) return { type: 'Resources', what: resource };
  const what = differenceOf(wanted, consumer.types, offer, provider.types);
  if (what !== undefined) return { type: 'Differs', what };
  return { type: 'Fits', export: offer.name, functions: wanted.functions.map(({ name }) => name) };
}

/** The first function or type that is missing or another; `undefined` where the provider's interface will do. */
export function differenceOf(
  wanted: WitInterface,
  wantedTypes: readonly WitType[],
  offer: WitInterface,
  offeredTypes: readonly WitType[],
): string | undefined {
  const equal = equalTypes(wantedTypes, offeredTypes);
  const same = (one: WitTypeRef | undefined, other: WitTypeRef | undefined): boolean =>
    typeof one === 'number' ? equal[one] !== undefined && equal[one] === other : one === other;
  const sameFunction = (one: WitFunction, other: WitFunction): boolean =>
    one.params.length === other.params.length &&
    same(one.result, other.result) &&
    one.params.every(({ name, type }, at) => name === other.params[at]!.name && same(type, other.params[at]!.type));
  for (const one of wanted.functions) {
    const other = offer.functions.find(({ name }) => name === one.name);
    const asked = functionText(one, wantedTypes);
    if (!other) return `it calls ${asked}, which is not there`;
    if (!sameFunction(one, other)) return `it calls ${asked}; there is ${functionText(other, offeredTypes)}`;
  }
  for (const { name, type } of wanted.types) {
    const other = offer.types.find((candidate) => candidate.name === name);
    if (!other) return `it uses the type ${name}, which is not there`;
    if (same(type, other.type)) continue;
    return `to it ${name} is ${typeText(type, wantedTypes)}; there it is ${typeText(other.type, offeredTypes)}`;
  }
  return undefined;
}

/** For each type of the first table, the position of its equal in the second. */
function equalTypes(types: readonly WitType[], others: readonly WitType[]): readonly (number | undefined)[] {
  const positions = new Map<string, number>();
  for (const [position, type] of others.entries()) {
    const key = structureOf(type, (ref) => String(ref));
    if (key !== undefined) positions.set(key, position);
  }
  const equal: (number | undefined)[] = [];
  for (const type of types) {
    const mapped = (ref: WitTypeRef): string | undefined => {
      if (typeof ref !== 'number') return ref;
      return equal[ref] === undefined ? undefined : String(equal[ref]);
    };
    const key = structureOf(type, mapped);
    equal.push(key === undefined ? undefined : positions.get(key));
  }
  return equal;
}

/** One text per structure; `undefined` where a part of it has no equal, and for handles. */
function structureOf(type: WitType, spell: (ref: WitTypeRef) => string | undefined): string | undefined {
  const parts: (string | undefined)[] = [];
  const part = (ref: WitTypeRef | undefined): void => void parts.push(ref === undefined ? '' : spell(ref));
  switch (type.kind) {
    case 'record':
      for (const field of type.fields) parts.push(field.name, spell(field.type));
      break;
    case 'variant':
      for (const item of type.cases) {
        parts.push(item.name);
        part(item.type);
      }
      break;
    case 'enum':
    case 'flags':
      parts.push(...type.names);
      break;
    case 'tuple':
      for (const item of type.types) part(item);
      break;
    case 'list':
      part(type.element);
      break;
    case 'option':
      part(type.some);
      break;
    case 'result':
      part(type.ok);
      part(type.err);
      break;
    default:
      return undefined;
  }
  return parts.includes(undefined) ? undefined : `${type.kind} ${parts.join(' ')}`;
}

/** What of an interface is or holds a resource; with `only`, in the functions that another names. */
function resourceIn(
  { resources, functions }: WitInterface,
  types: readonly WitType[],
  only?: WitInterface,
): string | undefined {
  const [resource] = only ? [] : resources;
  if (resource) return `the resource ${resource.name}`;
  const holds = holdingHandles(types);
  const isHandle = (ref: WitTypeRef | undefined): boolean => typeof ref === 'number' && holds[ref] === true;
  const found = functions.find(
    ({ name, params, result }) =>
      (!only || only.functions.some((item) => item.name === name)) &&
      (isHandle(result) || params.some(({ type }) => isHandle(type))),
  );
  return found && `a handle in ${functionText(found, types)}`;
}

/** For each type, whether a handle is anywhere in it. */
function holdingHandles(types: readonly WitType[]): readonly boolean[] {
  const holds: boolean[] = [];
  for (const type of types) {
    const isHandle = type.kind === 'own' || type.kind === 'borrow';
    holds.push(isHandle || partsOf(type).some((ref) => typeof ref === 'number' && holds[ref] === true));
  }
  return holds;
}
