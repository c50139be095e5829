/**
 * Every type through every tier, both ways: what goes into the export comes out of the import's arguments, what the import
 * answers comes out of the export. The value itself is the voice that does not come from the transpiler.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { echoOf } from './echo.ts';
import { instanceOf, TIERS, tiersOf, type Tier } from './tiers.ts';
import * as types from './types.ts';
import type { Type } from './types.ts';

beforeAll(loadTranspiler);

interface Echo {
  readonly tier: Tier;
  readonly received: unknown;
  readonly returned: unknown;
}

/** Passes each value in while the host answers with its counterpart from the other end of the list. */
async function echoes(type: Type, values: readonly unknown[]): Promise<Echo[]> {
  const tiered = tiersOf(await echoOf(type));
  const seen: Echo[] = [];
  for (const tier of TIERS) {
    let received: unknown;
    let answer: unknown;
    const inner = {
      echo: (value: unknown) => {
        received = value;
        return answer;
      },
    };
    const imports = { 'test:t/inner': inner, 'test:t/types': { Token: types.Token } };
    const outer = (await instanceOf(tiered, tier, imports))['test:t/outer']!;
    for (const [index, value] of values.entries()) {
      answer = values.at(-1 - index);
      const returned = outer['echo']!(value);
      seen.push({ tier, received, returned });
    }
  }
  return seen;
}

function expected(values: readonly unknown[]): Echo[] {
  const each = (tier: Tier): Echo[] =>
    values.map((received, index) => ({ tier, received, returned: values.at(-1 - index) }));
  return TIERS.flatMap(each);
}

const [bool, u8, , , , u32, , u64, , f32, f64, char, text] = types.PRIMITIVES as Type[];
const point = types.record('point', [f32!, f64!]);
const shape = types.variant('shape', [undefined, point, text, types.list(point), u64]);

const TABLE: readonly Type[] = [
  ...types.PRIMITIVES,
  ...types.PRIMITIVES.map(types.list),
  ...types.PRIMITIVES.map(types.option),
  types.list(types.list(text!)),
  types.tuple([u8!, u64!, text!, bool!]),
  types.tuple(Array.from({ length: 17 }, () => u8!)),
  types.record('wide', types.PRIMITIVES),
  point,
  shape,
  types.list(shape),
  types.nestedOption(text!),
  types.nestedOption(u8!),
  types.result(u32, text),
  types.result(undefined, undefined),
  types.list(types.result(text, shape)),
  types.enumeration('few', 3),
  types.enumeration('many', 300),
  ...[1, 8, 9, 16, 17, 32].map((count) => types.flags(`flags-of-${count}`, count)),
  types.list(types.tuple([char!, types.flags('some', 3), types.option(point)])),
  types.list(types.list(types.list(types.list(u8!)))),
  types.list(types.record('deep', [types.list(types.option(types.tuple([text!, types.list(point)])))])),
  types.OWN,
  types.list(types.OWN),
  types.option(types.OWN),
  types.record('holder', [types.OWN, text!, types.list(types.OWN)]),
  types.variant('maybe-held', [undefined, types.OWN, text, types.list(types.tuple([types.OWN, u8!]))]),
  types.result(types.OWN, text),
].map((type) =>
  // As the whole result of a function, a result is thrown: one level down it is a value.
  type.name.startsWith('result') ? types.tuple([type]) : type,
);

describe('each type', () => {
  test.each(TABLE.map((type): [string, Type] => [type.name, type]))('%s', async (_name, type) => {
    const values = fc.sample(type.values, { numRuns: 20, seed: 1 });
    expect(await echoes(type, values)).toEqual(expected(values));
  });
});

describe('what is large', () => {
  const megabyte = 1_000_000;
  test.each<[string, Type, unknown]>([
    ['a string', text!, 'ä'.repeat(megabyte / 2)],
    ['a list of bytes', types.list(u8!), new Uint8Array(megabyte).fill(7)],
    ['a list of strings', types.list(text!), Array.from({ length: 20_000 }, (_, index) => `item ${index}`)],
    ['a list of records', types.list(point), Array.from({ length: 20_000 }, () => ({ field0: 1.5, field1: -2 }))],
    [
      'lists in a list',
      types.list(types.list(u32!)),
      Array.from({ length: 500 }, (_, index) => new Uint32Array(index).fill(index)),
    ],
  ])('%s', async (_name, type, value) => {
    expect(await echoes(type, [value])).toEqual(expected([value]));
  });
});

/** The same ones in every run: a failure names its type. */
describe('types that nest as they like', () => {
  let names = 0;
  const anyType = types.anyType(3, () => `type-n${names++}`).map((type) => types.tuple([type]));
  const some = fc.sample(anyType, { numRuns: 40, seed: 7 });
  test.each(some.map((type): [string, Type] => [type.name, type]))('%s', async (_name, type) => {
    const values = fc.sample(type.values, { numRuns: 5, seed: 7 });
    expect(await echoes(type, values)).toEqual(expected(values));
  });
});
