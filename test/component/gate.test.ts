import { beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { gate } from '../../src/component/bindings/gate.ts';
import { FAST_TRANSPILER, makeBindings, makeFastBindings } from '../../src/component/bindings/make.ts';
import { freeIdentifiers } from '../../src/component/bindings/scope.ts';
import { parseModule, printModule } from '../../src/component/bindings/syntax.ts';
import { dropUnreadOption } from '../../src/component/bindings/unread.ts';
import { NO_SUSPENSION } from '../../src/component/reach/waiting.ts';
import { loadTranspiler, transpile } from '../../src/component/transpile.ts';
import { example, MIB } from './support.ts';

/** jco’s module for a component, and what is made of it. */
function made(name: string): { source: string; emitted: string } {
  const admitted = admit(example(name), 64 * MIB);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const transpiled = transpile(admitted.value);
  if (!transpiled.ok) throw new Error(transpiled.error.message);
  const { source } = transpiled.value;
  const bindings = makeBindings(source);
  if (!bindings.ok) throw new Error(bindings.error.message);
  return { source, emitted: bindings.value.text };
}

/** Of the smallest handler: the same helpers, a third of the text. */
let source: string;
let emitted: string;
beforeAll(async () => {
  await loadTranspiler();
  ({ source, emitted } = made('testbed-records'));
});

/** Statements put at the start of `instantiate`, where everything later can see them. */
const inside = (text: string, statements: string): string => {
  const start = text.indexOf('{') + 1;
  return `${text.slice(0, start)}${statements};${text.slice(start)}`;
};

describe('the text that was emitted', () => {
  test('passes', () => {
    expect(gate(parseModule(emitted), 'quiet')).toBeUndefined();
  });

  test('jco’s own text, unsealed, does not', () => {
    expect(gate(parseModule(source), 'quiet')).toBeDefined();
  });

  test('does not mention what the passes take out', () => {
    const greeting = made('greeting-v1');
    for (const word of ['process', 'console', 'globalThis', 'import.meta', '_debugLog', '_createdReps']) {
      expect(greeting.source).toContain(word);
      expect(greeting.emitted).not.toContain(word);
    }
  });
});

test('fast bindings take less from the realm: no timer, and no name that nothing declares', () => {
  const fast = makeFastBindings(source, FAST_TRANSPILER, NO_SUSPENSION);
  if (!fast.ok) throw new Error(fast.error);
  const said = (statement: string): string | undefined =>
    gate(parseModule(inside(fast.value.text, statement)), fast.value.tier);
  expect(said('')).toBeUndefined();
  for (const name of ['setTimeout', 'setInterval', 'queueMicrotask', 'Math', 'rep']) {
    expect(said(`${name}(1)`)).toBe(`the global ${name} is not allowed`);
    expect(gate(parseModule(inside(emitted, `${name}(1)`)), 'quiet')).toBeUndefined();
  }
});

describe('what is added to it is refused', () => {
  test.each<[string, string]>([
    ['the global eval', 'eval("1")'],
    ['the global Function', 'Function("return 1")'],
    ['the global Function', 'new Function("return 1")'],
    ['the global globalThis', 'globalThis.x = 1'],
    ['the global process', 'process.exit()'],
    ['the global process', 'if (typeof process === "object") {}'],
    ['the global process', 'const { env } = process'],
    ['the global process', '(() => { { let process; } return process; })()'],
    ['the global process', '(() => { try {} catch (process) {} return process; })()'],
    ['the global process', '(function process() {}), process'],
    ['the global process', '({ process })'],
    ['the global process', '({ [process]: 1 })'],
    ['the global process', '({ a: process } = {})'],
    ['the global process', 'class A { x = process }'],
    ['the global process', 'for (const process of []) {} process'],
    ['the global require', 'require("fs")'],
    ['the global fetch', 'fetch("x")'],
    ['the global console', 'console.log(1)'],
    ['the global Reflect', 'Reflect.get({}, "x")'],
    ['the global Proxy', 'new Proxy({}, {})'],
    ['the global SharedArrayBuffer', 'new SharedArrayBuffer(1)'],
    ['the global Atomics', 'Atomics.wait()'],
    ['the form ImportExpression', 'import("fs")'],
    ['import.meta', 'import.meta.url'],
    ['the form TaggedTemplateExpression', '[]`x`'],
    ['the form DebuggerStatement', 'debugger'],
    ['the form ClassExpression', '(class {})'],
    ['the form ForInStatement', 'for (const key in {}) {}'],
    ['the form StaticBlock', 'class A { static {} }'],
    ['the property constructor', '(() => {}).constructor("return 1")()'],
    ['the property constructor', '[]["constructor"]'],
    ['the property constructor', 'const { constructor } = []'],
    ['the property constructor', 'const { constructor: other } = []'],
    ['the property constructor', 'const { "constructor": other } = []'],
    ['the property __proto__', '({}).__proto__'],
    ['the property __proto__', '({ __proto__: null })'],
    ['the property __proto__', '({ "__proto__": null })'],
    ['the property __proto__', '({ ["__proto__"]: null })'],
    ['the property setPrototypeOf', 'Object.setPrototypeOf({}, null)'],
    ['the property __defineGetter__', '({}).__defineGetter__("x", () => 1)'],
    ['a property name that is put together', '[]["con" + "structor"]'],
    ['a property name that is put together', '[][`constructor`]'],
    ['a property name that is put together', '[][["con", "structor"].join("")]'],
    ['a property name that is put together', '[][true ? "constructor" : 0]'],
  ])('%s: %s', (reason, statement) => {
    expect(gate(parseModule(inside(emitted, statement)), 'quiet')).toContain(reason);
  });

  test.each<[string, (text: string) => string]>([
    ['a static import', (text) => `import fs from 'fs';\n${text}`],
    ['a re-export', (text) => `export * from 'fs';\n${text}`],
    ['a second export', (text) => `${text}\nexport const more = 1;`],
    ['a default export', (text) => `${text}\nexport default 1;`],
    ['a statement beside it', (text) => `${text}\n1;`],
    ['a directive', (text) => `'use anything';\n${text}`],
    ['no export', (text) => text.replace('export ', '')],
    ['another name', (text) => text.replace('function instantiate', 'function initiate')],
    ['an async function', (text) => text.replace('function', 'async function')],
    ['a generator', (text) => text.replace('function', 'function*')],
    ['a default parameter', (text) => text.replace('instantiateCore)', 'instantiateCore = 1)')],
    ['another parameter', (text) => text.replace('instantiateCore)', 'instantiateCore, more)')],
    ['a parameter less', (text) => text.replace(', instantiateCore)', ')')],
  ])('%s', (_what, change) => {
    const changed = change(emitted);
    expect(changed).not.toBe(emitted);
    expect(gate(parseModule(changed), 'quiet')).toBeDefined();
  });
});

describe('from jco’s text to bindings', () => {
  const refused = (text: string): unknown => {
    const made = makeBindings(text);
    return made.ok ? made.value.tier : made.error;
  };

  test('what seals and quietens is quiet', () => {
    expect(refused(source)).toBe('quiet');
  });

  test('the same text, twice, gives the same text', () => {
    expect(makeBindings(source)).toEqual(makeBindings(source));
  });

  test('a log call where the pass does not expect one leaves the file as stock, past the gate', () => {
    expect(refused(inside(source, 'const kept = _debugLog; kept("x")'))).toBe('stock');
  });

  test('a generator that is not found leaves the file as stock', () => {
    expect(refused(source.replace('let gen=', 'let other = 1, gen='))).toBe('stock');
  });

  test.each<[string, (text: string) => string]>([
    ['what is no JavaScript', (text) => `${text} }`],
    ['another shape', () => 'export const x = 1;'],
    ['a forbidden form in the middle', (text) => inside(text, 'eval("1")')],
    [
      'code in the log function’s place',
      (text) => text.replace('const _debugLog = ', 'const _other = fetch, _debugLog = '),
    ],
  ])('%s is refused', (_what, change) => {
    expect(refused(change(source))).toMatchObject({ code: 'HW2204', policy: 'Terminal' });
  });
});

describe('options that nobody reads', () => {
  const OPTION = 'f({ lift: [1], other: 2 });';
  test.each<[string, string, boolean]>([
    ['taken apart and not used', 'function f({ lift, other }) { return other; }', false],
    ['taken apart and used', 'function f({ lift, other }) { return lift; }', true],
    ['taken apart under another name', 'function f({ lift: other }) { return other; }', true],
    ['read as a property', 'function f(options) { return options.lift; }', true],
    ['passed on by its name', 'function f({ lift }) { g({ lift }); }', true],
    ['passed on as a value', 'function f({ lift }) { g({ lift: lift }); }', true],
    ['taken apart with a default', 'function f({ lift = 1 }) {}', true],
  ])('%s', (_what, reader, kept) => {
    const program = parseModule(`${OPTION}${reader}`);
    dropUnreadOption(program, 'lift');
    expect(printModule(program).includes('[1]')).toBe(kept);
  });
});

describe('free identifiers', () => {
  test.each<[string, string]>([
    ['a; b.c; d[e]; ({ f, g: h, [i]: j })', 'a b d e f h i j'],
    ['let a; const { b, c: [d = e, ...f], ...g } = h; a; b; c; d; f; g', 'c e h'],
    ['function a(b, { c }, d = e) { return [a, b, c, d, arguments]; }', 'e'],
    ['const a = (b) => [a, b, arguments]', 'arguments'],
    ['class A extends B { #c = d; [e] = f; static g() { return [A, this.#c]; } }', 'B d e f'],
    ['{ let a; { var b; function c() {} } } a; b; c', 'a c'],
    ['try { a } catch (b) { b } try {} catch { b }', 'a b'],
    ['for (const a of b) a; for (let c = 0; c < d; c++) c; for (var e of []) {} e; a', 'a b d'],
    ['switch (a) { case b: let c; c; break; default: d }', 'a b d'],
    ['a: for (;;) { break a; } (function b() { b; c: while (1) continue c; })', ''],
    ['export function a() { return new.target }', ''],
    ['typeof a; a = b; ({ c: d } = e)', 'a b d e'],
    ['(function () { if (1) { var a; } return a; }); var b; (() => b)()', ''],
  ])('%s', (text, expected) => {
    expect([...freeIdentifiers(parseModule(text)).keys()].sort().join(' ')).toBe(expected);
  });
});
