/** What admission adds to core modules so that a cell sees their memories; everything else in them is as before. */
import { describe, expect, test } from 'vitest';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { admit } from '../../src/component/admission/admit.ts';
import { FORM_LIMITS } from '../../src/component/binary/limits.ts';
import { walkCoreModule } from '../../src/component/binary/core-module.ts';
import { growsIn } from '../../src/component/binary/instructions.ts';
import { Walk } from '../../src/component/binary/walk.ts';
import { WATCHED_MEMORY, WATCHED_REFUSALS, WATCHED_TABLE_REFUSALS } from '../../src/model/watched-memory.ts';
import { example, MIB } from './support.ts';

const LIMIT_PAGES = 10;
type Functions = Record<string, (...args: unknown[]) => unknown>;

async function watched(fields: string, imports: object = {}): Promise<WebAssembly.Instance> {
  const bytes = walkCoreModule(await parse(`(module ${fields})`), new Walk(FORM_LIMITS, LIMIT_PAGES));
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
}

const functionsOf = (instance: WebAssembly.Instance): Functions => instance.exports as Functions;
const refusals = (instance: WebAssembly.Instance): unknown =>
  (instance.exports[WATCHED_REFUSALS] as WebAssembly.Global | undefined)?.value;

const tableRefusals = (instance: WebAssembly.Instance): unknown =>
  (instance.exports[WATCHED_TABLE_REFUSALS] as WebAssembly.Global | undefined)?.value;

const GROW = '(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))';

describe('a table that grows', () => {
  const most = FORM_LIMITS.tableElements;

  test('counts what is asked beyond what it may have, and nothing up to it', async () => {
    const instance = await watched(
      `(table (export "t") 1 funcref) (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0)))`,
    );
    const { grow } = functionsOf(instance);
    expect([grow!(most - 1), tableRefusals(instance)]).toEqual([1, 0]);
    expect([grow!(0), tableRefusals(instance)]).toEqual([most, 0]);
    expect([grow!(1), tableRefusals(instance)]).toEqual([-1, 1]);
    expect([grow!(-1), tableRefusals(instance)]).toEqual([-1, 2]);
    expect(refusals(instance)).toBeUndefined();
  });

  test('is filled with what was to be in it, be it one that is imported, of hosts, or of several, beside a memory', async () => {
    const table = new (WebAssembly as unknown as { Table: new (of: object) => object }).Table({
      element: 'externref',
      initial: 1,
    });
    const instance = await watched(
      `(import "env" "t" (table $t 1 externref)) (table $u 2 5 funcref) (memory 1) ${GROW}
       (func $seven (result i32) (i32.const 7))
       (func (export "t") (param i32 externref) (result i32) (table.grow $t (local.get 1) (local.get 0)))
       (func (export "u") (param i32) (result i32) (table.grow $u (ref.func $seven) (local.get 0)))
       (func (export "last") (result externref) (table.get $t (i32.sub (table.size $t) (i32.const 1))))
       (func (export "call") (param i32) (result i32) (call_indirect $u (result i32) (local.get 0))) (elem declare func $seven)`,
      { env: { t: table } },
    );
    const { t, u, last, call, grow } = functionsOf(instance);
    const mark = {};
    expect([t!(3, mark), last!(), u!(1), call!(2), tableRefusals(instance)]).toEqual([1, mark, 2, 7, 0]);
    // Beyond its own maximum, which is nobody's limit; then beyond both.
    expect([u!(3), tableRefusals(instance), u!(most - 2), tableRefusals(instance)]).toEqual([-1, 0, -1, 1]);
    expect([grow!(LIMIT_PAGES), refusals(instance), tableRefusals(instance)]).toEqual([-1, 1, 1]);
  });
});

describe('a memory that grows', () => {
  test('counts what is asked beyond the limit, and nothing up to it', async () => {
    const instance = await watched(`(memory (export "m") 1) ${GROW}`);
    const { grow } = functionsOf(instance);
    expect([grow!(4), grow!(5), refusals(instance)]).toEqual([1, 5, 0]);
    expect([grow!(0), refusals(instance)]).toEqual([10, 0]);
    expect([grow!(1), refusals(instance)]).toEqual([-1, 1]);
    expect([grow!(-1), refusals(instance)]).toEqual([-1, 2]);
    const other = await watched(`(memory (export "m") 1) ${GROW}`);
    expect([functionsOf(other)['grow']!(10), refusals(other)]).toEqual([-1, 1]);
  });

  test('of a maximum of its own, it is told where it wants more than the limit', async () => {
    const instance = await watched(`(memory (export "m") 1 3) ${GROW}`);
    const { grow } = functionsOf(instance);
    expect([grow!(3), refusals(instance)]).toEqual([-1, 0]);
    expect([grow!(10), refusals(instance)]).toEqual([-1, 1]);
  });

  test('that is imported, and each of several', async () => {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: LIMIT_PAGES });
    const instance = await watched(
      `(import "env" "m" (memory 1)) (memory 1) (func (export "f") (param i32) (result i32) (memory.grow (local.get 0)))
       (func (export "g") (param i32) (result i32) (memory.grow 1 (local.get 0)))`,
      { env: { m: memory } },
    );
    const { f, g } = functionsOf(instance);
    expect([f!(8), g!(9), refusals(instance)]).toEqual([2, 1, 0]);
    expect([f!(1), g!(1), refusals(instance)]).toEqual([-1, -1, 2]);
    expect(memory.buffer.byteLength).toBe(LIMIT_PAGES * 65_536);
    expect((instance.exports[`${WATCHED_MEMORY}1`] as WebAssembly.Memory).buffer.byteLength).toBe(LIMIT_PAGES * 65_536);
  });

  test('in a module that has of everything: all else has the number that it had', async () => {
    const instance = await watched(
      `(import "env" "f" (func $f (result i32))) (import "env" "g" (global $g i32))
       (type $t (func (result i32))) (memory 1) (table funcref (elem $own $f))
       (global $h (mut i32) (i32.const 7))
       (func $own (result i32) (global.get $h))
       (func (export "all") (param $n i32) (result i32) (local $x i64) (local $v v128)
         (block $b (result i32)
           (drop (memory.grow (local.get $n)))
           (local.set $v (i8x16.shuffle 0 16 31 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 0x4040404040404040 0x40) (local.get $v)))
           (local.set $x (i64.const 0x4040404040))
           (f64.store (i32.const 8) (f64.const 64)) (f32.store offset=64 (i32.const 0) (f32.const 64))
           (memory.fill (i32.const 0x40) (i32.const 0x40) (i32.const 0x40))
           (if (i32.eqz (local.get $n)) (then (br $b (i32.const -1))))
           (br_table $b $b $b (i32.add (i32.add (call $f) (global.get $g))
             (i32.add (call_indirect (type $t) (i32.const 0)) (i32.load8_u (i32.const 0x40)))) (local.get $n)))
         (drop (memory.grow (i32.const 100))))
       (export "own" (func $own)) (start $s) (func $s (global.set $h (i32.const 8))) (data (i32.const 0) "x")`,
      { env: { f: () => 1_000, g: 100 } },
    );
    expect(functionsOf(instance)['all']!(2)).toBe(1_000 + 100 + 8 + 0x40);
    expect(functionsOf(instance)['own']!()).toBe(8);
    expect(refusals(instance)).toBe(1);
    expect((instance.exports[`${WATCHED_MEMORY}0`] as WebAssembly.Memory).buffer.byteLength).toBe(3 * 65_536);
  });
});

test('what has no memory, or exports it and does not grow it, is as it was', async () => {
  for (const fields of ['(func (export "f"))', '(memory (export "m") 1 2) (func (export "f"))']) {
    const bytes = await parse(`(module ${fields})`);
    expect(Buffer.from(walkCoreModule(bytes, new Walk(FORM_LIMITS, LIMIT_PAGES)))).toEqual(Buffer.from(bytes));
  }
});

test('a module with an instruction or a type that is not known grows unseen, and is otherwise as it was', async () => {
  const fields = `(type $t (func)) (memory (export "m") 1) ${GROW} (func (local (ref null $t)))`;
  const instance = await watched(fields);
  expect([functionsOf(instance)['grow']!(10), refusals(instance)]).toEqual([-1, undefined]);
});

describe('the instructions', () => {
  /** Each instruction of one byte, with so many zeros behind it that any length is behind it. */
  test('are known as V8 knows them: what it compiles has its end where it was looked for', () => {
    const unknown: number[] = [];
    for (let code = 0; code < 256; code += 1) {
      // Twenty zeros are, for whatever stands before them, integers, a constant, or `unreachable`.
      const bytes = Uint8Array.from([code, ...Array.from({ length: 20 }, () => 0), 0x40, 0, 0x0b]);
      const grows = growsIn(bytes, 0, bytes.length);
      if (!grows) unknown.push(code);
      else if (code !== 0x40)
        expect([code, grows]).toEqual([code, [{ grows: 'Memory', begin: 21, end: 23, index: 0 }]]);
    }
    // Exceptions, garbage collection, and what is not given out.
    expect(unknown.filter((code) => code < 0xc5).map((code) => code.toString(16))).toEqual([
      '6',
      '7',
      '8',
      '9',
      'a',
      '16',
      '17',
      '18',
      '19',
      '1c',
      '1d',
      '1e',
      '1f',
      '27',
    ]);
  });

  test.each(['testbed', 'greeting-eats-memory', 'greeting-js'])(
    'of %s, which grows its memory, are all known',
    (name) => {
      const admitted = admit(example(name), 64 * MIB);
      if (!admitted.ok) throw new Error(admitted.error.message);
      expect(Buffer.from(admitted.value.bytes).includes(WATCHED_REFUSALS)).toBe(true);
    },
  );
});
