/** A core module that imports the memory that it defined: nothing else in it is different, and no component can look like it. */
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { importMemory, MAX_IMPORTED_PAGES } from '../../src/component/binary/import-memory.ts';
import { Refusal } from '../../src/component/binary/refusal.ts';
import { prepareComponent } from '../../src/component/job.ts';
import { loadTranspiler } from '../../src/component/transpile.ts';
import {
  MEMORY_MODULE,
  MEMORY_NAME,
  MEMORY_SECTION,
  memoryShape,
  type MemoryShape,
} from '../../src/model/imported-memory.ts';
import { instantiateCore } from './run.ts';
import { example, fromText, MIB } from './support.ts';

beforeAll(loadTranspiler);

const moduleFrom = async (text: string): Promise<Uint8Array> => parse(`(module ${text})`);

function shapeOf(bytes: Uint8Array): MemoryShape | undefined {
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return memoryShape(WebAssembly.Module.customSections(module, MEMORY_SECTION)[0]);
}

/** Calls `start` of the module, which is given `note`, and tells what it noted. */
function run(bytes: Uint8Array): number[] {
  const noted: number[] = [];
  const note = (value: unknown): void => void noted.push(Number(value));
  const { exports } = instantiateCore(new WebAssembly.Module(Uint8Array.from(bytes)), { host: { note } });
  (exports['start'] as () => void)();
  return noted;
}

const LOOK = `(func (export "start")
  (call $note (memory.size)) (call $note (i32.load (i32.const 8))) (call $note (memory.grow (i32.const 9)))
  (call $note (memory.grow (i32.const 1))) (call $note (memory.size)))`;
const NOTE = '(import "host" "note" (func $note (param i32)))';
const DATA = '(data (i32.const 8) "\\2a\\00\\00\\00")';

describe('a module that imports its memory', () => {
  test('does what it did when it had its own', async () => {
    const bytes = await moduleFrom(`${NOTE} (memory (export "memory") 2 5) ${DATA} ${LOOK}`);
    const importing = importMemory(bytes);
    expect([shapeOf(bytes), shapeOf(importing)]).toEqual([undefined, { initial: 2, maximum: 5 }]);
    expect(run(bytes)).toEqual([2, 42, -1, 2, 3]);
    expect(run(importing)).toEqual(run(bytes));
    expect(() => new WebAssembly.Instance(new WebAssembly.Module(importing), { host: { note: () => 0 } })).toThrow(
      MEMORY_MODULE,
    );
  });

  test('also where it imports nothing else, has tables, globals and a start function', async () => {
    const bytes = await moduleFrom(`(memory 1 300) (table 1 funcref) (global $seen (mut i32) (i32.const 0)) ${DATA}
      (func $begin (global.set $seen (i32.load (i32.const 8)))) (start $begin) (elem (i32.const 0) $begin)
      (func (export "start") (result i32) (global.get $seen))`);
    const importing = importMemory(bytes);
    expect(shapeOf(importing)).toEqual({ initial: 1, maximum: 300 });
    const { exports } = instantiateCore(new WebAssembly.Module(Uint8Array.from(importing)));
    expect((exports['start'] as () => number)()).toBe(42);
  });

  test('also behind a memory of somebody else', async () => {
    const bytes = await moduleFrom(`(import "env" "m" (memory 1)) (memory (export "memory") 2 2)
      (func (export "sizes") (result i32 i32) (memory.size 0) (memory.size 1))`);
    const env = { m: new WebAssembly.Memory({ initial: 1 }) };
    const { exports } = instantiateCore(new WebAssembly.Module(Uint8Array.from(importMemory(bytes))), { env });
    expect((exports['sizes'] as () => number[])()).toEqual([1, 2]);
    expect((exports['memory'] as WebAssembly.Memory).buffer.byteLength).toBe(2 * 65_536);
  });

  test('exports the memory that it was given', async () => {
    const module = new WebAssembly.Module(
      Uint8Array.from(importMemory(await moduleFrom('(memory (export "memory") 1 1)'))),
    );
    const given = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const { exports } = new WebAssembly.Instance(module, { [MEMORY_MODULE]: { [MEMORY_NAME]: given } });
    expect(exports['memory']).toBe(given);
  });

  test(`has ${MAX_IMPORTED_PAGES} pages at first, and not ${MAX_IMPORTED_PAGES + 1}`, async () => {
    const [most, more] = await Promise.all(
      [MAX_IMPORTED_PAGES, MAX_IMPORTED_PAGES + 1].map((pages) => moduleFrom(`(memory ${pages} 99)`)),
    );
    expect(shapeOf(importMemory(most!))).toEqual({ initial: MAX_IMPORTED_PAGES, maximum: 99 });
    expect(importMemory(more!)).toBe(more);
  });

  test.each([
    ['without a memory', '(func)'],
    ['whose memory has no maximum', '(memory 1)'],
    ['with two memories', '(memory 1 1) (memory 1 1)'],
    ['that imports one', '(import "env" "m" (memory 1 1))'],
  ])('a module %s is left as it is', async (_what, text) => {
    const bytes = await moduleFrom(text);
    expect(importMemory(bytes)).toBe(bytes);
  });

  test('a binary that is cut anywhere is refused, or does what it did before', async () => {
    const bytes = await moduleFrom(`${NOTE} (memory (export "memory") 2 5) ${DATA} ${LOOK}`);
    const said = (read: () => number[]): string => {
      try {
        return read().join(' ');
      } catch (error) {
        return error instanceof Refusal ? 'refused' : 'not run';
      }
    };
    for (let end = 0; end <= bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      const whole = said(() => run(importMemory(cut)));
      if (whole !== 'refused') expect([end, whole]).toEqual([end, said(() => run(cut))]);
    }
    expect(said(() => run(importMemory(bytes)))).toBe('2 42 -1 2 3');
  });
});

const NOTHING = { capabilities: [], links: [] };
const custom = `(@custom "${MEMORY_SECTION}" "\\01\\00\\00\\00\\01\\00\\00\\00")`;

describe('a component', () => {
  test('has core modules in its bundle that import their memory', () => {
    const prepared = prepareComponent({ bytes: example('greeting-v1'), memoryBytes: 64 * MIB, given: NOTHING });
    const modules = prepared.ok ? prepared.value.files.filter(({ name }) => name.endsWith('.wasm')) : [];
    expect(modules.map(({ bytes }) => shapeOf(bytes))).toEqual([{ initial: 4, maximum: 1024 }, undefined, undefined]);
  });

  test.each([
    ['a module', `(core module (import "${MEMORY_MODULE}" "${MEMORY_NAME}" (memory 1 1)))`],
    ['a module of a component in it', `(component (core module (import "${MEMORY_MODULE}" "m" (memory 1 1))))`],
  ])('cannot import under that name: %s', async (_where, text) => {
    const admitted = admit(await fromText(`(component ${text})`), MIB);
    expect(admitted).toMatchObject({ ok: false, error: { code: 'HW2103' } });
    expect(admitted.ok ? '' : admitted.error.message).toContain(MEMORY_MODULE);
  });

  test.each([
    ['a module', `(core module $m ${custom} (memory 17 17)) (core instance (instantiate $m))`],
    [
      'a module of a component in it',
      `(component $c (core module $m ${custom} (memory 17 17)) (core instance (instantiate $m))) (instance (instantiate $c))`,
    ],
  ])('has no such section: %s', async (_where, text) => {
    const bytes = await fromText(`(component ${text})`);
    expect(Buffer.from(bytes).includes(MEMORY_SECTION)).toBe(true);
    const prepared = prepareComponent({ bytes, memoryBytes: 64 * MIB, given: NOTHING });
    const modules = prepared.ok ? prepared.value.files.filter(({ name }) => name.endsWith('.wasm')) : [];
    expect(modules.map((file) => [shapeOf(file.bytes), Buffer.from(file.bytes).includes(MEMORY_SECTION)])).toEqual([
      [undefined, false],
    ]);
  });
});
