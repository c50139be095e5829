/**
 * JSON → the values that bindings take (component/README.md), by type. The mapping is docs/typed-exports.md.
 *
 * Invariants
 * J1 What a decoder returns is of its type; everything else ends in a `Mismatch`. There is no coercion.
 * J2 It goes as deep as the type does, never as deep as the client likes.
 */
import type { WitField, WitPrimitive, WitType, WitTypeRef } from '../wit.ts';
import { INTEGERS, type IntegerRange } from './integers.ts';
import { Mismatch, shown } from './mismatch.ts';
import { camelCase } from './names.ts';

/** @throws Mismatch */
export type Decode = (value: unknown) => unknown;

/** Decoders of one component, made when they are first asked for. */
export class Decoders {
  readonly #types: readonly WitType[];
  readonly #made: (Decode | undefined)[] = [];

  constructor(types: readonly WitType[]) {
    this.#types = types;
  }

  of(ref: WitTypeRef): Decode {
    if (typeof ref === 'string') return PRIMITIVES[ref];
    return (this.#made[ref] ??= this.#make(this.#types[ref]!));
  }

  /** An object with a member for each field; fields of an option may be absent. */
  record(fields: readonly WitField[], what: string): Decode {
    const members = fields.map(({ name, type }) => ({
      name,
      property: camelCase(name),
      decode: this.of(type),
      optional: this.#isOption(type),
      absent: this.#wraps(type) ? { tag: 'none' } : undefined,
    }));
    const names = new Set(fields.map(({ name }) => name));
    const expected = fields.length === 0 ? `${what} without members` : `${what} with ${[...names].join(', ')}`;
    return (value) => {
      if (!isObject(value)) throw new Mismatch(expected, shown(value));
      const decoded = emptyRecord<unknown>();
      let count = 0;
      for (const { name, property, decode, optional, absent } of members) {
        if (Object.hasOwn(value, name)) {
          count += 1;
          decoded[property] = inside(name, decode, value[name]);
        } else if (optional) decoded[property] = absent;
        else throw new Mismatch(expected, 'nothing').within(name);
      }
      const keys = Object.keys(value);
      if (keys.length > count) {
        const unknown = keys.find((key) => !names.has(key))!;
        throw new Mismatch(expected, `the unknown member ${shown(unknown)}`).within(unknown);
      }
      return decoded;
    };
  }

  #make(type: WitType): Decode {
    switch (type.kind) {
      case 'record':
        return this.record(type.fields, 'an object');
      case 'tuple':
        return this.#tuple(type.types);
      case 'list':
        return type.element === 'u8' ? bytes : this.#list(type.element);
      case 'option':
        return this.#option(type.some);
      case 'variant':
        return this.#oneOf(
          type.cases.map((item) => [item.name, item.type] as const),
          'a case',
        );
      case 'result':
        return this.#oneOf(
          [
            ['ok', type.ok],
            ['err', type.err],
          ],
          'ok or err',
        );
      case 'enum':
        return enumeration(type.names);
      case 'flags':
        return flags(type.names);
      default:
        throw new TypeError('a resource has no JSON');
    }
  }

  #tuple(types: readonly WitTypeRef[]): Decode {
    const items = types.map((type) => this.of(type));
    const expected = `an array of ${items.length}`;
    return (value) => {
      if (!Array.isArray(value) || value.length !== items.length) throw new Mismatch(expected, shown(value));
      return items.map((decode, index) => inside(index, decode, value[index]));
    };
  }

  #list(element: WitTypeRef): Decode {
    const decode = this.of(element);
    return (value) => {
      if (!Array.isArray(value)) throw new Mismatch('an array', shown(value));
      return value.map((item, index) => inside(index, decode, item));
    };
  }

  #option(some: WitTypeRef): Decode {
    const decode = this.of(some);
    if (!this.#isOption(some)) return (value) => (value === null ? undefined : decode(value));
    return (value) => {
      if (value === null) return { tag: 'none' };
      if (!isObject(value) || Object.keys(value).length !== 1 || !Object.hasOwn(value, 'some')) {
        throw new Mismatch('null or an object with some', shown(value));
      }
      return { tag: 'some', val: inside('some', decode, value['some']) };
    };
  }

  #oneOf(cases: readonly (readonly [string, WitTypeRef | undefined])[], what: string): Decode {
    const decoders = new Map(
      cases.map(([name, type]) => [name, type === undefined ? nothing : this.of(type)] as const),
    );
    const expected = `an object with one member, ${what} of ${[...decoders.keys()].join(', ')}`;
    return (value) => {
      if (!isObject(value)) throw new Mismatch(expected, shown(value));
      const keys = Object.keys(value);
      const [tag] = keys;
      if (tag === undefined || keys.length > 1) throw new Mismatch(expected, `an object of ${keys.length}`);
      const decode = decoders.get(tag);
      if (!decode) throw new Mismatch(expected, shown(tag)).within(tag);
      return { tag, val: inside(tag, decode, value[tag]) };
    };
  }

  #isOption(ref: WitTypeRef): boolean {
    return typeof ref === 'number' && this.#types[ref]!.kind === 'option';
  }

  /** An option of an option: bindings wrap the outer one. */
  #wraps(ref: WitTypeRef): boolean {
    const type = typeof ref === 'number' ? this.#types[ref]! : undefined;
    return type?.kind === 'option' && this.#isOption(type.some);
  }
}

function inside(step: string | number, decode: Decode, value: unknown): unknown {
  try {
    return decode(value);
  } catch (error) {
    if (error instanceof Mismatch) error.within(step);
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Without a prototype: a field may be named `to-string`, and what is shared by all objects is frozen here. */
function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function nothing(value: unknown): undefined {
  if (value !== null) throw new Mismatch('null', shown(value));
}

function enumeration(names: readonly string[]): Decode {
  const known = new Set(names);
  const expected = `one of ${names.map((name) => JSON.stringify(name)).join(', ')}`;
  return (value) => {
    if (typeof value === 'string' && known.has(value)) return value;
    throw new Mismatch(expected, shown(value));
  };
}

function flags(names: readonly string[]): Decode {
  const properties = new Map(names.map((name) => [name, camelCase(name)]));
  const expected = `an array of ${names.map((name) => JSON.stringify(name)).join(', ')}, each at most once`;
  return (value) => {
    if (!Array.isArray(value)) throw new Mismatch(expected, shown(value));
    const decoded = emptyRecord<boolean>();
    for (const property of properties.values()) decoded[property] = false;
    for (const [index, name] of value.entries()) {
      const property = typeof name === 'string' ? properties.get(name) : undefined;
      if (property === undefined || decoded[property]) throw new Mismatch(expected, shown(name)).within(index);
      decoded[property] = true;
    }
    return decoded;
  };
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function bytes(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !BASE64.test(value)) throw new Mismatch('bytes in base64', shown(value));
  const decoded = Buffer.from(value, 'base64');
  return new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength);
}

function integer(name: string, { min, max, isWide }: IntegerRange): Decode {
  const expected = `an integer from ${min} to ${max}${isWide ? ', as a decimal string' : ''} (${name})`;
  const [least, most] = [Number(min), Number(max)];
  if (!isWide) {
    return (value) => {
      if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
      throw new Mismatch(expected, shown(value));
    };
  }
  return (value) => {
    const exact = typeof value === 'number' ? Number.isSafeInteger(value) : isDecimal(value);
    const decoded = exact ? BigInt(value as number | string) : undefined;
    if (decoded === undefined || decoded < min || decoded > max) throw new Mismatch(expected, shown(value));
    return decoded;
  };
}

/** One spelling for each number; longer than any that fits is not looked at. */
function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 20 && /^(?:0|-?[1-9][0-9]*)$/.test(value);
}

const NOT_FINITE: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

function float(name: string): Decode {
  return (value) => {
    const decoded = typeof value === 'number' ? value : NOT_FINITE.get(value);
    // JSON can write numbers that no float can hold: JSON.parse makes Infinity of 1e999, and an f32 would of 1e39.
    const fits = Number.isFinite(name === 'f32' ? Math.fround(decoded ?? 0) : decoded);
    if (decoded !== undefined && (fits || typeof value === 'string')) return decoded;
    throw new Mismatch(`a number, "NaN", "Infinity" or "-Infinity" (${name})`, shown(value));
  };
}

function boolean(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new Mismatch('true or false', shown(value));
}

function text(value: unknown): string {
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw new Mismatch('a string', typeof value === 'string' ? 'half of a surrogate pair' : shown(value));
}

function char(value: unknown): string {
  const point =
    typeof value === 'string' && value.length <= 2 && value.isWellFormed() ? value.codePointAt(0) : undefined;
  if (point !== undefined && String.fromCodePoint(point) === value) return value;
  throw new Mismatch('a string of one Unicode scalar value', shown(value));
}

const PRIMITIVES: Readonly<Record<WitPrimitive, Decode>> = {
  bool: boolean,
  s8: integer('s8', INTEGERS['s8']!),
  u8: integer('u8', INTEGERS['u8']!),
  s16: integer('s16', INTEGERS['s16']!),
  u16: integer('u16', INTEGERS['u16']!),
  s32: integer('s32', INTEGERS['s32']!),
  u32: integer('u32', INTEGERS['u32']!),
  s64: integer('s64', INTEGERS['s64']!),
  u64: integer('u64', INTEGERS['u64']!),
  f32: float('f32'),
  f64: float('f64'),
  char,
  string: text,
};
