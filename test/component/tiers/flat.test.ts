/**
 * Flat values through every tier, against the specification's own lifting and lowering: any bits that a guest may hand over,
 * and any value that a host may.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { load } from '../run.ts';
import { fromCore } from '../support.ts';
import { flatten, lift, lower, Trap, type CoreValue, type Flat } from './canonical.ts';
import { TIERS, tiersOf, verdictOf, type Tier, type Verdict } from './tiers.ts';
import type { Core } from './types.ts';

beforeAll(loadTranspiler);

const int = (bits: 8 | 16 | 32 | 64, signed: boolean): Flat => ({ kind: 'int', bits, signed });
const [bool, char, f32, f64] = (['bool', 'char', 'f32', 'f64'] as const).map((kind): Flat => ({ kind }));
const [u8, s8, u16, s16] = [int(8, false), int(8, true), int(16, false), int(16, true)];
const [u32, s32, u64, s64] = [int(32, false), int(32, true), int(64, false), int(64, true)];
const flags = (count: number): Flat => ({
  kind: 'flags',
  labels: Array.from({ length: count }, (_, index) => `flag${index}`),
});
const tuple = (...items: Flat[]): Flat => ({
  kind: 'fields',
  isTuple: true,
  fields: items.map((item, index) => [String(index), item]),
});
const record = (...items: Flat[]): Flat => ({
  kind: 'fields',
  isTuple: false,
  fields: items.map((item, index) => [`field${index}`, item]),
});
const variant = (...cases: (Flat | undefined)[]): Flat => ({
  kind: 'cases',
  as: 'variant',
  cases: cases.map((item, index) => [`case-${index}`, item]),
});
const enumeration = (count: number): Flat => ({
  kind: 'cases',
  as: 'enum',
  cases: Array.from({ length: count }, (_, index) => [`label-${index}`, undefined]),
});
const option = (item: Flat): Flat => ({
  kind: 'cases',
  as: 'option',
  cases: [
    ['none', undefined],
    ['some', item],
  ],
});

const TYPES: Readonly<Record<string, Flat>> = {
  bool: bool!,
  char: char!,
  f32: f32!,
  f64: f64!,
  u8,
  s8,
  u16,
  s16,
  u32,
  s32,
  u64,
  s64,
  'flags of 3': flags(3),
  'flags of 9': flags(9),
  'flags of 17': flags(17),
  'flags of 32': flags(32),
  'enum of 3': enumeration(3),
  'enum of 300': enumeration(300),
  tuple: tuple(u8, s64, bool!, f32!, char!, s16),
  record: record(s8, tuple(u16, f64!), flags(5), enumeration(2)),
  option: option(s8),
  'option of a record': option(record(f64!, bool!)),
  'joined to i32': variant(u32, f32!, undefined, s8),
  'joined to i64': variant(f32!, s64, f64!, char!, tuple(u8, f32!)),
  'joined in many ways': variant(tuple(f32!, f32!, u64), tuple(f64!, u32), undefined, flags(8), enumeration(3)),
  'joined twice': variant(variant(s8, u64, f32!, variant(f32!, f64!)), s64, option(s16)),
  nested: record(option(variant(s16, option(f32!))), variant(enumeration(5), tuple(bool!, u64))),
};

const CORES = { i32: 'u32', i64: 'u64', f32: 'f32', f64: 'f64' } as const;

/**
 * `give` hands what it is given as core values to the host's `take`, as a value of the type; `put` hands what it is given as a
 * value of the type to the host's `seen`, as core values.
 */
function guestOf(type: Flat): Promise<Uint8Array> {
  const definitions: string[] = [];
  const name = spelled(type, definitions);
  const flat = flatten(type);
  const raw = flat.map((core, index) => `a${index}: ${CORES[core]}`).join(', ');
  const list = `(param ${flat.join(' ')})`;
  const pass = flat.map((_, index) => `(local.get ${index})`).join(' ');
  const wat = `(module
    (import "test:t/host" "take" (func $take ${list}))
    (import "test:t/host" "seen" (func $seen ${list}))
    (func (export "test:t/guest#give") ${list} (call $take ${pass}))
    (func (export "test:t/guest#put") ${list} (call $seen ${pass})))`;
  const types = definitions.map((item) => item.split(' ')[1]);
  const use = types.length === 0 ? '' : `use types.{${types.join(', ')}};`;
  return fromCore(
    wat,
    `package test:t;
    interface types { ${definitions.join('\n')} }
    interface host { ${use} take: func(value: ${name}); seen: func(${raw}); }
    interface guest { ${use} give: func(${raw}); put: func(value: ${name}); }
    world w { import host; export guest; }`,
  );
}

/** The type in WIT; what needs a name of its own gets one. */
function spelled(type: Flat, definitions: string[]): string {
  const named = (kind: string, items: readonly string[]): string => {
    const name = `t${definitions.length}`;
    definitions.push(`${kind} ${name} { ${items.join(', ')} }`);
    return name;
  };
  const kebab = (label: string): string => label.replace(/([a-z])([0-9])/, '$1-$2');
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 's' : 'u'}${type.bits}`;
    case 'flags':
      return named('flags', type.labels.map(kebab));
    case 'fields': {
      const fields = type.fields.map(([label, field]): [string, string] => [kebab(label), spelled(field, definitions)]);
      if (type.isTuple) return `tuple<${fields.map(([, field]) => field).join(', ')}>`;
      return named(
        'record',
        fields.map(([label, field]) => `${label}: ${field}`),
      );
    }
    case 'cases': {
      const cases = type.cases.map(([label, payload]) => [label, payload && spelled(payload, definitions)]);
      if (type.as === 'option') return `option<${cases[1]![1]!}>`;
      return named(
        type.as,
        cases.map(([label, payload]) => (payload === undefined ? label! : `${label!}(${payload})`)),
      );
    }
    default:
      return type.kind;
  }
}

/** Bits that a guest may hand over: mostly such as mean something, and any. */
function rawOf(type: Flat): fc.Arbitrary<readonly CoreValue[]> {
  const any = fc.tuple(...flatten(type).map((core) => RAW[core]));
  const meant = valueOf(type).map((value) => lower(type, value));
  const mixed = fc
    .tuple(meant, any, fc.infiniteStream(fc.boolean()))
    .map(([own, other, takes]) => own.map((value, index) => (takes.next().value ? value : other[index]!)));
  return fc.oneof(meant, any, mixed);
}

const RAW: Readonly<Record<Core, fc.Arbitrary<CoreValue>>> = {
  i32: fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 8 }), fc.constant(0xdfff)),
  i64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  f32: fc.float(),
  f64: fc.double(),
};

function valueOf(type: Flat): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean();
    case 'f32':
      return fc.float();
    case 'f64':
      return fc.double();
    case 'char':
      return fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
    case 'int': {
      const [min, max] = type.signed
        ? [-(2n ** BigInt(type.bits - 1)), 2n ** BigInt(type.bits - 1) - 1n]
        : [0n, 2n ** BigInt(type.bits) - 1n];
      const all = fc.oneof(fc.constantFrom(min, max), fc.bigInt({ min, max }));
      return type.bits === 64 ? all : all.map(Number);
    }
    case 'flags':
      return fc.record(Object.fromEntries(type.labels.map((label) => [label, fc.boolean()])));
    case 'fields': {
      const fields = type.fields.map(([label, field]): [string, fc.Arbitrary<unknown>] => [label, valueOf(field)]);
      return type.isTuple ? fc.tuple(...fields.map(([, field]) => field)) : fc.record(Object.fromEntries(fields));
    }
    case 'cases':
      return fc.oneof(
        ...type.cases.map(([label, payload]) => {
          if (type.as === 'enum') return fc.constant(label);
          if (type.as === 'option') return payload ? valueOf(payload) : fc.constant(undefined);
          return payload ? valueOf(payload).map((val) => ({ tag: label, val })) : fc.constant({ tag: label });
        }),
      );
  }
}

type Program = Awaited<ReturnType<typeof load>>;
type Ask = (guest: Readonly<Record<string, (...args: unknown[]) => unknown>>) => unknown;

/** What the host saw in one call of a fresh instance. */
async function heard(program: Program, ask: Ask): Promise<Verdict> {
  let seen: unknown;
  const take = (value: unknown): void => void (seen = value);
  const host = { take, seen: (...values: unknown[]) => void (seen = values) };
  const guest = program({ 'test:t/host': host })['test:t/guest']!;
  const verdict = await verdictOf(() => ask(guest));
  return 'trap' in verdict ? { trap: 'trap' } : { value: seen };
}

function expectedOf(type: Flat, raw: readonly CoreValue[]): Verdict {
  try {
    return { value: lift(type, raw) };
  } catch (thrown) {
    if (thrown instanceof Trap) return { trap: 'trap' };
    throw thrown;
  }
}

const RUNS = 60;
/** jco fills the upper half of a place that is wider than its value with the sign, and takes that for no value of the type. */
const SIGNED_BY_JCO: ReadonlySet<string> = new Set(['joined to i64', 'joined in many ways', 'joined twice']);

describe.each(Object.entries(TYPES))('%s', (name, type) => {
  const programs = new Map<Tier, Program>();
  beforeAll(async () => {
    const { files, sources } = tiersOf(await guestOf(type));
    for (const tier of TIERS) programs.set(tier, await load({ files }, sources[tier]));
  });

  test('lifts as the specification does, whatever the bits', async () => {
    for (const raw of fc.sample(rawOf(type), { numRuns: RUNS, seed: 3 })) {
      const verdict = await heard(programs.get('fast')!, ({ give }) => give!(...raw));
      expect(verdict, JSON.stringify(raw.map(String))).toEqual(expectedOf(type, raw));
    }
  });

  test.each(SIGNED_BY_JCO.has(name) ? (['fast'] as const) : TIERS)(
    '%s lifts and lowers values as the specification does',
    async (tier) => {
      for (const value of fc.sample(valueOf(type), { numRuns: RUNS, seed: 5 })) {
        const raw = lower(type, value);
        expect(await heard(programs.get(tier)!, ({ put }) => put!(value))).toEqual({ value: raw });
        expect(await heard(programs.get(tier)!, ({ give }) => give!(...raw))).toEqual({ value: lift(type, raw) });
      }
    },
  );
});
