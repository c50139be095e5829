/** A file gets the `fast` tier only where the pass understands all of it. */
import type { AnyNode, Program } from 'acorn';
import { beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../../src/component/admission/admit.ts';
import { FAST_TRANSPILER, makeFastBindings } from '../../../src/component/bindings/make.ts';
import { quieten } from '../../../src/component/bindings/quieten.ts';
import { seal } from '../../../src/component/bindings/seal.ts';
import { specialise } from '../../../src/component/bindings/specialise/specialise.ts';
import { eachChild, isIdentifier, parseModule, printModule } from '../../../src/component/bindings/syntax.ts';
import { NO_SUSPENSION, suspensionOf, type Suspension } from '../../../src/component/reach/waiting.ts';
import { loadTranspiler, transpile } from '../../../src/component/transpile.ts';
import { MIB } from '../support.ts';
import { composedGuest } from './composed.ts';
import { holdingGuest, plainGuest, waitingGuest } from './guests.ts';

/** jco's synchronous text for a component, and which of its imports block. */
interface Subject {
  readonly source: string;
  readonly suspension: Suspension;
}

let plain: Subject;
let waiting: Subject;
let composed: Subject;
let holding: Subject;
beforeAll(async () => {
  await loadTranspiler();
  plain = subjectOf(await plainGuest());
  waiting = subjectOf(await waitingGuest());
  composed = subjectOf(await composedGuest());
  holding = subjectOf(await holdingGuest());
});

function subjectOf(bytes: Uint8Array): Subject {
  const admitted = admit(bytes, 64 * MIB);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const transpiled = transpile({ ...admitted.value, blockingImports: [] });
  if (!transpiled.ok) throw new Error(transpiled.error.message);
  return { source: transpiled.value.source, suspension: suspensionOf(admitted.value) };
}

function reason({ source, suspension }: Subject, transpiler = FAST_TRANSPILER): string {
  const made = makeFastBindings(source, transpiler, suspension);
  return made.ok ? made.value.tier : made.error;
}

test('as they are, all are fast', () => {
  expect([plain, waiting, composed, holding].map((item) => reason(item))).toEqual(['fast', 'fast', 'fast', 'fast']);
});

test.each(['0.14.9', '0.15.1', '0.16.0', ''])('a transpiler that nobody has looked at: %s', (version) => {
  expect(reason(plain, version)).toContain('is not known to the pass');
});

test('a blocking import that the text does not have', () => {
  const imports = [...waiting.suspension.imports, 'wasi:io/streams#[method]input-stream.blocking-read'];
  const more = { ...waiting.suspension, imports };
  expect(reason({ ...waiting, suspension: more })).toBe('a blocking import that is not found');
  expect(reason({ ...plain, suspension: more })).toBe('a blocking import that is not found');
});

test('an export that the text does not return', () => {
  const quiet = quietText(waiting.source);
  const changed = quiet.replace(/\n\s*nothing: nothing,?/, '');
  expect(changed).not.toBe(quiet);
  expect(specialised(parseModule(changed), waiting.suspension)).toBe('refused: an export that is not returned');
});

test('an export of an interface of which nothing is known can wait', () => {
  const { imports } = waiting.suspension;
  const text = specialised(parseModule(quietText(waiting.source)), { imports, exports: ['test:t/guest#*'] });
  expect(text).toMatch(/guestNothing = WebAssembly\.promising/);
});

test('an export that can wait and that the text does not have', () => {
  const exports = [...waiting.suspension.exports, 'test:t/guest#another'];
  expect(reason({ ...waiting, suspension: { ...waiting.suspension, exports } })).toBe(
    'an export that can wait is not found',
  );
});

describe('a text that differs', () => {
  test.each<[string, string | RegExp, string, string]>([
    ['a helper of a name that no list has', 'let dv =', 'const table = f(); let dv =', 'the helper table is not'],
    ['a helper that is declared otherwise', 'let dv =', 'const [first] = f(); let dv =', 'the helper ArrayPattern'],
    ['an asynchronous lowering', /(_lowerImportBackwardsCompat\.bind\([^]*?)isAsync: false/, '$1isAsync: true', ''],
    ['an asynchronous function type', 'funcTypeIsAsync: false', 'funcTypeIsAsync: true', ''],
    ['a lowering with more to say', 'isCancellable: false,', 'isCancellable: false, more: 1,', ''],
    [
      'another component instance in a lowering',
      /(Compat\.bind\(null, \{[^]*?)componentIdx: 0/,
      '$1componentIdx: 1',
      'a lowering of something else',
    ],
    [
      'another component instance in a trampoline',
      'getCurrentTask(0, _getGlobalCurrentTaskMeta(0)',
      'getCurrentTask(1, _getGlobalCurrentTaskMeta(1)',
      '',
    ],
    [
      'a trampoline that is all of another component instance',
      /getCurrentTask\(0, _getGlobalCurrentTaskMeta\(0\)([^]*?)getOrCreateAsyncState\(0\)/,
      'getCurrentTask(1, _getGlobalCurrentTaskMeta(1)$1getOrCreateAsyncState(1)',
      'a trampoline of another instance',
    ],
    [
      'another component instance in the call of a guest',
      /(callingWasmExport: true[^]*?)getOrCreateAsyncState\(0\)\.markTrapped/,
      '$1getOrCreateAsyncState(1).markTrapped',
      'an export that calls',
    ],
    [
      'another component instance after a return',
      /let cstate = getOrCreateAsyncState\(0\)/,
      'let cstate = getOrCreateAsyncState(1)',
      'the helper ASYNC_STATE is not known',
    ],
    ['an asynchronous trampoline', /(_trampoline[0-9]+ = )function/, '$1async function', 'an asynchronous trampoline'],
    ['a task that lives on', 'const started = task.enterSync();', 'keep(task);', 'a trampoline of another shape'],
    ['a result that does something', /task\.resolve\(\[ret\]\)/, 'task.resolve([ret()])', 'a trampoline that ends'],
    ['an export that leaves twice', /task\.exit\(\);\s*return/, 'task.exit(); task.exit(); return', ''],
    ['an export that never leaves', /task\.exit\(\);(\s*return ret >>> 0)/, '$1', 'an export that ends in another way'],
    ['an asynchronous export', /function (plain.*\()/, 'async function $1', 'an asynchronous export'],
    [
      'a guest called through something else',
      /fn: \(\) => (guest[A-Z]\w*)\(/,
      'fn: () => table.$1(',
      'an export that calls',
    ],
    ['flags that start at 0', /mutable: true\s*\}, 1\)/, 'mutable: true }, 0)', 'a lowering of something else'],
    ['a task that is looked at elsewhere', 'let exports0;', 'let exports0; keep(parentTask);', 'parentTask is left'],
    ['a name that is ours', 'let dv =', 'const _fastLane = 1; let dv =', 'a name that is ours'],
    ['no generator', 'let gen =', 'let other = 1, gen =', 'a module of another shape'],
  ])('%s', (_what, from, to, expected) => {
    const quiet = quietText(plain.source);
    const changed = quiet.replace(from, to);
    expect(changed).not.toBe(quiet);
    expect(specialised(parseModule(changed), NO_SUSPENSION)).toContain(`refused: ${expected}`);
  });
});

describe('resources of a text that differs', () => {
  test.each<[string, RegExp, string, string]>([
    [
      'a table that is read otherwise',
      /function rscTableGet\(table, handle\) \{/,
      '$& keep();',
      'the helper rscTableGet',
    ],
    ['one that is given out otherwise', /(finalizationRegistry[0-9]+)\.register\(/, 'keep(); $&', 'a resource that is'],
    ['one that its holder drops otherwise', /const handleEntry = rscTableRemove\(/, 'keep(); $&', 'a resource that is'],
  ])('%s', (_what, from, to, expected) => {
    const quiet = quietText(holding.source);
    const changed = quiet.replace(from, to);
    expect(changed).not.toBe(quiet);
    expect(specialised(parseModule(changed), NO_SUSPENSION)).toContain(`refused: ${expected}`);
  });
});

/**
 * Mutants of everything that the pass reads: each is refused, or shows in what comes out. One that is accepted without a
 * trace would mean that the pass has thrown something away unread.
 */
describe('nothing is overlooked', () => {
  const SAMPLES = 250;

  test.each([
    ['imports and exports', () => plain],
    ['suspension and resources', () => waiting],
    ['calls between guests', () => composed],
    ['handles of all kinds', () => holding],
  ])('%s', (_what, subject) => {
    const { source, suspension } = subject();
    const quiet = quietText(source);
    const baseline = specialised(parseModule(quiet), suspension);
    const places = placesIn(parseModule(quiet)).length;
    const step = Math.max(1, Math.floor(places / SAMPLES));
    const overlooked: string[] = [];
    for (let index = step - 1; index < places; index += step) {
      const program = parseModule(quiet);
      const what = placesIn(program)[index]!();
      if (specialised(program, suspension) === baseline) overlooked.push(what);
    }
    expect(overlooked).toEqual([]);
  });
});

function quietText(source: string): string {
  const program = parseModule(source);
  if (!seal(program) || !quieten(program)) throw new Error('the quiet tier does not take it');
  return printModule(program);
}

function specialised(program: Program, suspension: Suspension): string {
  const why = specialise(program, suspension);
  return why === undefined ? printModule(program) : `refused: ${why}`;
}

/** What a lowering says for asynchronous calls, and what only ever reaches a log. */
const UNREAD: ReadonlySet<string> = new Set([
  'trampolineIdx',
  'resultLowerFns',
  'hasResultPointer',
  'memoryIdx',
  'stringEncoding',
  'getMemoryFn',
  'getReallocFn',
  'entryFnName',
  'errHandling',
  'fnName',
]);

type Mutation = () => string;

/** Every place in the generator where something can be changed; calling it changes that, and says what it was. */
function placesIn(program: Program): Mutation[] {
  const places: Mutation[] = [];
  const see = (node: AnyNode): void => {
    if (node.type === 'Property' && isIdentifier(node.key) && UNREAD.has(node.key.name)) return;
    // Of `{ rep }`, the printer reads the value.
    if (node.type === 'Property' && node.shorthand) return see(node.value);
    if (node.type.endsWith('Statement') && isBooksOnly(textOf(node))) return;
    if (node.type === 'Identifier') places.push(() => change(node, 'name', `${node.name}_`));
    if (node.type === 'Literal') places.push(() => change(node, 'value', otherValue(node.value)));
    if (node.type === 'BlockStatement') {
      for (const [index, item] of node.body.entries()) {
        if (isBooksOnly(textOf(item))) continue;
        places.push(() => (node.body.splice(index, 1), `without ${textOf(item)}`));
      }
    }
    if (node.type === 'TryStatement' && node.handler)
      places.push(() => ((node.handler!.body.body = []), 'an empty catch'));
    eachChild(node, see);
  };
  eachChild(generatorOf(program), see);
  return places;
}

function change(node: AnyNode, key: string, value: unknown): string {
  const before = textOf(node);
  Object.assign(node, { [key]: value, raw: undefined });
  return `${before} as ${textOf(node)}`;
}

function otherValue(value: string | number | boolean | bigint | RegExp | null | undefined): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return value === null ? 0 : `${String(value)}_`;
}

/** Statements for a log, for a task, for asynchronous calls: the pass drops them whatever they say. */
const BOOKS: readonly RegExp[] = [
  /^_trampoline[0-9]+\.fnName = /,
  /^if \(0 !== null\) \{ task\./,
  /^task\.resolve\(\[.*\]\);$/,
  /^handleTable[0-9]+\._(?:componentIdx|createdReps) = /,
  /^Promise\.all\(\[module/,
  /^try \{ \w+Async = WebAssembly\.promising/,
];

function isBooksOnly(text: string): boolean {
  return BOOKS.some((pattern) => pattern.test(text));
}

function generatorOf(program: Program): AnyNode {
  let generator: AnyNode | undefined;
  const see = (node: AnyNode): void => {
    if (node.type === 'FunctionExpression' && node.generator) generator = node;
    else eachChild(node, see);
  };
  see(program);
  if (!generator) throw new Error('no generator');
  return generator;
}

function textOf(node: AnyNode): string {
  return printModule(node as Program)
    .replace(/\s+/g, ' ')
    .slice(0, 100);
}
