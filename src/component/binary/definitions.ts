/**
 * What the walk has read of types, imports and exports, in the order of the binary: the input of `component/shape`.
 * Positions are those of the index spaces of the scope that a definition stands in; nothing is resolved yet.
 */
import type { WitField, WitPrimitive, WitType } from '../../model/wit.ts';

/** From 0x7f down: the primitives in the order of their encoding. */
export const PRIMITIVES: readonly WitPrimitive[] = [
  'bool',
  's8',
  'u8',
  's16',
  'u16',
  's32',
  'u32',
  's64',
  'u64',
  'f32',
  'f64',
  'char',
  'string',
];

export type TypeNode =
  | { readonly is: 'primitive'; readonly name: WitPrimitive }
  /** Positions in it, those of resources too, are of the scope's type space. */
  | { readonly is: 'value'; readonly type: WitType }
  | { readonly is: 'function'; readonly params: readonly WitField[]; readonly result?: WitPrimitive | number }
  | { readonly is: 'resource' }
  | { readonly is: 'instance'; readonly declarations: readonly Declaration[] }
  | { readonly is: 'component' };

/** The type of an import or export, by the kind of what it describes. */
export interface Extern {
  readonly kind: number;
  /** Absent for a resource type that is new here, and for modules. */
  readonly index?: number;
}

/** One thing of the scope: its sort and position. */
export interface Item {
  readonly name: string;
  readonly sort: number;
  readonly index: number;
}

/** What adds to the index spaces of a scope without being of the component itself. */
type Common =
  | { readonly is: 'type'; readonly node: TypeNode }
  | { readonly is: 'outer'; readonly sort: number; readonly count: number; readonly index: number }
  | { readonly is: 'taken'; readonly sort: number; readonly instance: number; readonly name: string };

/** One entry of an instance type. */
export type Declaration = Common | { readonly is: 'declared'; readonly name: string; readonly extern: Extern };

/** One entry of a component. */
export type Definition =
  | Common
  | { readonly is: 'imported'; readonly name: string; readonly extern: Extern }
  | ({ readonly is: 'exported'; readonly ascribed?: Extern } & Item)
  | { readonly is: 'instantiated'; readonly component: number; readonly with: readonly Item[] }
  | { readonly is: 'bundled'; readonly items: readonly Item[] }
  | { readonly is: 'component'; readonly definitions: readonly Definition[] }
  | { readonly is: 'lifted'; readonly type: number };
