/**
 * The values that bindings give → JSON text, by type. The mapping is docs/typed-exports.md; what a decoder takes and what
 * an encoder writes is the same, so that an answer can be sent back as it is.
 *
 * Invariants
 * E1 Bindings are generated code over foreign memory: what they give is looked at, and what is not of its type is a
 *    `NotOfType`, never a text that claims to be.
 * E2 A text that grows beyond the bound is given up while it grows: a short list in memory can be long in JSON.
 */
import type { WitField, WitPrimitive, WitType, WitTypeRef } from '../../model/wit.ts';
import { INTEGERS, type IntegerRange } from '../../model/typed/integers.ts';
import { camelCase } from '../../model/typed/names.ts';

/** @throws NotOfType, TooLong */
export type Encode = (value: unknown, maxCharacters: number) => string;

/** The component's fault: its answer is not of the type that it declares. */
export class NotOfType extends Error {}

/** The text would be longer than an answer may be. */
export class TooLong extends Error {}

export class Encoders {
  readonly #types: readonly WitType[];
  readonly #made: (Encode | undefined)[] = [];

  constructor(types: readonly WitType[]) {
    this.#types = types;
  }

  of(ref: WitTypeRef): Encode {
    if (typeof ref === 'string') return PRIMITIVES[ref];
    return (this.#made[ref] ??= this.#make(this.#types[ref]!));
  }

  #make(type: WitType): Encode {
    switch (type.kind) {
      case 'record':
        return this.#record(type.fields);
      case 'tuple':
        return this.#tuple(type.types);
      case 'list':
        return type.element === 'u8' ? bytes : this.#list(type.element);
      case 'option':
        return this.#option(type.some);
      case 'variant':
        return this.#oneOf(type.cases.map((item) => [item.name, item.type] as const));
      case 'result':
        return this.#oneOf([
          ['ok', type.ok],
          ['err', type.err],
        ]);
      case 'enum':
        return enumeration(type.names);
      case 'flags':
        return flags(type.names);
      default:
        throw new TypeError('a resource has no JSON');
    }
  }

  #record(fields: readonly WitField[]): Encode {
    const members = fields.map(({ name, type }, index) => ({
      start: `${index === 0 ? '{' : ','}"${name}":`,
      property: camelCase(name),
      encode: this.of(type),
    }));
    return (value, max) => {
      const from = membersOf(value);
      let text = fields.length === 0 ? '{' : '';
      for (const { start, property, encode } of members) {
        text = bounded(text + start + encode(from[property], max), max);
      }
      return `${text}}`;
    };
  }

  #tuple(types: readonly WitTypeRef[]): Encode {
    const items = types.map((type) => this.of(type));
    return (value, max) => {
      if (!Array.isArray(value) || value.length !== items.length) throw new NotOfType('a tuple of another length');
      let text = '';
      for (const [index, encode] of items.entries()) {
        text = bounded(text + (index === 0 ? '' : ',') + encode(value[index], max), max);
      }
      return `[${text}]`;
    };
  }

  /** Lists of numbers come as typed arrays. */
  #list(element: WitTypeRef): Encode {
    const encode = this.of(element);
    return (value, max) => {
      if (!Array.isArray(value) && !ArrayBuffer.isView(value)) throw new NotOfType('a list that is none');
      const items = value as readonly unknown[];
      let text = '';
      for (let index = 0; index < items.length; index += 1) {
        text = bounded(text + (index === 0 ? '' : ',') + encode(items[index], max), max);
      }
      return `[${text}]`;
    };
  }

  #option(some: WitTypeRef): Encode {
    const encode = this.of(some);
    if (typeof some === 'string' || this.#types[some]!.kind !== 'option') {
      return (value, max) => (value === undefined || value === null ? 'null' : encode(value, max));
    }
    return (value, max) => {
      const { tag, val } = membersOf(value);
      if (tag === 'none') return 'null';
      if (tag !== 'some') throw new NotOfType('an option that is neither some nor none');
      return `{"some":${encode(val, max)}}`;
    };
  }

  #oneOf(cases: readonly (readonly [string, WitTypeRef | undefined])[]): Encode {
    const encoders = new Map<unknown, Encode>(
      cases.map(([name, type]) => [name, type === undefined ? nothing : this.of(type)] as const),
    );
    return (value, max) => {
      const { tag, val } = membersOf(value);
      const encode = encoders.get(tag);
      if (!encode) throw new NotOfType('a variant of an unknown case');
      return `{"${tag as string}":${encode(val, max)}}`;
    };
  }
}

function bounded(text: string, maxCharacters: number): string {
  if (text.length > maxCharacters) throw new TooLong();
  return text;
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new NotOfType('a value without members');
  return value as Readonly<Record<string, unknown>>;
}

function nothing(): string {
  return 'null';
}

function enumeration(names: readonly string[]): Encode {
  const known = new Set<unknown>(names);
  return (value) => {
    if (!known.has(value)) throw new NotOfType('an enum of an unknown case');
    return `"${value as string}"`;
  };
}

function flags(names: readonly string[]): Encode {
  const properties = names.map((name) => [name, camelCase(name)] as const);
  return (value) => {
    const members = membersOf(value);
    const set = properties.filter(([, property]) => members[property] === true);
    return `[${set.map(([name]) => `"${name}"`).join(',')}]`;
  };
}

function bytes(value: unknown, max: number): string {
  if (!(value instanceof Uint8Array)) throw new NotOfType('bytes that are none');
  if (value.length > max) throw new TooLong();
  return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
}

function integer({ min, max, isWide }: IntegerRange): Encode {
  const [least, most] = [Number(min), Number(max)];
  if (isWide) {
    return (value) => {
      if (typeof value !== 'bigint' || value < min || value > max) throw new NotOfType('an integer out of its range');
      return `"${value}"`;
    };
  }
  return (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw new NotOfType('an integer out of its range');
    }
    return String(value);
  };
}

function float(value: unknown): string {
  if (typeof value !== 'number') throw new NotOfType('a float that is no number');
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function boolean(value: unknown): string {
  if (typeof value !== 'boolean') throw new NotOfType('a bool that is none');
  return String(value);
}

function text(value: unknown, max: number): string {
  if (typeof value !== 'string') throw new NotOfType('a string that is none');
  if (value.length > max) throw new TooLong();
  return JSON.stringify(value);
}

const PRIMITIVES: Readonly<Record<WitPrimitive, Encode>> = {
  bool: boolean,
  s8: integer(INTEGERS['s8']!),
  u8: integer(INTEGERS['u8']!),
  s16: integer(INTEGERS['s16']!),
  u16: integer(INTEGERS['u16']!),
  s32: integer(INTEGERS['s32']!),
  u32: integer(INTEGERS['u32']!),
  s64: integer(INTEGERS['s64']!),
  u64: integer(INTEGERS['u64']!),
  f32: float,
  f64: float,
  char: text,
  string: text,
};
