import type { Admitted } from '../admission/admit.ts';
import { FORM_LIMITS, type FormLimits } from '../binary/limits.ts';
import { exportName } from '../spelling.ts';
import { suspendingExports } from '../transpile.ts';
import { exportsReaching } from './reach.ts';

/** What may wait in bindings of ours. */
export interface Suspension {
  /** Imports that may answer later: `wasi:io/poll#poll`, `wasi:io/streams#[method]input-stream.blocking-read`. */
  readonly imports: readonly string[];
  /** Exports that can reach one of them, and give a promise. */
  readonly exports: readonly string[];
}

export const NO_SUSPENSION: Suspension = { imports: [], exports: [] };

/** All exports that get a promise at all where it is not known which of them can reach an import that waits. */
export function suspensionOf(admitted: Admitted, limits: FormLimits = FORM_LIMITS): Suspension {
  const { bytes, blockingImports: imports } = admitted;
  if (imports.length === 0) return NO_SUSPENSION;
  const all = suspendingExports(admitted);
  const reaching = exportsReaching(bytes, imports, all, limits);
  // Two names that the bindings spell the same would be one function to them.
  const spelled = reaching && new Set(reaching.map(exportName));
  return { imports, exports: spelled ? all.filter((name) => spelled.has(exportName(name))) : all };
}
