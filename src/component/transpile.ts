import { $init, generate } from '@bytecodealliance/jco-transpile/component';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Admitted } from './admission/admit.ts';
import { importMemory } from './binary/import-memory.ts';
import { printable } from './binary/names.ts';

/** What the transpiler makes: the bindings as JavaScript text, and the core modules; these import their memory (ADR 0174). */
export interface Transpiled {
  readonly source: string;
  readonly coreModules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

const SOURCE_NAME = 'component.js';

/** Loads the transpiler into this process; half a second of work that is done before there is a component. */
export async function loadTranspiler(): Promise<void> {
  await $init;
}

/**
 * The only use of jco-transpile. Its `component` entry is the generator alone: no minifier, no optimiser.
 *
 * Throws what the generator throws when it breaks (a panic is a trap, and poisons the process): the caller lets it end the
 * process. A component that the generator refuses is a `Problem`.
 */
export function transpile(admitted: Admitted): Result<Transpiled, Problem> {
  const suspends = admitted.blockingImports.length > 0;
  try {
    const { files } = generate(admitted.bytes, {
      name: 'component',
      instantiation: { tag: 'async' },
      noTypescript: true,
      noNodejsCompat: true,
      base64Cutoff: 0,
      tlaCompat: false,
      // Would let a guest hand out invalid strings and lists as if they were checked.
      validLiftingOptimization: false,
      tracing: false,
      noComponentErrorWrapping: true,
      noNamespacedExports: false,
      ...(suspends ? { asyncMode: { tag: 'jspi', val: suspending(admitted) } } : {}),
    });
    const source = files.find(([name]) => name === SOURCE_NAME)?.[1];
    if (!source) return err(problem('HW2201', 'the transpiler made no bindings'));
    const coreModules = files
      .filter(([name]) => name.endsWith('.wasm'))
      .map(([name, bytes]) => ({ name, bytes: importMemory(bytes) }));
    return ok({ source: new TextDecoder().decode(source), coreModules });
  } catch (error) {
    const reason = refusal(error);
    if (reason === undefined) throw error;
    return err(problem('HW2201', `the transpiler refuses the component: ${printable(reason)}`));
  }
}

/** Exported functions that get a promise. jco cannot make one of a constructor or a static function of a resource. */
export function suspendingExports({ blockingImports, functions }: Admitted): readonly string[] {
  if (blockingImports.length === 0) return [];
  return functions.filter((name) => !/#\[(?:constructor|static)\]/.test(name));
}

function suspending(admitted: Admitted): { imports: string[]; exports: string[] } {
  const names = suspendingExports(admitted);
  // `*` is jco's word for all, for an export whose functions the walk could not tell.
  const exports = names.some((name) => name.endsWith('#*')) ? ['*'] : [...names];
  return { imports: [...admitted.blockingImports], exports };
}

/** What the generator says when it refuses: a string, or an error that carries one. Anything else is a break. */
function refusal(error: unknown): string | undefined {
  if (typeof error === 'string') return error;
  const payload = (error as { payload?: unknown } | null)?.payload;
  return typeof payload === 'string' ? payload : undefined;
}
