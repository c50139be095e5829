/** Which exports of one core module can wait, by what its code and its tables allow; each is called to see. */
import { describe, expect, test } from 'vitest';
import { FORM_LIMITS } from '../../src/component/binary/limits.ts';
import { readInstructions, Told } from '../../src/component/binary/instructions.ts';
import { suspensionOf } from '../../src/component/reach/waiting.ts';
import { cpuMs } from '../support/processor-time.ts';
import { admittedOf, expectedOf, moduleOf, outcomesOf, preparedOf, type Exported } from './waits.ts';

interface Row extends Exported {
  readonly fields: string;
}

const T = '(type $t (func (result i32)))';
const WAITER = '(func $waiter (result i32) (call $wait))';
const GOER = '(func $goer (result i32) (call $go))';

const ROWS: Readonly<Record<string, Row>> = {
  'a call': {
    fields: '(func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go))',
    waits: ['w'],
    goes: ['g'],
  },
  'calls of calls, in a circle': {
    fields: `(func $a (param i32) (result i32) (if (local.get 0) (then (return (call $b (i32.const 0))))) (call $go))
      (func $b (param i32) (result i32) (if (local.get 0) (then (return (call $a (i32.const 0))))) (call $wait))
      (func $c (param i32) (result i32) (if (local.get 0) (then (return (call $c (i32.const 0))))) (call $go))
      (func (export "w") (result i32) (call $a (i32.const 1)))
      (func (export "m") (result i32) (call $a (i32.const 0)))
      (func (export "g") (result i32) (call $c (i32.const 1)))`,
    waits: ['w'],
    might: ['m'],
    goes: ['g'],
  },
  'an import that is exported as it is': {
    fields: '(export "w" (func $wait)) (export "g" (func $go))',
    waits: ['w'],
    goes: ['g'],
  },
  'tail calls': {
    fields: `${T} (table 2 funcref) (elem (i32.const 0) $wait $go)
      (func (export "w") (result i32) (return_call $wait))
      (func (export "wi") (result i32) (return_call_indirect (type $t) (i32.const 0)))
      (func (export "g") (result i32) (return_call $go))
      (func (export "gi") (result i32) (return_call_indirect (type $t) (i32.const 1)))`,
    waits: ['w', 'wi'],
    goes: ['g', 'gi'],
  },
  'a table, at a place that is computed': {
    fields: `${T} ${WAITER} ${GOER} (table $one 2 funcref) (table $two 1 funcref)
      (elem (table $one) (i32.const 0) func $waiter $goer) (elem (table $two) (i32.const 0) func $goer)
      (global $at (mut i32) (i32.const 0))
      (func (export "w") (result i32) (call_indirect $one (type $t) (global.get $at)))
      (func (export "m") (result i32) (call_indirect $one (type $t) (i32.add (global.get $at) (i32.const 1))))
      (func (export "g") (result i32) (call_indirect $two (type $t) (global.get $at)))`,
    waits: ['w'],
    might: ['m'],
    goes: ['g'],
  },
  'a table, by its type': {
    fields: `${T} (type $other (func (param i32) (result i32))) ${WAITER} (func $with (param i32) (result i32) (call $go))
      (table 2 funcref) (elem (i32.const 0) $waiter $with) (global $at (mut i32) (i32.const 0))
      (func (export "w") (result i32) (call_indirect (type $t) (global.get $at)))
      (func (export "g") (result i32)
        (call_indirect (type $other) (i32.const 5) (i32.add (global.get $at) (i32.const 1))))`,
    waits: ['w'],
    goes: ['g'],
  },
  'types that are written twice': {
    fields: `${T} (type $again (func (result i32))) (func $waiter (type $again) (call $wait))
      (table 1 funcref) (elem (i32.const 0) $waiter) (global $at (mut i32) (i32.const 0))
      (func (export "w") (result i32) (call_indirect (type $t) (global.get $at)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a place that two segments fill': {
    fields: `${T} (table 3 funcref) (elem (i32.const 0) $go $go $go) (elem (i32.const 1) $wait)
      (func (export "w") (result i32) (call_indirect (type $t) (i32.const 1)))
      (func (export "g") (result i32) (call_indirect (type $t) (i32.const 2)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a segment at a place that is computed': {
    fields: `${T} (table 3 funcref) (elem (i32.const 0) $go $go $go)
      (elem (offset (i32.add (i32.const 1) (i32.const 1))) func $wait)
      (func (export "w") (result i32) (call_indirect (type $t) (i32.const 2)))
      (func (export "m") (result i32) (call_indirect (type $t) (i32.const 1)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w'],
    might: ['m'],
    goes: ['g'],
  },
  'a number before the call that is not its place': {
    fields: `${T} (table 2 funcref) (elem (i32.const 0) $wait $go) (global $at (mut i32) (i32.const 0))
      (func (export "w") (result i32)
        (call_indirect (type $t) (block (result i32) (drop (global.get $at)) (i32.const 1) (drop) (i32.const 0))))
      (func (export "w2") (result i32)
        (i32.const 0) (br_if 0 (global.get $at)) (i32.const 1) (i32.sub (i32.const 1)) (drop) (call_indirect (type $t)))
      (func (export "g") (result i32) (call_indirect (type $t) (i32.const 1)))`,
    waits: ['w', 'w2'],
    goes: ['g'],
  },
  'segments of expressions': {
    fields: `${T} (table 2 funcref) (elem (i32.const 0) funcref (ref.func $wait) (ref.func $go))
      (func (export "w") (result i32) (call_indirect (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call_indirect (type $t) (i32.const 1)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a passive segment that is put into a table': {
    fields: `${T} (table 1 funcref) (elem $e func $wait)
      (func (export "w") (result i32) (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
        (call_indirect (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a function value that is put into a table': {
    fields: `${T} (table $one 1 funcref) (table $two 1 funcref) (elem (table $two) (i32.const 0) func $go)
      (elem declare func $wait)
      (func (export "w") (result i32) (table.set $one (i32.const 0) (ref.func $wait))
        (call_indirect $one (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call_indirect $two (type $t) (i32.const 0)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a table that is filled, and one that grows': {
    fields: `${T} (table $one 1 funcref) (table $two 0 10 funcref) (elem declare func $wait)
      (func (export "w") (result i32) (table.fill $one (i32.const 0) (ref.func $wait) (i32.const 1))
        (call_indirect $one (type $t) (i32.const 0)))
      (func (export "w2") (result i32) (drop (table.grow $two (ref.func $wait) (i32.const 1)))
        (call_indirect $two (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w', 'w2'],
    goes: ['g'],
  },
  'a table that is copied into another': {
    fields: `${T} (table $from 1 funcref) (table $to 1 funcref) (table $kept 1 funcref)
      (elem (table $from) (i32.const 0) func $wait) (elem (table $kept) (i32.const 0) func $go)
      (func (export "w") (result i32) (table.copy $to $from (i32.const 0) (i32.const 0) (i32.const 1))
        (call_indirect $to (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call_indirect $kept (type $t) (i32.const 0)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'what a table holds, taken out and put into another': {
    fields: `${T} (table $from 1 funcref) (table $to 1 funcref) (elem (table $from) (i32.const 0) func $wait)
      (func (export "w") (result i32) (table.set $to (i32.const 0) (table.get $from (i32.const 0)))
        (call_indirect $to (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a function value that is called': {
    fields: `${T} (type $other (func (param i32) (result i32))) (func $with (param i32) (result i32) (call $go))
      (elem declare func $wait $with)
      (func (export "w") (result i32) (call_ref $t (ref.func $wait)))
      (func (export "wt") (result i32) (return_call_ref $t (ref.func $wait)))
      (func (export "g") (result i32) (call_ref $other (i32.const 1) (ref.func $with)))`,
    waits: ['w', 'wt'],
    goes: ['g'],
  },
  'a function value that a global starts with': {
    fields: `${T} (global $f funcref (ref.func $wait)) (table $one 1 funcref) (table $two 1 funcref)
      (elem (table $two) (i32.const 0) func $go)
      (func (export "w") (result i32) (table.set $one (i32.const 0) (global.get $f))
        (call_indirect $one (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call_indirect $two (type $t) (i32.const 0)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a function value of what is only exported': {
    fields: `${T} (table $one 1 funcref) (func $waiter (export "w2") (result i32) (call $wait))
      (func (export "w") (result i32) (table.set $one (i32.const 0) (ref.func $waiter))
        (call_indirect $one (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call $go))`,
    waits: ['w', 'w2'],
    goes: ['g'],
  },
  'a segment that takes its function from a global': {
    fields: `${T} (global $f funcref (ref.func $wait)) (table $one 1 funcref) (table $two 1 funcref)
      (elem (table $one) (i32.const 0) funcref (global.get $f)) (elem (table $two) (i32.const 0) func $go)
      (func (export "w") (result i32) (call_indirect $one (type $t) (i32.const 0)))
      (func (export "g") (result i32) (call_indirect $two (type $t) (i32.const 0)))`,
    waits: ['w'],
    goes: ['g'],
  },
  'a start function, which runs before there is a call': {
    fields: `(global $seen (mut i32) (i32.const 0)) (func $start (global.set $seen (call $go))) (start $start)
      (func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (global.get $seen))`,
    waits: ['w'],
    goes: ['g'],
  },
  'an instruction that is not known: nobody knows of any': {
    fields: `(func (export "w") (result i32) (call $wait))
      (func (export "m") (result i32) (block $caught (try_table (catch_all $caught) (return (call $go)))) (i32.const 77))
      (func (export "m2") (result i32) (call $go))`,
    waits: ['w'],
    might: ['m', 'm2'],
  },
};

describe('exports that can reach an import that waits', () => {
  test.each(Object.entries(ROWS))('%s', async (_name, { fields, waits = [], goes = [], might = [] }) => {
    const prepared = await preparedOf(moduleOf(fields, [...waits, ...goes, ...might]));
    expect(prepared.tier).toBe('fast');
    expect([...prepared.blockingExports].sort()).toEqual([...waits, ...might].sort());
    expect(await outcomesOf(prepared, [...waits, ...goes, ...might])).toEqual(expectedOf({ waits, goes, might }));
  });

  test('a start function that would wait traps, as it did', async () => {
    const fields = `(func $start (drop (call $wait))) (start $start) (func (export "g") (result i32) (call $go))`;
    const prepared = await preparedOf(moduleOf(fields, ['g']));
    expect(prepared.blockingExports).toEqual([]);
    await expect(outcomesOf(prepared, ['g'])).rejects.toThrow(/suspend|block/);
  });
});

test('constants are read with their sign', () => {
  const seen: (readonly number[])[] = [];
  const body = Uint8Array.of(0x41, 0x3f, 0x41, 0x40, 0x41, 0x7f, 0x41, 0xc0, 0x00, 0x41, 0x80, 0x80, 0x80, 0x80, 0x78);
  expect(
    readInstructions(body, 0, body.length, (code, begin, end, first) => seen.push([code, begin, end, first])),
  ).toBe(true);
  expect(seen).toEqual([
    [Told.Constant, 0, 2, 63],
    [Told.Constant, 2, 4, 2 ** 32 - 64],
    [Told.Constant, 4, 6, 2 ** 32 - 1],
    [Told.Constant, 6, 9, 64],
    [Told.Constant, 9, 15, 2 ** 31],
  ]);
});

test('two names that bindings spell the same are one', async () => {
  const fields = '(func (export "a1") (result i32) (call $wait)) (func (export "a-1") (result i32) (call $go))';
  const more = '(func (export "a2") (result i32) (call $go))';
  const admitted = await admittedOf(moduleOf(fields + more, ['a1', 'a-1', 'a2']));
  expect(suspensionOf(admitted).exports).toEqual(['a1', 'a-1']);
});

describe('bounded', () => {
  test('beyond the limit, every export can wait', async () => {
    const fields = '(func (export "w") (result i32) (call $wait)) (func (export "g") (result i32) (call $go))';
    const admitted = await admittedOf(moduleOf(fields, ['w', 'g']));
    const exportsWithin = (items: number): readonly string[] =>
      suspensionOf(admitted, { ...FORM_LIMITS, items }).exports;
    let least = 0;
    while (exportsWithin(least).length === 2) least += 1;
    expect(least).toBeGreaterThan(10);
    expect(exportsWithin(least - 1)).toEqual(['w', 'g']);
    expect(exportsWithin(least)).toEqual(['w']);
  });

  test.each([
    ['calls', 200_000, (index: number) => `(call $f${index % 50})`],
    ['calls through a table', 100_000, () => '(drop (call_indirect (type $t) (global.get $at)))'],
    ['calls at one place', 100_000, () => '(drop (call_indirect (type $t) (i32.const 7)))'],
  ])('%s: time grows with the size and not faster', async (_what, count, one) => {
    const elements = Array.from({ length: 20 }, () => `(elem (i32.const 0) ${'$go '.repeat(1_000)})`).join('\n');
    const most = async (share: number): Promise<number> => {
      const code = Array.from({ length: count / share }, (_, index) => one(index)).join(' ');
      const fields = `${T} (table 1000 funcref) ${elements} (global $at (mut i32) (i32.const 0))
        ${Array.from({ length: 50 }, (_, index) => `(func $f${index})`).join('\n')}
        (func (export "g") (result i32) ${code} (call $go))`;
      const admitted = await admittedOf(moduleOf(fields, ['g']));
      const beginMs = cpuMs();
      expect(suspensionOf({ ...admitted, blockingImports: ['test:t/host#wait'] }).exports).toEqual([]);
      return cpuMs() - beginMs;
    };
    await most(10);
    // Ten times the code: far less than the hundred times that a product of both would take.
    expect(await most(1)).toBeLessThan(40 * Math.max(5, await most(10)));
  });
});
