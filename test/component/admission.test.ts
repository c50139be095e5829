import { describe, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { FORM_LIMITS, type FormLimits } from '../../src/component/binary/limits.ts';
import type { Code } from '../../src/model/codes.ts';
import { example, fromText, MIB } from './support.ts';

const inCore = (fields: string): string => `(component (core module ${fields}))`;
const inNested = (fields: string): string => `(component (component (component (core module ${fields}))))`;

async function refusal(text: string, memoryBytes = MIB, limits: Partial<FormLimits> = {}): Promise<Code | 'admitted'> {
  const result = admit(await fromText(text), memoryBytes, { ...FORM_LIMITS, ...limits });
  return result.ok ? 'admitted' : result.error.code;
}

describe('what a component may be made of', () => {
  test.each<[Code, string, string]>([
    ['HW2105', 'a shared memory', '(memory 1 1 shared)'],
    ['HW2105', 'an imported shared memory', '(import "a" "b" (memory 1 1 shared))'],
    ['HW2106', 'a 64-bit memory', '(memory i64 1)'],
    ['HW2106', 'an imported 64-bit memory', '(import "a" "b" (memory i64 1))'],
    ['HW2106', 'a 64-bit table', '(table i64 1 funcref)'],
    ['HW2106', 'an imported 64-bit table', '(import "a" "b" (table i64 1 funcref))'],
    ['HW2107', 'a struct type', '(type (struct))'],
    ['HW2107', 'an array type', '(type (array i32))'],
    ['HW2107', 'a recursion group', '(rec (type (func)) (type (func)))'],
    ['HW2107', 'an open type', '(type (sub (func)))'],
    ['HW2107', 'a parameter of a collected type', '(type (func (param anyref)))'],
    ['HW2107', 'a result of a typed reference', '(type $t (func)) (type (func (result (ref null $t))))'],
    ['HW2107', 'a table of collected references', '(table 1 anyref)'],
    ['HW2107', 'an imported global of a collected type', '(import "a" "b" (global i31ref))'],
    ['HW2108', 'an exception tag', '(tag)'],
    ['HW2108', 'an imported exception tag', '(import "a" "b" (tag))'],
    ['HW2108', 'an exception reference', '(type (func (param exnref)))'],
    ['HW2108', 'a table with an initial value', '(table 1 funcref (ref.null func))'],
    ['HW2108', 'a page size of its own', '(memory 1 (pagesize 1))'],
    ['HW2109', 'a memory that starts above the limit', '(memory 17)'],
    ['HW2109', 'an imported memory that starts above the limit', '(import "a" "b" (memory 17))'],
    ['HW2110', 'a table that starts above the limit', '(table 100001 funcref)'],
  ])('%s: %s, in the component and nested in it', async (code, _what, fields) => {
    expect(await refusal(inCore(fields))).toBe(code);
    expect(await refusal(inNested(fields))).toBe(code);
  });

  test.each([
    [
      'memories, tables, globals, references',
      '(memory 1 2) (table 1 funcref) (table 1 externref) (global i32 (i32.const 1))',
    ],
    ['vectors and several results', '(type (func (param v128 i64) (result f32 f64)))'],
    ['code and data that nobody looks into', '(memory 1) (data (i32.const 0) "\\00\\ff") (func (unreachable))'],
  ])('admitted: %s', async (_what, fields) => {
    expect(await refusal(inCore(fields))).toBe('admitted');
    expect(await refusal(inNested(fields))).toBe('admitted');
  });

  test.each<[Code, string, string]>([
    ['HW2108', 'a stream', '(component (type (stream u8)))'],
    ['HW2108', 'a future', '(component (type (future)))'],
    ['HW2108', 'an error context', '(component (type error-context))'],
    ['HW2108', 'an asynchronous function', '(component (type (func async)))'],
    ['HW2108', 'an asynchronous built-in', '(component (core func (canon task.cancel)))'],
    ['HW2108', 'a value', '(component (import "a" (value string)))'],
    ['HW2112', 'a function of the world', '(component (import "a" (func)))'],
    ['HW2112', 'a resource of the world', '(component (import "a" (type (sub resource))))'],
    ['HW2112', 'a module', '(component (core type $m (module)) (import "a" (core module (type $m))))'],
    ['HW2112', 'a component', '(component (import "a" (component)))'],
  ])('%s: %s', async (code, _what, text) => {
    expect(await refusal(text)).toBe(code);
  });
});

describe('what is no component', () => {
  test('a core module is named as such', async () => {
    const result = admit(await fromText('(module)'), MIB);
    expect(result).toMatchObject({ ok: false, error: { code: 'HW2101', message: 'the file is a core module' } });
  });

  test.each([
    ['<!doctype html>', 'the file is not WebAssembly', 'commit the .wasm file that the build of the component wrote'],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:0\n',
      'the file is a pointer of Git LFS',
      'git lfs untrack',
    ],
  ])('text says what it is, and its own fix: %s', (text, message, remedy) => {
    const error = {
      code: 'HW2101',
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    };
    expect(admit(Buffer.from(text), MIB)).toMatchObject({ ok: false, error });
  });

  test.each<[string, string]>([
    ['HW2102', ''],
    ['HW2102', '0061736d'],
    ['HW2101', '7f454c4602010100'],
    ['HW2101', '0061736d0e000100'],
    // A section that is longer than the file, an integer of 33 bits, a section with a byte too many.
    ['HW2102', '0061736d0d000100' + '0a10'],
    ['HW2102', '0061736d0d000100' + '0affffffff1f'],
    ['HW2102', '0061736d0d000100' + '0a020000'],
    ['HW2108', '0061736d0d000100' + '0c0100' + '0c020100'],
  ])('%s: the bytes %s', (code, hex) => {
    expect(admit(Buffer.from(hex, 'hex'), MIB)).toMatchObject({ ok: false, error: { code } });
  });
});

describe('names, in every place that has one', () => {
  const places: [string, (name: string) => string][] = [
    ['the module of a core import', (name) => inCore(`(import "${name}" "a" (func))`)],
    ['a core import', (name) => inCore(`(import "a" "${name}" (func))`)],
    ['a core export', (name) => inCore(`(func (export "${name}"))`)],
    ['a core export in a nested component', (name) => inNested(`(func (export "${name}"))`)],
    ['an import of a module type', (name) => `(component (core type (module (import "${name}" "a" (func)))))`],
    ['an export of a module type', (name) => `(component (core type (module (export "${name}" (func)))))`],
    ['an export of a core instance', (name) => `(component (core instance (export "${name}" (func 0))))`],
    [
      'an argument of a core instance',
      (name) =>
        `(component (core module $m) (core instance $i) (core instance (instantiate $m (with "${name}" (instance $i)))))`,
    ],
    [
      'what is taken out of a core instance',
      (name) => `(component (core instance $i) (alias core export $i "${name}" (core func)))`,
    ],
  ];
  test.each(places)('%s: every ASCII character that no toolchain needs is refused', async (_what, withName) => {
    const refused = new Set<string>();
    for (let code = 0x20; code < 0x7f; code += 1) {
      const escaped = `\\${code.toString(16).padStart(2, '0')}`;
      if ((await refusal(withName(`a${escaped}b`))) === 'HW2103') refused.add(String.fromCodePoint(code));
      else expect(await refusal(withName(`a${escaped}b`))).toBe('admitted');
    }
    expect([...refused].join('')).toBe(' !"%&\'(),;<=>?\\^`{}~');
    for (const other of ['\\00', '\\0a', '\\7f', '\\c3\\a9', '\\e2\\80\\a8']) {
      expect(await refusal(withName(`a${other}b`))).toBe('HW2103');
    }
  });

  test.each(['__proto__', 'constructor', 'prototype', 'then'])(
    'core names that mean something to JavaScript: %s',
    async (name) => {
      expect(await refusal(inCore(`(func (export "${name}"))`))).toBe('HW2103');
      expect(await refusal(inCore(`(func (export "${name}-"))`))).toBe('admitted');
    },
  );

  /** One place of each kind in the component's own names; the text parser checks none of them. */
  const labels: [string, (name: string) => string][] = [
    ['a field', (name) => `(component (type (record (field "${name}" u8))))`],
    ['a case', (name) => `(component (type (variant (case "${name}"))))`],
    ['a flag', (name) => `(component (type (flags "${name}")))`],
    ['an enum case', (name) => `(component (type (enum "${name}")))`],
    ['a parameter', (name) => `(component (type (func (param "${name}" u8))))`],
    ['an export of an instance type', (name) => `(component (type (instance (export "${name}" (func)))))`],
    ['an import of a component type', (name) => `(component (type (component (import "${name}" (func)))))`],
    ['an export', (name) => `(component (instance $i) (export "${name}" (instance $i)))`],
    ['an import', (name) => `(component (import "${name}" (instance)))`],
    ['what is taken out of an instance', (name) => `(component (instance $i) (alias export $i "${name}" (func)))`],
    [
      'an argument',
      (name) => `(component (component $c) (instance $i) (instance (instantiate $c (with "${name}" (instance $i)))))`,
    ],
  ];
  test.each(labels)('%s: words of letters and digits only', async (_what, withName) => {
    for (const name of ['a', 'a-b', 'content-type2', 'DNS-timeout', 'a-1']) {
      expect(await refusal(withName(name)), name).toBe('admitted');
    }
    for (const name of [
      '',
      'a_b',
      'a b',
      'aB',
      '1a',
      '-a',
      'a-',
      'a--b',
      'a$',
      "a'",
      'constructor',
      'prototype',
      'then',
    ]) {
      expect(await refusal(withName(name)), name).toBe('HW2103');
    }
  });

  const externs = labels.slice(5);
  test.each(externs)('%s: interfaces with versions, functions of resources', async (_what, withName) => {
    for (const name of [
      'wasi:http/types@0.2.3',
      'a:b/c',
      'a:b/c@1.0.0-rc.1+x',
      '[method]fields.get',
      '[constructor]fields',
      '[static]a-b.c',
    ]) {
      expect(await refusal(withName(name)), name).toBe('admitted');
    }
    for (const name of [
      'wasi:http',
      'a:b/c@',
      'a:b/c@1',
      'a:b/c@1.0.0 ',
      '[method]fields',
      '[other]a.b',
      '[method]a.b.c',
      'url=<a>',
      'a:b/c@1.0.0-',
    ]) {
      expect(await refusal(withName(name)), name).toBe('HW2103');
    }
  });

  test('a refused name is shown as plain ASCII and not at length', async () => {
    const result = admit(await fromText(inCore(`(func (export "${'é\\00'.repeat(100)}"))`)), MIB);
    if (result.ok) throw new Error('admitted');
    expect(result.error.message).toMatch(/^a core export is named "[\x20-\x7e]{80}…"$/);
  });
});

describe('limits of the form: N is admitted, N + 1 is not', () => {
  const nested = (depth: number): string => (depth === 0 ? '' : `(component ${nested(depth - 1)})`);
  const types = (depth: number): string => (depth === 0 ? '' : `(type (component ${types(depth - 1)}))`);
  const times = (count: number, text: string): string => text.repeat(count);
  test.each<[keyof FormLimits, number, (count: number) => string]>([
    ['nesting', 3, (count) => nested(count)],
    ['typeNesting', 3, (count) => `(component ${types(count)})`],
    ['coreModules', 3, (count) => `(component ${times(count, '(core module)')})`],
    ['memories', 3, (count) => inCore(times(count, '(memory 1)'))],
    ['tables', 3, (count) => inCore(times(count, '(table 1 funcref)'))],
    ['tableElements', 3, (count) => inCore(`(table ${count} funcref)`)],
    ['nameBytes', 3, (count) => inCore(`(func (export "${times(count, 'a')}"))`)],
    // The section and its entries.
    ['items', 4, (count) => `(component ${times(1, `(type (tuple ${times(count - 2, 'u8 ')}))`)})`],
  ])('%s', async (name, limit, text) => {
    const limits = { [name]: limit };
    expect(await refusal(text(limit), MIB, limits)).toBe('admitted');
    const code = name === 'tableElements' ? 'HW2110' : 'HW2104';
    expect(await refusal(text(limit + 1), MIB, limits)).toBe(code);
  });

  test('the initial size of a memory against limits.memory', async () => {
    expect(await refusal(inCore('(memory 16)'), MIB)).toBe('admitted');
    expect(await refusal(inCore('(memory 16)'), MIB - 1)).toBe('HW2109');
  });
});

describe('rewriting', () => {
  /** Maxima of the memory and the table of the one core module, read back by the engine's own eyes. */
  async function maxima(fields: string): Promise<{ pages: number; elements: number }> {
    const admitted = admit(await fromText(`(component (core module ${fields}))`), MIB, {
      ...FORM_LIMITS,
      tableElements: 10,
    });
    if (!admitted.ok) throw new Error(admitted.error.message);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(coreOf(admitted.value.bytes)));
    return { pages: grown(exports['m'] as Growable), elements: grown(exports['t'] as Growable) };
  }
  /** The core module section is the only section: header, id, length, body. */
  function coreOf(component: Uint8Array): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(component.subarray(component.indexOf(0x00, 9)));
  }
  interface Growable {
    grow(by: number): number;
  }
  /** Grows one by one until it is refused; from 1. */
  function grown(what: Growable): number {
    for (let size = 1; ; size += 1) {
      try {
        what.grow(1);
      } catch {
        return size;
      }
    }
  }
  test.each([
    ['absent maxima are written', '(memory (export "m") 1) (table (export "t") 1 funcref)', 16, 10],
    ['larger maxima are cut', '(memory (export "m") 1 100) (table (export "t") 1 11 funcref)', 16, 10],
    ['smaller maxima are kept', '(memory (export "m") 1 2) (table (export "t") 1 3 funcref)', 2, 3],
  ])('%s', async (_what, fields, pages, elements) => {
    expect(await maxima(fields)).toEqual({ pages, elements });
  });

  test('custom sections go, at every depth', async () => {
    const text = '(component (@custom "x" "secret") (core module (@custom "x" "secret") (func $secret)))';
    const admitted = admit(await fromText(text), MIB);
    if (!admitted.ok) throw new Error(admitted.error.message);
    expect(Buffer.from(admitted.value.bytes).includes('secret')).toBe(false);
  });
});

describe('what admission finds out', () => {
  test('a wasi:http handler that writes: its imports, exports and what may suspend', () => {
    const admitted = admit(example('greeting-v1'), 64 * MIB);
    expect(admitted).toMatchObject({
      ok: true,
      value: {
        imports: ['wasi:io/error@0.2.12', 'wasi:io/streams@0.2.12', 'wasi:http/types@0.2.12'],
        exports: ['wasi:http/incoming-handler@0.2.12'],
        functions: ['wasi:http/incoming-handler@0.2.12#handle'],
        blockingImports: [
          'wasi:io/streams#[method]input-stream.blocking-read',
          'wasi:io/streams#[method]output-stream.blocking-write-and-flush',
        ],
        memories: [{ initialBytes: 4 * 65_536, maximumBytes: 64 * MIB }],
      },
    });
  });

  test('a QuickJS component: functions through nested instances, three memories, nothing that suspends', () => {
    const admitted = admit(example('greeting-js'), 64 * MIB);
    if (!admitted.ok) throw new Error(admitted.error.message);
    expect(admitted.value.functions).toEqual(['init', 'headway:http/handler@0.1.0#handle']);
    expect(admitted.value.blockingImports).toEqual([]);
    expect(admitted.value.memories).toHaveLength(3);
  });
});
