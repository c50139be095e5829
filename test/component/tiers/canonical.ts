/**
 * The specification's lifting and lowering of flat values, written from its text (CanonicalABI.md: flattening, lift_flat,
 * lower_flat) and from nothing else: a voice of its own beside those of the bindings. Core values are as WebAssembly hands
 * them to JavaScript, an i32 without a sign; NaN is NaN.
 */
import type { Core } from './types.ts';

export type Flat =
  | { readonly kind: 'bool' | 'f32' | 'f64' | 'char' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: 'flags'; readonly labels: readonly string[] }
  /** Fields of a record by their names; of a tuple by their numbers. */
  | { readonly kind: 'fields'; readonly isTuple: boolean; readonly fields: readonly (readonly [string, Flat])[] }
  | { readonly kind: 'cases'; readonly as: CasesAs; readonly cases: readonly (readonly [string, Flat | undefined])[] };

/** How bindings spell the cases: `{tag, val}`, a label, a value or `undefined`. */
type CasesAs = 'variant' | 'enum' | 'option';

export type CoreValue = number | bigint;

/** What a trap of the specification is here. */
export class Trap extends Error {}

export function flatten(type: Flat): readonly Core[] {
  switch (type.kind) {
    case 'f32':
    case 'f64':
      return [type.kind];
    case 'int':
      return [type.bits === 64 ? 'i64' : 'i32'];
    case 'fields':
      return type.fields.flatMap(([, field]) => flatten(field));
    case 'cases':
      return ['i32', ...joined(type.cases.map(([, payload]) => (payload ? flatten(payload) : [])))];
    default:
      return ['i32'];
  }
}

function joined(all: readonly (readonly Core[])[]): Core[] {
  const flat: Core[] = [];
  for (const one of all) {
    for (const [index, core] of one.entries()) flat[index] = flat[index] === undefined ? core : join(flat[index], core);
  }
  return flat;
}

function join(a: Core, b: Core): Core {
  if (a === b) return a;
  return new Set([a, b, 'i32', 'f32']).size === 2 ? 'i32' : 'i64';
}

/** @throws Trap */
export function lift(type: Flat, values: readonly CoreValue[]): unknown {
  const [value] = values;
  switch (type.kind) {
    case 'bool':
      return value !== 0;
    case 'f32':
    case 'f64':
      return value;
    case 'char':
      return charOf(Number(value));
    case 'int': {
      const wide = BigInt(value!);
      const narrow = type.signed ? BigInt.asIntN(type.bits, wide) : BigInt.asUintN(type.bits, wide);
      return type.bits === 64 ? narrow : Number(narrow);
    }
    case 'flags':
      return Object.fromEntries(type.labels.map((label, index) => [label, ((Number(value) >>> index) & 1) === 1]));
    case 'fields':
      return liftFields(type, values);
    case 'cases':
      return liftCase(type, values);
  }
}

function charOf(code: number): string {
  if (code >= 0x11_0000 || (code >= 0xd800 && code <= 0xdfff)) throw new Trap('not a char');
  return String.fromCodePoint(code);
}

function liftFields({ isTuple, fields }: Flat & { kind: 'fields' }, values: readonly CoreValue[]): unknown {
  let at = 0;
  const lifted = fields.map(([name, field]): [string, unknown] => {
    const end = at + flatten(field).length;
    const own = values.slice(at, end);
    at = end;
    return [name, lift(field, own)];
  });
  return isTuple ? lifted.map(([, value]) => value) : Object.fromEntries(lifted);
}

function liftCase(type: Flat & { kind: 'cases' }, values: readonly CoreValue[]): unknown {
  const [discriminant, ...rest] = values;
  const found = type.cases[Number(discriminant)];
  if (!found) throw new Trap('not a case');
  const [label, payload] = found;
  const joint = flatten(type).slice(1);
  const own = payload && flatten(payload).map((want, index) => reinterpret(rest[index]!, joint[index]!, want));
  const val = payload && lift(payload, own!);
  if (type.as === 'enum') return label;
  if (type.as === 'option') return val;
  return payload ? { tag: label, val } : { tag: label };
}

/** As many core values as `flatten` has types. */
export function lower(type: Flat, value: unknown): readonly CoreValue[] {
  switch (type.kind) {
    case 'bool':
      return [value === true ? 1 : 0];
    case 'f32':
    case 'f64':
      return [value as number];
    case 'char':
      return [(value as string).codePointAt(0)!];
    case 'int':
      return [type.bits === 64 ? BigInt.asUintN(64, value as bigint) : (value as number) >>> 0];
    case 'flags': {
      const set = value as Readonly<Record<string, boolean>>;
      return [type.labels.reduce((bits, label, index) => (set[label] ? bits + 2 ** index : bits), 0)];
    }
    case 'fields': {
      const fields = value as Readonly<Record<string, unknown>>;
      return type.fields.flatMap(([name, field]) => lower(field, fields[name]));
    }
    case 'cases':
      return lowerCase(type, value);
  }
}

function lowerCase(type: Flat & { kind: 'cases' }, value: unknown): readonly CoreValue[] {
  const index = type.cases.findIndex(([label]) => label === labelOf(type.as, value));
  const payload = type.cases[index]![1];
  const own = payload ? lower(payload, type.as === 'option' ? value : (value as { val: unknown }).val) : [];
  const types = payload ? flatten(payload) : [];
  const joint = flatten(type).slice(1);
  const rest = joint.map((want, at) => {
    if (own[at] === undefined) return want === 'i64' ? 0n : 0;
    return reinterpret(own[at], types[at]!, want);
  });
  return [index, ...rest];
}

function labelOf(as: CasesAs, value: unknown): string {
  if (as === 'enum') return value as string;
  if (as === 'option') return value === undefined ? 'none' : 'some';
  return (value as { tag: string }).tag;
}

/** The same bits as another core type; from 64 to 32 of them, the lower half. */
function reinterpret(value: CoreValue, from: Core, to: Core): CoreValue {
  if (from === to) return value;
  const view = new DataView(new ArrayBuffer(8));
  if (from === 'f32') view.setFloat32(0, value as number, true);
  else if (from === 'f64') view.setFloat64(0, value as number, true);
  else view.setBigUint64(0, BigInt(value), true);
  if (to === 'f32') return view.getFloat32(0, true);
  if (to === 'f64') return view.getFloat64(0, true);
  return to === 'i32' ? view.getUint32(0, true) : view.getBigUint64(0, true);
}
