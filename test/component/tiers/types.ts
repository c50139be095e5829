/**
 * Types of WIT with values of them, and how they are flattened for a core function: as much of the canonical ABI as an echo
 * needs, which passes everything on as it came and so understands none of it.
 */
import fc from 'fast-check';

export interface Type {
  /** As WIT spells it, where it is used. */
  readonly name: string;
  /** Its definition, where it has a name of its own. */
  readonly definition?: string;
  readonly uses?: readonly Type[];
  readonly flat: readonly Core[];
  /** Of its place in memory. */
  readonly size: number;
  readonly align: number;
  /** As bindings take and give them. */
  readonly values: fc.Arbitrary<unknown>;
}

export type Core = 'i32' | 'i64' | 'f32' | 'f64';

function number(name: string, flat: Core, size: number, values: fc.Arbitrary<unknown>): Type {
  return { name, flat: [flat], size, align: size, values };
}

const [int, big] = [(min: number, max: number) => fc.integer({ min, max }), fc.bigInt];

export const PRIMITIVES: readonly Type[] = [
  number('bool', 'i32', 1, fc.boolean()),
  number('u8', 'i32', 1, int(0, 0xff)),
  number('s8', 'i32', 1, int(-0x80, 0x7f)),
  number('u16', 'i32', 2, int(0, 0xffff)),
  number('s16', 'i32', 2, int(-0x8000, 0x7fff)),
  number('u32', 'i32', 4, int(0, 0xffff_ffff)),
  number('s32', 'i32', 4, int(-0x8000_0000, 0x7fff_ffff)),
  number('u64', 'i64', 8, big({ min: 0n, max: 2n ** 64n - 1n })),
  number('s64', 'i64', 8, big({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  number('f32', 'f32', 4, fc.float()),
  number('f64', 'f64', 8, fc.double()),
  number(
    'char',
    'i32',
    4,
    fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 1 })
      .map((text) => String.fromCodePoint(text.codePointAt(0)!)),
  ),
  {
    name: 'string',
    flat: ['i32', 'i32'],
    size: 8,
    align: 4,
    // Short and ASCII, long, and everything that UTF-8 has.
    values: fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: 'grapheme', minLength: 60, maxLength: 300 }),
    ),
  },
];

/** A resource of the host's. */
export class Token {
  readonly number: number;
  constructor(number: number) {
    this.number = number;
  }
}

/** Owned: it goes in and out as the very object. */
export const OWN: Type = {
  ...number(
    'token',
    'i32',
    4,
    fc.nat().map((value) => new Token(value)),
  ),
  definition: 'resource token;',
};

const ARRAYS: Readonly<Record<string, { from(values: Iterable<never>): object }>> = {
  u8: Uint8Array,
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as never;

export function list(item: Type): Type {
  const array = ARRAYS[item.name];
  const values = fc.array(item.values, { maxLength: 12 });
  return {
    name: `list<${item.name}>`,
    uses: [item],
    flat: ['i32', 'i32'],
    size: 8,
    align: 4,
    values: array ? values.map((items) => array.from(items as never[])) : values,
  };
}

export function tuple(items: readonly Type[]): Type {
  return {
    name: `tuple<${items.map((item) => item.name).join(', ')}>`,
    uses: items,
    flat: items.flatMap((item) => item.flat),
    ...layout(items),
    values: fc.tuple(...items.map((item) => item.values)),
  };
}

export function record(name: string, items: readonly Type[]): Type {
  const fields = items.map((item, index) => `field-${index}: ${item.name}`);
  return {
    ...tuple(items),
    name,
    definition: `record ${name} { ${fields.join(', ')} }`,
    values: fc.record(Object.fromEntries(items.map((item, index) => [`field${index}`, item.values]))),
  };
}

export function variant(name: string, cases: readonly (Type | undefined)[]): Type {
  const labels = cases.map((item, index) => `case-${index}${item ? `(${item.name})` : ''}`);
  return {
    name,
    definition: `variant ${name} { ${labels.join(', ')} }`,
    ...choice(cases),
    values: fc.oneof(
      ...cases.map((item, index) =>
        item ? item.values.map((val) => ({ tag: `case-${index}`, val })) : fc.constant({ tag: `case-${index}` }),
      ),
    ),
  };
}

/** Of a type that is no option: what an option of an option looks like is another story. */
export function option(item: Type): Type {
  return {
    name: `option<${item.name}>`,
    ...choice([undefined, item]),
    values: fc.option(item.values, { nil: undefined }),
  };
}

export function nestedOption(item: Type): Type {
  return {
    name: `option<option<${item.name}>>`,
    ...choice([undefined, option(item)]),
    values: fc.oneof(
      fc.constant({ tag: 'none' }),
      fc.option(item.values, { nil: undefined }).map((val) => ({ tag: 'some', val })),
    ),
  };
}

/** Inside of something else: as the whole result of a function it is thrown and returned. */
export function result(good: Type | undefined, bad: Type | undefined): Type {
  const values = (item: Type | undefined): fc.Arbitrary<unknown> => item?.values ?? fc.constant(undefined);
  return {
    name: `result<${good?.name ?? '_'}, ${bad?.name ?? '_'}>`.replace(', _>', '>').replace('<_>', ''),
    ...choice([good, bad]),
    values: fc.oneof(
      values(good).map((val) => ({ tag: 'ok', val })),
      values(bad).map((val) => ({ tag: 'err', val })),
    ),
  };
}

export function enumeration(name: string, count: number): Type {
  const labels = Array.from({ length: count }, (_, index) => `label-${index}`);
  return {
    ...choice(labels.map(() => undefined)),
    name,
    definition: `enum ${name} { ${labels.join(', ')} }`,
    values: fc.constantFrom(...labels),
  };
}

export function flags(name: string, count: number): Type {
  const labels = Array.from({ length: count }, (_, index) => `flag-${index}`);
  const size = count <= 8 ? 1 : count <= 16 ? 2 : 4;
  return {
    name,
    definition: `flags ${name} { ${labels.join(', ')} }`,
    flat: ['i32'],
    size,
    align: size,
    values: fc.record(Object.fromEntries(labels.map((_, index) => [`flag${index}`, fc.boolean()]))),
  };
}

/** Any type that nests to a depth; `name` makes the names of those that need one. */
export function anyType(depth: number, name: () => string): fc.Arbitrary<Type> {
  const leaf = fc.constantFrom(...PRIMITIVES);
  if (depth === 0) return leaf;
  const inner = anyType(depth - 1, name);
  const several = fc.array(inner, { minLength: 1, maxLength: 5 });
  const maybe = fc.option(inner, { nil: undefined });
  return fc.oneof(
    leaf,
    inner.map(list),
    several.map(tuple),
    several.map((items) => record(name(), items)),
    fc.array(maybe, { minLength: 1, maxLength: 4 }).map((cases) => variant(name(), cases)),
    inner.filter((item) => !item.name.startsWith('option')).map(option),
    fc.tuple(maybe, maybe).map(([good, bad]) => result(good, bad)),
    fc.integer({ min: 1, max: 300 }).map((count) => enumeration(name(), count)),
    fc.integer({ min: 1, max: 32 }).map((count) => flags(name(), count)),
  );
}

function choice(cases: readonly (Type | undefined)[]): Pick<Type, 'uses' | 'flat' | 'size' | 'align'> {
  const uses = cases.filter((item) => item !== undefined);
  const tag = cases.length <= 256 ? 1 : 2;
  const align = Math.max(tag, ...uses.map((item) => item.align));
  const payload = roundUp(tag, Math.max(1, ...uses.map((item) => item.align)));
  const size = roundUp(payload + Math.max(0, ...uses.map((item) => item.size)), align);
  return { uses, flat: ['i32', ...joined(uses)], size, align };
}

function layout(items: readonly Type[]): { size: number; align: number } {
  const align = Math.max(1, ...items.map((item) => item.align));
  let size = 0;
  for (const item of items) size = roundUp(size, item.align) + item.size;
  return { size: roundUp(size, align), align };
}

function joined(items: readonly Type[]): Core[] {
  const flat: Core[] = [];
  for (const item of items) {
    for (const [index, core] of item.flat.entries()) {
      const other = flat[index];
      if (other === undefined || other === core) flat[index] = core;
      else flat[index] = [other, core].every((one) => one === 'i32' || one === 'f32') ? 'i32' : 'i64';
    }
  }
  return flat;
}

function roundUp(size: number, align: number): number {
  return Math.ceil(size / align) * align;
}
