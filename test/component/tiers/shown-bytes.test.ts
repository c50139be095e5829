/** What a guest writes to a stream is its own memory, for a host that copies it; every other list of bytes is a copy. */
import { beforeAll, expect, test } from 'vitest';
import { admit } from '../../../src/component/admission/admit.ts';
import { FAST_TRANSPILER, makeFastBindings } from '../../../src/component/bindings/make.ts';
import { suspensionOf } from '../../../src/component/reach/waiting.ts';
import { loadTranspiler, transpile } from '../../../src/component/transpile.ts';
import { example, MIB } from '../support.ts';

let text: string;
beforeAll(async () => {
  await loadTranspiler();
  const admitted = admit(example('testbed'), 64 * MIB);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const transpiled = transpile({ ...admitted.value, blockingImports: [] });
  if (!transpiled.ok) throw new Error(transpiled.error.message);
  const made = makeFastBindings(transpiled.value.source, FAST_TRANSPILER, suspensionOf(admitted.value));
  if (!made.ok) throw new Error(made.error);
  text = made.value.text;
});

/** How the bytes that `method` is called with were lifted. */
function liftedFor(method: string): string | undefined {
  const call = new RegExp(`\\.${method}\\((?:[^()]*, )?(result[0-9]+)\\)`).exec(text);
  if (!call) return undefined;
  const lift = new RegExp(`var ${call[1]} = _fast_all_memory[0-9]+\\(\\)\\.(\\w+)\\(`, 'g');
  return [...text.slice(0, call.index).matchAll(lift)].at(-1)?.[1];
}

test.each([
  ['write', 'subarray'],
  ['blockingWriteAndFlush', 'subarray'],
  // The fields of a request keep it.
  ['append', 'slice'],
])('%s: %s', (method, how) => {
  expect(liftedFor(method)).toBe(how);
});
