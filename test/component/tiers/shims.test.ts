/** Guests whose imports need their memory are linked with them at once, where what stood between is known to the letter. */
import { beforeAll, expect, test } from 'vitest';
import { shimmedFunctions } from '../../../src/component/bindings/specialise/shim-modules.ts';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { fromCore } from '../support.ts';
import { instanceOf, TIERS, tiersOf, type Tier, type Tiered } from './tiers.ts';

/** As many as need a second byte for a signed number, and for an unsigned one. */
const COUNTS = [1, 64, 65, 128, 129];
const MODULE = /= getCoreModule\('(component\.core[0-9]*\.wasm)'\)/g;

beforeAll(loadTranspiler);

/** Imports `count` functions that take a text; `last` hands one to the last. With `starts`, so does the start function. */
async function guest(count: number, starts = false): Promise<Tiered> {
  const names = Array.from({ length: count }, (_, index) => `take-${index}`);
  const imports = names.map((name) => `(import "test:t/texts" "${name}" (func $${name} (param i32 i32)))`);
  const wat = `(module ${imports.join('')}
    (memory (export "memory") 1) (data (i32.const 8) "text")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func $last (export "test:t/guest#last") (call $${names.at(-1)} (i32.const 8) (i32.const 4)))
    ${starts ? '(start $last)' : ''})`;
  const functions = names.map((name) => `${name}: func(text: string);`).join(' ');
  const wit = `package test:t; interface texts { ${functions} } interface guest { last: func(); }
    world w { import texts; export guest; }`;
  return tiersOf(await fromCore(wat, wit));
}

interface Host {
  readonly imports: Record<string, Record<string, unknown>>;
  readonly taken: string[];
}

function host(count: number): Host {
  const taken: string[] = [];
  const entries = Array.from({ length: count }, (_, index) => {
    return [`take${index}`, (text: string): void => void taken.push(`${index} ${text}`)] as const;
  });
  return { imports: { 'test:t/texts': Object.fromEntries(entries) }, taken };
}

test.each(COUNTS)('%d functions: one core module, and all tiers hand on the same', async (count) => {
  const tiered = await guest(count);
  for (const tier of TIERS) {
    const { imports, taken } = host(count);
    (await instanceOf(tiered, tier, imports))['test:t/guest']!['last']!();
    expect(taken).toEqual([`${count - 1} text`]);
  }
  const asked = (tier: Tier): number => [...tiered.sources[tier].matchAll(MODULE)].length;
  expect([asked('stock'), asked('fast')]).toEqual([3, 1]);
});

test.each(TIERS)(
  'a start function that calls before there is a memory traps, and the host is not called: %s',
  async (tier) => {
    const { imports, taken } = host(2);
    await expect(guest(2, true).then((tiered) => instanceOf(tiered, tier, imports))).rejects.toThrow(
      WebAssembly.RuntimeError,
    );
    expect(taken).toEqual([]);
  },
);

test('a shim and what fills it are known to the last byte', async () => {
  const { files } = await guest(65);
  const [shim, filler] = [files[1]!.bytes, files[2]!.bytes];
  expect(shimmedFunctions(shim, filler)).toBe(65);
  expect(shimmedFunctions(filler, shim)).toBeUndefined();
  const changed = (bytes: Uint8Array, at: number): Uint8Array =>
    bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  for (const at of shim.keys()) expect(shimmedFunctions(changed(shim, at), filler), `shim ${at}`).toBeUndefined();
  for (const at of filler.keys()) expect(shimmedFunctions(shim, changed(filler, at)), `filler ${at}`).toBeUndefined();
  for (let length = 0; length < shim.length; length += 1) {
    expect(shimmedFunctions(shim.subarray(0, length), filler)).toBeUndefined();
  }
  expect(shimmedFunctions(Uint8Array.of(...shim, 0), filler)).toBeUndefined();
});
