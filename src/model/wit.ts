/**
 * What a component imports and exports, with its types: plain data, read from the binary (`component/shape`), never
 * from WIT text. What links are checked by, what a typed route converts by, what an OpenAPI document is made from.
 *
 * Types stand in one table per component and refer to each other by position, because a type may be used by many: as a
 * tree, a hundred bytes could unfold into gigabytes.
 *
 * T1 A type refers only to types before it: no cycles, and one pass from the front is enough.
 * T2 Equal types of one component have the same position (they are structural), resources excepted: each is its own.
 */
import type { Digest } from '../kit/digest.ts';
import type { Result } from '../kit/result.ts';
import type { Problem } from './problem.ts';

export type WitPrimitive =
  | 'bool'
  | 's8'
  | 'u8'
  | 's16'
  | 'u16'
  | 's32'
  | 'u32'
  | 's64'
  | 'u64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'string';

/** A primitive by name, any other type by its position in `ComponentShape.types`. */
export type WitTypeRef = WitPrimitive | number;

/** A field of a record or a parameter; the name is kebab-case, as in WIT. */
export interface WitField {
  readonly name: string;
  readonly type: WitTypeRef;
}

/** A case of a variant; without `type` it carries nothing. */
export interface WitCase {
  readonly name: string;
  readonly type?: WitTypeRef;
}

export type WitType =
  | { readonly kind: 'record'; readonly fields: readonly WitField[] }
  | { readonly kind: 'variant'; readonly cases: readonly WitCase[] }
  | { readonly kind: 'list'; readonly element: WitTypeRef }
  | { readonly kind: 'tuple'; readonly types: readonly WitTypeRef[] }
  | { readonly kind: 'flags'; readonly names: readonly string[] }
  | { readonly kind: 'enum'; readonly names: readonly string[] }
  | { readonly kind: 'option'; readonly some: WitTypeRef }
  | { readonly kind: 'result'; readonly ok?: WitTypeRef; readonly err?: WitTypeRef }
  /** A handle; `resource` is a position in `ComponentShape.resources`. */
  | { readonly kind: 'own' | 'borrow'; readonly resource: number };

/**
 * A resource type. Two handles fit only where their resource is the same position; between components, where origin,
 * interface (without its version) and name are.
 */
export interface WitResource {
  /** `Import`: comes from an imported interface. `Export`: defined in the component and exported. `Hidden`: neither. */
  readonly origin: 'Import' | 'Export' | 'Hidden';
  /** Full name of the interface that declares it: `wasi:io/streams@0.2.3`. Empty where it is hidden or in the world itself. */
  readonly interface: string;
  /** `input-stream`; empty where it is hidden. */
  readonly name: string;
}

export interface WitFunction {
  /** As in the binary: `quote`, `[constructor]cart`, `[method]cart.add`, `[static]cart.merge`. */
  readonly name: string;
  readonly params: readonly WitField[];
  /** Absent: it returns nothing. */
  readonly result?: WitTypeRef;
}

export interface WitInterface {
  /** Full, with the version that the component spells: `shop:cart/pricing@1.0.0`; a plain label for an inline interface. */
  readonly name: string;
  readonly functions: readonly WitFunction[];
  /** The names that the interface gives to types; a type of another interface has a name here too where it is used. */
  readonly types: readonly WitField[];
  readonly resources: readonly { readonly name: string; readonly resource: number }[];
}

/** One side of a component's world. */
export interface WitSide {
  readonly interfaces: readonly WitInterface[];
  /** Functions outside of any interface. */
  readonly functions: readonly WitFunction[];
}

export interface ComponentShape {
  readonly types: readonly WitType[];
  readonly resources: readonly WitResource[];
  readonly imports: WitSide;
  readonly exports: WitSide;
  /**
   * What the largest of its memories starts with, in bytes, at most 4 GiB: below it no instance starts. Absent where the
   * shape was not read from a binary alone.
   */
  readonly initialMemoryBytes?: number;
}

/** `[package, version]` of a full name: `shop:cart/pricing@1.0.0` is `['shop:cart/pricing', '1.0.0']`; no version: ''. */
export function splitVersion(name: string): readonly [string, string] {
  const at = name.indexOf('@');
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)];
}

/**
 * What is known of the types of an artifact by who assembles: its shape, or why it has none. `undefined`: not known here
 * (its bytes are not on this disk yet), so nothing can be said against it before it is prepared.
 */
export type ShapeOf = (artifact: Digest) => Result<ComponentShape, Problem> | undefined;

/** The types that a type is made of. */
export function partsOf(type: WitType): readonly WitTypeRef[] {
  switch (type.kind) {
    case 'record':
      return type.fields.map((field) => field.type);
    case 'variant':
      return type.cases.flatMap((item) => item.type ?? []);
    case 'list':
      return [type.element];
    case 'option':
      return [type.some];
    case 'tuple':
      return type.types;
    case 'result':
      return [type.ok, type.err].filter((part) => part !== undefined);
    default:
      return [];
  }
}
