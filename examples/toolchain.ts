/**
 * From a row of the catalogue to the bytes of a component. For C it is deterministic: the same sources and tool
 * versions give the same bytes, which `test/examples` holds it to.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { componentEmbed, componentNew } from '@bytecodealliance/jco-transpile/wasm-tools';
import { componentize } from 'componentize-qjs';
import type { CExample, Example, QuickJsExample } from './catalogue.ts';

const run = promisify(execFile);
const EXAMPLES_ROOT = dirname(fileURLToPath(import.meta.url));
const REPOSITORY_ROOT = dirname(EXAMPLES_ROOT);
const COMPILE_DEADLINE_MS = 60_000;
/** Of the WASI packages that jco carries. The C sources spell the same one in `c/wasi.h`. */
const WASI_VERSION = '0.2.12';
const WASI_PACKAGES = ['cli', 'clocks', 'filesystem', 'http', 'io', 'random', 'sockets'];

const CLANG_FLAGS = [
  '--target=wasm32',
  '-std=c17',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-ffreestanding',
  // Copies become an instruction: there is no libc to call.
  '-mbulk-memory',
];
const LINK_FLAGS = [
  '--no-entry',
  '--strip-all',
  // The stack below the data: running over it traps instead of overwriting globals.
  '--stack-first',
  '-z',
  'stack-size=32768',
];

/** Without the async ABI, small, and importing nothing of WASI: the example needs none of it. */
const QUICKJS_OPTIONS = { sync: true, optSize: true, stubWasi: true };

export async function buildExample(example: Example): Promise<Uint8Array> {
  return example.language === 'c' ? buildC(example) : buildQuickJs(example);
}

/**
 * sha256 over all that a QuickJS component is made from. Its bytes differ from build to build, because the snapshot holds
 * hash seeds: this is how one tells whether a committed one is still what its sources say.
 */
export async function inputsOfQuickJs(example: QuickJsExample): Promise<string> {
  const require = createRequire(import.meta.url);
  const files = [
    require.resolve('componentize-qjs/package.json'),
    join(EXAMPLES_ROOT, example.source),
    join(REPOSITORY_ROOT, example.wit, 'package.wit'),
  ];
  const hash = createHash('sha256').update(JSON.stringify(QUICKJS_OPTIONS));
  for (const file of files) hash.update(await readFile(file));
  return `sha256:${hash.digest('hex')}`;
}

/** The first line that the compiler says about itself, for the record beside the outputs. */
export async function compilerVersion(): Promise<string> {
  const { stdout } = await run('clang', ['--version']);
  return stdout.split('\n', 1)[0]!;
}

async function buildC(example: CExample): Promise<Uint8Array> {
  const scratch = await mkdtemp(join(tmpdir(), 'headway-example-'));
  try {
    const module = await compile(example, scratch);
    const embedded = await componentEmbed({
      binary: await readFile(module),
      witSource: await witOfC(),
      world: example.world,
    });
    return await componentNew(embedded, []);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Compiles and links in two steps: in one, clang would pass the module through whichever wasm-opt is first on PATH, and
 * the bytes would depend on it.
 */
async function compile(example: CExample, scratch: string): Promise<string> {
  const shared = (await readdir(join(EXAMPLES_ROOT, 'c'))).filter((file) => file.endsWith('.c')).sort();
  const sources = [...example.sources, ...shared.map((file) => `c/${file}`)];
  const defines = Object.entries(example.defines ?? {}).map(([name, value]) => `-D${name}=${value}`);
  const options = { cwd: EXAMPLES_ROOT, timeout: COMPILE_DEADLINE_MS };
  const objects: string[] = [];
  for (const [index, source] of sources.entries()) {
    const object = join(scratch, `${index}.o`);
    await run('clang', [...CLANG_FLAGS, ...defines, '-c', source, '-o', object], options);
    objects.push(object);
  }
  const maximum = example.maxMemoryBytes === undefined ? [] : [`--max-memory=${example.maxMemoryBytes}`];
  const module = join(scratch, 'core.wasm');
  await run('wasm-ld', [...LINK_FLAGS, ...maximum, ...objects, '-o', module], options);
  return module;
}

/** One WIT text with our worlds and, as nested packages, everything that they may name. */
async function witOfC(): Promise<string> {
  const wasi = join(dirname(createRequire(import.meta.url).resolve('@bytecodealliance/jco')), '../lib/wit/builtin');
  const files = [
    ...WASI_PACKAGES.map((name) => join(wasi, WASI_VERSION, `wasi-${name}`, 'package.wit')),
    join(REPOSITORY_ROOT, 'wit/http/package.wit'),
    join(REPOSITORY_ROOT, 'wit/component/package.wit'),
    join(REPOSITORY_ROOT, 'wit/keyvalue/package.wit'),
    join(REPOSITORY_ROOT, 'wit/config/package.wit'),
    join(EXAMPLES_ROOT, 'checkout/rates.wit'),
    join(EXAMPLES_ROOT, 'pricing/pricing.wit'),
  ];
  const worlds = await readFile(join(EXAMPLES_ROOT, 'c/worlds.wit'), 'utf8');
  return [worlds, ...(await Promise.all(files.map(nestedPackage)))].join('\n');
}

async function nestedPackage(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return `${text.replace(/^package ([^;]+);/m, 'package $1 {')}\n}\n`;
}

async function buildQuickJs(example: QuickJsExample): Promise<Uint8Array> {
  const jsPath = join(EXAMPLES_ROOT, example.source);
  const { component } = await componentize({
    witPath: join(REPOSITORY_ROOT, example.wit),
    jsSource: await readFile(jsPath, 'utf8'),
    jsPath,
    world: example.world,
    ...QUICKJS_OPTIONS,
  });
  return component;
}
