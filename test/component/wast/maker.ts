/**
 * A thread that makes bindings for the components of the scripts, one by one: admission, the transpiler, the bindings. When
 * the transpiler breaks, which poisons its thread, it says so and is of no more use.
 */
import { parentPort } from 'node:worker_threads';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { admit } from '../../../src/component/admission/admit.ts';
import { FAST_TRANSPILER, makeBindings, makeFastBindings } from '../../../src/component/bindings/make.ts';
import { NO_SUSPENSION } from '../../../src/component/reach/waiting.ts';
import { loadTranspiler, transpile, type Transpiled } from '../../../src/component/transpile.ts';
import { MIB } from '../support.ts';

export interface Made {
  readonly files: Transpiled['coreModules'];
  /** jco's own text. */
  readonly stock: string;
  /** What a cell would run. */
  readonly ours: string;
  /** Why that is not `fast`. */
  readonly notFast?: string;
}

/** Bindings, or who refuses the component and why. */
export type Answer = Made | string;

async function make(text: string): Promise<Answer> {
  const bytes = await binaryOf(text);
  if (!bytes) return 'refused: not a text of a component';
  const admitted = admit(bytes, 64 * MIB);
  if (!admitted.ok) return `refused: ${admitted.error.code} ${admitted.error.message}`;
  const { shape } = admitted.value;
  if (!shape.ok) return `refused: ${shape.error.code} ${shape.error.message}`;
  const transpiled = transpile({ ...admitted.value, blockingImports: [] });
  if (!transpiled.ok) return `refused: ${transpiled.error.code} ${transpiled.error.message}`;
  const { source, coreModules } = transpiled.value;
  const fast = makeFastBindings(source, FAST_TRANSPILER, NO_SUSPENSION, coreModules);
  if (fast.ok) return { files: coreModules, stock: source, ours: fast.value.text };
  const slower = makeBindings(source);
  if (!slower.ok) return `refused: ${slower.error.code} ${slower.error.message}`;
  return { files: coreModules, stock: source, ours: slower.value.text, notFast: fast.error };
}

async function binaryOf(text: string): Promise<Uint8Array | undefined> {
  try {
    return await parse(text);
  } catch (thrown) {
    // What the parser says about the text comes as a payload; anything else is a break of the parser.
    if (thrown instanceof Error && Object.hasOwn(thrown, 'payload')) return undefined;
    throw thrown;
  }
}

await loadTranspiler();
parentPort?.on('message', (text: string) => {
  void make(text).then(
    (answer) => parentPort!.postMessage(answer, []),
    () => parentPort!.postMessage(null, []),
  );
});
