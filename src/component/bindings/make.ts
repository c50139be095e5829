import type { Program } from 'acorn';
import { err, ok, type Result } from '../../kit/result.ts';
import type { BindingTier } from '../../model/engine.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Suspension } from '../reach/waiting.ts';
import { gate } from './gate.ts';
import { quieten } from './quieten.ts';
import { seal } from './seal.ts';
import type { CoreModules } from './specialise/shims.ts';
import { specialise } from './specialise/specialise.ts';
import { parseModule, printModule } from './syntax.ts';

/** Far above what the largest component needs: 1.3 MB for every WASI interface at once. */
export const MAX_BINDINGS_BYTES = 16 * 1024 * 1024;

/** The version of jco-transpile whose output the `fast` tier is written for, to the letter. */
export const FAST_TRANSPILER = '0.15.0';

export interface Bindings {
  readonly text: string;
  readonly tier: BindingTier;
}

/**
 * From jco's module to the text that a cell runs: sealed, `quiet` where the pass knows its way, and past the gate in any case.
 * The text is printed from a tree and the gate reads that very text again.
 */
export function makeBindings(source: string): Result<Bindings, Problem> {
  if (source.length > MAX_BINDINGS_BYTES) {
    return err(
      problem('HW2204', `the bindings have ${source.length} bytes; at most ${MAX_BINDINGS_BYTES} are accepted`),
    );
  }
  const quiet = parsed(source);
  if (!quiet || !seal(quiet)) return err(problem('HW2204', 'the transpiler produced a module of an unknown shape'));
  if (quieten(quiet)) return gated(printModule(quiet), 'quiet');
  const stock = parsed(source);
  if (!stock || !seal(stock)) return err(problem('HW2204', 'the transpiler produced a module of an unknown shape'));
  return gated(printModule(stock), 'stock');
}

/**
 * The `fast` tier, from jco's synchronous text. The error says why the component does not get it: it is no `Problem`, for the
 * tier below is always there.
 *
 * @param suspension what may wait, as admission names it.
 * @param modules the core modules that the text instantiates: where they are known, guests are linked with their imports directly.
 */
export function makeFastBindings(
  source: string,
  transpiler: string,
  suspension: Suspension,
  modules: CoreModules = [],
): Result<Bindings, string> {
  if (transpiler !== FAST_TRANSPILER) return err(`jco-transpile ${transpiler} is not known to the pass`);
  const program = source.length > MAX_BINDINGS_BYTES ? undefined : parsed(source);
  if (!program || !seal(program) || !quieten(program)) return err('a module of another shape');
  const why = specialise(program, suspension, modules);
  if (why !== undefined) return err(why);
  const made = gated(printModule(program), 'fast');
  return made.ok ? made : err(made.error.message);
}

function gated(text: string, tier: BindingTier): Result<Bindings, Problem> {
  const program = parsed(text);
  const wrong = program ? gate(program, tier) : 'the module is no longer JavaScript';
  return wrong === undefined ? ok({ text, tier }) : err(problem('HW2204', `in the bindings, ${wrong}`));
}

function parsed(text: string): Program | undefined {
  try {
    return parseModule(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
