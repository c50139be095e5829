/**
 * What code inside the cell can reach, tried with JavaScript in the place of the bindings: the gate of component/ would
 * never let it through, so this is the wall behind it.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { assignmentOf, type TestBundle } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';

const HANDLER = 'wasi:http/incoming-handler@0.2.12';
const NO_CODE = /^(EvalError|ReferenceError)$/;
/** Code that is no module has no loader. */
const NO_MODULES = /^ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING$/;
const FROZEN = /^TypeError$/;
const ABSENT = /^undefined$/;

/** An expression (it may await) → what it must give, or the code or name of what it must throw. */
const ROWS: readonly [expression: string, expected: RegExp][] = [
  ...[
    'process',
    'fetch',
    'WebSocket',
    'require',
    'Worker',
    'navigator',
    'localStorage',
    'crypto',
    'console',
    'global',
    'gc',
  ].map((name): [string, RegExp] => [`typeof ${name}`, ABSENT]),
  [`(0, eval)('1')`, NO_CODE],
  [`new Function('return 1')()`, NO_CODE],
  [`(() => 0).constructor('return 1')()`, NO_CODE],
  ...[
    'node:fs',
    'node:net',
    'node:child_process',
    'node:worker_threads',
    'node:process',
    'node:vm',
    'node:v8',
    'node:module',
    'node:inspector',
    'node:sqlite',
    'vm',
    'file:///etc/passwd',
    'data:text/javascript,1',
    './harden.js',
  ].map((name): [string, RegExp] => [`await import('${name}')`, NO_MODULES]),
  [`Object.prototype.added = 1`, FROZEN],
  [`Array.prototype.push = () => 0`, FROZEN],
  [`Function.prototype.call = () => 0`, FROZEN],
  [`Promise.prototype.then = () => 0`, FROZEN],
  [`Uint8Array.prototype.added = 1`, FROZEN],
  [`Map.prototype.get = () => 0`, FROZEN],
  [`Symbol.prototype.added = 1`, FROZEN],
  [`Error.prototype.added = 1`, FROZEN],
  [`WebAssembly.Suspending = class {}`, FROZEN],
  [`WebAssembly.Instance.prototype.added = 1`, FROZEN],
];

let said: readonly string[] = [];

beforeAll(async () => {
  const attempts = ROWS.map(([expression]) => `async () => (${expression})`);
  // Whoever is told of a trap loses the instance: what was tried is kept where all of them see it.
  const source = `export function instantiate(getCoreModule, imports, instantiateCore) {
    globalThis.tried ??= (async () => {
      const said = [];
      for (const attempt of [${attempts.join(', ')}]) {
        try { said.push(String(await attempt())); } catch (e) { said.push(e.code ?? e.name); }
      }
      globalThis.said = said;
    })();
    return { '${HANDLER}': { handle() { throw new Error('said<' + globalThis.said + '>'); } } };
  }`;
  const bundle: TestBundle = {
    files: new Map([['component.js', Buffer.from(source)]]),
    tier: 'stock',
    imports: [],
    exports: [HANDLER],
    blockingExports: [],
  };
  const peer = await Peer.start();
  await peer.load(assignmentOf(bundle), bundle);
  for (let id = 1; said.length < ROWS.length; id++) {
    const { text } = await peer.ask(id);
    said = /said<(.*)>/.exec(text)![1]!.split(',');
  }
  await peer.close();
});

test.each(ROWS.map(([expression, expected], index) => [expression, expected, index] as const))(
  '%s',
  (_expression, expected, index) => {
    expect(said[index]).toMatch(expected);
  },
);

test('a module of our own has a loader, which loads nothing any more', () => {
  const harden = path.resolve(import.meta.dirname, '../../src/cell/harden.ts');
  const code = `import { harden } from ${JSON.stringify(harden)}; const own = process; harden();
    own.exitCode = await import('node:vm').then(() => 1, (error) => (error.code === 'HEADWAY_NO_MODULES' ? 7 : 2));`;
  expect(spawnSync(process.execPath, ['--input-type=module', '-e', code]).status).toBe(7);
});

test('what the allocator was told by the environment is gone from it', () => {
  const harden = path.resolve(import.meta.dirname, '../../src/cell/harden.ts');
  const left = (before: string): number | null =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { harden } from ${JSON.stringify(harden)}; const own = process; ${before}; own.exitCode = Object.keys(own.env).length;`,
      ],
      { env: { MALLOC_ARENA_MAX: '1', ANOTHER: 'x' } },
    ).status;
  expect(left('')).toBe(2);
  expect(left('harden()')).toBe(0);
});
