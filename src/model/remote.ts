/**
 * Calls between cells, as plain data that outlives the binaries: what a cell calls in other entries' cells and how others
 * may call it, each function by a hash of its types. So two releases can be compared although only one of them is in git.
 */
import { hashOfJson } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import { uncallable } from './callable.ts';
import type { EntryKey } from './component.ts';
import { entriesMeant } from './entry-host.ts';
import type { Digest } from '../kit/digest.ts';
import type { ComponentShape, ShapeOf, WitFunction, WitInterface, WitType, WitTypeRef } from './wit.ts';
import { exportFor } from './wit-version.ts';

/** How many cells a call may pass, one calling the other: what ends a circle of entries that call each other. */
export const MAX_REMOTE_DEPTH = 16;

/** Functions of one interface: names, and a hash of parameters and result. */
export type TypedNames = { readonly [functionName: string]: string };

/** One Remote link of a member of a cell. */
export interface RemoteCall {
  readonly component: EntryKey;
  /** As the member spells it: `shop:tax/rates@0.2.0`. */
  readonly import: string;
  /** Absent: the types were not known when the commit was read. */
  readonly functions?: TypedNames;
}

/** One exported interface of an entry that others link. */
export interface RemoteOffer {
  readonly interface: string;
  readonly functions: TypedNames;
}

/** What an entry has to do with other cells. No part of any identity: it follows from what is. */
export interface RemoteSide {
  /** Sorted by component and import. */
  readonly calls: readonly RemoteCall[];
  /** Hosts of other entries that its grants name, `*.shop.headway` too: it may ask them over HTTP. Absent: none. */
  readonly hosts?: readonly string[];
  /** Of the interfaces that others link; absent: nobody does, or the types were not known. */
  readonly offers?: readonly RemoteOffer[];
  /** Entries whose cells call this one, or may ask it, sorted. */
  readonly callers: readonly EntryKey[];
}

/** By entry: who may ask it over HTTP, itself included. */
export function askersOf(
  asks: Iterable<readonly [EntryKey, readonly string[]]>,
  entries: readonly EntryKey[],
): ReadonlyMap<EntryKey, ReadonlySet<EntryKey>> {
  const meant = new Map<string, readonly EntryKey[]>();
  const found = new Map<EntryKey, Set<EntryKey>>();
  for (const [from, hosts] of asks) {
    for (const host of hosts) {
      if (!meant.has(host)) meant.set(host, entriesMeant(host, entries));
      for (const to of meant.get(host)!) found.set(to, (found.get(to) ?? new Set()).add(from));
    }
  }
  return found;
}

/** Whether every function of the call is exported with equal types. What is not known does not fit. */
export function fitsRemotely(call: RemoteCall, offers: readonly RemoteOffer[] | undefined): boolean {
  if (!call.functions || !offers) return false;
  const chosen = exportFor(
    call.import,
    offers.map((offer) => offer.interface),
  );
  const offered = offers.find((offer) => offer.interface === chosen)?.functions;
  return offered !== undefined && Object.entries(call.functions).every(([name, types]) => offered[name] === types);
}

/** The types of one import of a component; `undefined` where they are not known. */
export function calledTypes(name: string, artifact: Digest, shapeOf: ShapeOf): TypedNames | undefined {
  const shape = shapeOf(artifact);
  const found = shape?.ok ? shape.value.imports.interfaces.find((item) => item.name === name) : undefined;
  return found && shape?.ok ? typedNames(found, shape.value) : undefined;
}

/** What a component offers of the interfaces that are linked, whatever the version. */
export function offersOf(
  linked: readonly string[],
  artifact: Digest,
  shapeOf: ShapeOf,
): readonly RemoteOffer[] | undefined {
  const shape = shapeOf(artifact);
  if (!shape?.ok) return undefined;
  const plain = new Set(linked.map((name) => name.split('@')[0]));
  return shape.value.exports.interfaces
    .filter(({ name }) => plain.has(name.split('@')[0]))
    .map((item) => ({ interface: item.name, functions: typedNames(item, shape.value) }));
}

/** Why an import cannot be called in another cell; `undefined` where it can. */
export function unremotable(name: string, shape: Pick<ComponentShape, 'types' | 'imports'>): string | undefined {
  const imported = shape.imports.interfaces.find((item) => item.name === name);
  for (const item of imported?.functions ?? []) {
    const why = uncallable(shape, name, item);
    if (why !== undefined) return `${item.name}: ${why}`;
  }
  return undefined;
}

/** Types are hashed once each, from the front (T1): a type that uses another twice costs a line, not a doubling. */
function typedNames({ functions }: WitInterface, { types }: Pick<ComponentShape, 'types'>): TypedNames {
  const hashes: string[] = [];
  const spelled = (ref: WitTypeRef | undefined): Json => (typeof ref === 'number' ? hashes[ref]! : (ref ?? null));
  for (const type of types) hashes.push(hashOfJson(structureOf(type, spelled)));
  const typesOf = ({ params, result }: WitFunction): string =>
    hashOfJson([params.map(({ name, type }) => [name, spelled(type)]), spelled(result)]);
  return Object.fromEntries(functions.map((item) => [item.name, typesOf(item)]));
}

function structureOf(type: WitType, spelled: (ref: WitTypeRef | undefined) => Json): Json {
  switch (type.kind) {
    case 'record':
      return [type.kind, type.fields.map((field) => [field.name, spelled(field.type)])];
    case 'variant':
      return [type.kind, type.cases.map((item) => [item.name, spelled(item.type)])];
    case 'enum':
    case 'flags':
      return [type.kind, type.names];
    case 'tuple':
      return [type.kind, type.types.map(spelled)];
    case 'list':
      return [type.kind, spelled(type.element)];
    case 'option':
      return [type.kind, spelled(type.some)];
    case 'result':
      return [type.kind, spelled(type.ok), spelled(type.err)];
    default:
      return [type.kind, type.resource];
  }
}
