/* oxlint-disable vitest/valid-expect -- vitest takes a message as the second argument */
/**
 * The committed components are what the sources give. It needs the clang that made them (`built.json` says which): with
 * another one the bytes differ, and the message says so.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { componentWit } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Built } from '../../examples/build.ts';
import { EXAMPLES } from '../../examples/catalogue.ts';
import { buildExample, compilerVersion, inputsOfQuickJs } from '../../examples/toolchain.ts';
import { WASM_FOLDER } from './component.ts';

const committed = (name: string) => readFile(join(WASM_FOLDER, `${name}.wasm`));
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const REBUILD = 'run `npm run build:examples` and commit';
const BUILD_DEADLINE_MS = 60_000;
const MAX_C_BYTES = 56 * 1024;
const MAX_QUICKJS_BYTES = 1.5 * 1024 * 1024;

let built: Built;
beforeAll(async () => {
  built = JSON.parse(await readFile(join(WASM_FOLDER, 'built.json'), 'utf8')) as Built;
});

test('the compiler here is the one that built them', async () => {
  expect(await compilerVersion(), 'install it, or run `npm run build:examples` and commit').toBe(built.compiler);
});

test('the folder holds the catalogue and nothing else', async () => {
  const files = (await readdir(WASM_FOLDER)).filter((file) => file.endsWith('.wasm')).sort();
  expect(files).toEqual(EXAMPLES.map((example) => `${example.name}.wasm`).sort());
  expect(Object.keys(built.components).sort()).toEqual(EXAMPLES.map((example) => example.name).sort());
});

describe.each(EXAMPLES)('$name', (example) => {
  test('is as small and has the digest that the record says', async () => {
    const bytes = await committed(example.name);
    expect(built.components[example.name]).toMatchObject({ bytes: bytes.length, digest: digestOf(bytes) });
    expect(bytes.length).toBeLessThan(example.language === 'c' ? MAX_C_BYTES : MAX_QUICKJS_BYTES);
  });
});

describe.each(EXAMPLES.filter((example) => example.language === 'c'))('$name', (example) => {
  test('is what its sources give, to the byte', { timeout: BUILD_DEADLINE_MS }, async () => {
    const again = digestOf(await buildExample(example));
    expect(again, REBUILD).toBe(digestOf(await committed(example.name)));
  });
});

describe.each(EXAMPLES.filter((example) => example.language === 'quickjs'))('$name', (example) => {
  test('was made from the sources that are here', async () => {
    expect(built.components[example.name]!.inputs, REBUILD).toBe(await inputsOfQuickJs(example));
  });

  test('builds again, with the same interfaces', { timeout: BUILD_DEADLINE_MS }, async () => {
    const again = await componentWit(await buildExample(example));
    expect(again).toBe(await componentWit(await committed(example.name)));
  });
});
