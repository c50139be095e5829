/** Types of WIT with the JSON that docs/typed-exports.md promises for them, and components that give back what they get. */
import fc from 'fast-check';
import { fromCore } from '../../component/support.ts';

export interface JsonType {
  /** As WIT spells it. */
  readonly name: string;
  /** Definitions that it needs, each after those that it uses. */
  readonly definitions: readonly string[];
  readonly json: fc.Arbitrary<unknown>;
  readonly isOption?: true;
}

const primitive = (name: string, json: fc.Arbitrary<unknown>): JsonType => ({ name, definitions: [], json });
const decimal = (min: bigint, max: bigint): fc.Arbitrary<string> => fc.bigInt({ min, max }).map(String);
const special = fc.constantFrom('NaN', 'Infinity', '-Infinity');

export const PRIMITIVES: readonly JsonType[] = [
  primitive('bool', fc.boolean()),
  primitive('u8', fc.integer({ min: 0, max: 0xff })),
  primitive('s8', fc.integer({ min: -0x80, max: 0x7f })),
  primitive('u16', fc.integer({ min: 0, max: 0xffff })),
  primitive('s16', fc.integer({ min: -0x8000, max: 0x7fff })),
  primitive('u32', fc.integer({ min: 0, max: 0xffff_ffff })),
  primitive('s32', fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
  primitive('u64', decimal(0n, 2n ** 64n - 1n)),
  primitive('s64', decimal(-(2n ** 63n), 2n ** 63n - 1n)),
  primitive('f32', fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), special)),
  primitive('f64', fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), special)),
  primitive('char', fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  primitive('string', fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 40 }))),
];

export function list(item: JsonType): JsonType {
  return {
    name: `list<${item.name}>`,
    definitions: item.definitions,
    json:
      item.name === 'u8'
        ? fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64'))
        : fc.array(item.json, { maxLength: 6 }),
  };
}

export function option(item: JsonType): JsonType {
  const some = item.isOption ? item.json.map((value) => ({ some: value })) : item.json;
  return { name: `option<${item.name}>`, definitions: item.definitions, json: fc.option(some), isOption: true };
}

export function result(good: JsonType | undefined, bad: JsonType | undefined): JsonType {
  const of = (type: JsonType | undefined): fc.Arbitrary<unknown> => type?.json ?? fc.constant(null);
  return {
    name: bad ? `result<${good?.name ?? '_'}, ${bad.name}>` : good ? `result<${good.name}>` : 'result',
    definitions: together([good, bad]),
    json: fc.oneof(
      of(good).map((ok) => ({ ok })),
      of(bad).map((err) => ({ err })),
    ),
  };
}

export function tuple(items: readonly JsonType[]): JsonType {
  return {
    name: `tuple<${items.map((item) => item.name).join(', ')}>`,
    definitions: together(items),
    json: fc.tuple(...items.map((item) => item.json)),
  };
}

/** Names as WIT allows them: words, acronyms, digits, and what JavaScript has other plans for. */
export const LABELS = ['a', 'some-field', 'HTTP-status', 'x2-y3', 'delete', 'to-string', 'value-of', 'class', 'a-2b'];

export function record(name: string, items: readonly JsonType[]): JsonType {
  const fields = items.map((item, index) => `%${LABELS[index]}: ${item.name}`);
  return {
    name,
    definitions: [...together(items), `record ${name} { ${fields.join(', ')} }`],
    json: fc.record(Object.fromEntries(items.map((item, index) => [LABELS[index]!, item.json]))),
  };
}

export function variant(name: string, cases: readonly (JsonType | undefined)[]): JsonType {
  const labels = cases.map((item, index) => `%${LABELS[index]}${item ? `(${item.name})` : ''}`);
  return {
    name,
    definitions: [...together(cases), `variant ${name} { ${labels.join(', ')} }`],
    json: fc.oneof(
      ...cases.map((item, index) => (item?.json ?? fc.constant(null)).map((value) => ({ [LABELS[index]!]: value }))),
    ),
  };
}

export function enumeration(name: string, count: number): JsonType {
  const labels = Array.from({ length: count }, (_, index) => LABELS[index] ?? `label-${index}`);
  const definition = `enum ${name} { ${labels.map((label) => `%${label}`).join(', ')} }`;
  return { name, definitions: [definition], json: fc.constantFrom(...labels) };
}

export function flags(name: string, count: number): JsonType {
  const labels = Array.from({ length: count }, (_, index) => LABELS[index] ?? `flag-${index}`);
  const definition = `flags ${name} { ${labels.map((label) => `%${label}`).join(', ')} }`;
  return { name, definitions: [definition], json: fc.subarray(labels) };
}

/** Any type that nests to a depth; `name` makes the names of those that need one. */
export function anyType(depth: number, name: () => string): fc.Arbitrary<JsonType> {
  const leaf = fc.constantFrom(...PRIMITIVES);
  if (depth === 0) return leaf;
  const inner = anyType(depth - 1, name);
  const several = fc.array(inner, { minLength: 1, maxLength: 5 });
  const maybe = fc.option(inner, { nil: undefined });
  return fc.oneof(
    leaf,
    inner.map(list),
    inner.map(option),
    several.map(tuple),
    several.map((items) => record(name(), items)),
    fc.array(maybe, { minLength: 1, maxLength: 4 }).map((cases) => variant(name(), cases)),
    fc.tuple(maybe, maybe).map(([good, bad]) => result(good, bad)),
    fc.integer({ min: 1, max: 40 }).map((count) => enumeration(name(), count)),
    fc.integer({ min: 1, max: 32 }).map((count) => flags(name(), count)),
  );
}

/** Functions `echo0`, `echo1`, … of `test:t/api`, each from a list of its type to the same list. */
export function echoOf(types: readonly JsonType[]): Promise<Uint8Array> {
  const functions = types.map(
    (_, index) => `(func (export "test:t/api#echo${index}") (param i32 i32) (result i32)
      (i32.store (i32.const 1024) (local.get 0)) (i32.store (i32.const 1028) (local.get 1)) (i32.const 1024))
    (func (export "cabi_post_test:t/api#echo${index}") (param i32) (global.set $top (i32.const 65536)))`,
  );
  const wit = `package test:t;
    interface api {
      ${[...new Set(together(types))].join('\n')}
      ${types.map((type, index) => `echo${index}: func(value: list<${type.name}>) -> list<${type.name}>;`).join('\n')}
    }
    world w { export api; }`;
  return fromCore(`(module ${MEMORY} ${functions.join('\n')})`, wit);
}

/** A memory with an allocator that starts again when `$top` is set back. */
export const MEMORY = `(memory (export "memory") 64)
    (global $top (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3))))`;

function together(types: readonly (JsonType | undefined)[]): string[] {
  return types.flatMap((type) => type?.definitions ?? []);
}

/** Each primitive type and some of every other kind, the same at each run. */
export function everyKind(): readonly JsonType[] {
  let count = 0;
  const name = (): string => `named-${(count += 1)}`;
  return [...PRIMITIVES, ...fc.sample(anyType(3, name), { numRuns: 45, seed: KINDS_SEED })];
}

const KINDS_SEED = 20_261_128;
