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
import { EXAMPLES, type Example } from '../../examples/catalogue.ts';
import { buildExample, compilerVersion } from '../../examples/toolchain.ts';
import { WASM_FOLDER } from './component.ts';

const committed = (name: string) => readFile(join(WASM_FOLDER, `${name}.wasm`));
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const BUILD_DEADLINE_MS = 60_000;
const MAX_C_BYTES = 40 * 1024;
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
    expect(built.components[example.name]).toEqual({ bytes: bytes.length, digest: digestOf(bytes) });
    expect(bytes.length).toBeLessThan(example.language === 'c' ? MAX_C_BYTES : MAX_QUICKJS_BYTES);
  });

  test('can be built from its sources again', { timeout: BUILD_DEADLINE_MS }, async () => {
    const again = await identityOf(example, await buildExample(example));
    expect(again, 'run `npm run build:examples` and commit').toBe(
      await identityOf(example, await committed(example.name)),
    );
  });
});

/** QuickJS is snapshotted with its hash seeds in it, so its bytes differ each time; its interfaces do not. */
async function identityOf(example: Example, component: Uint8Array): Promise<string> {
  return example.language === 'c' ? digestOf(component) : componentWit(component);
}
