import { err, ok, type Result } from '../kit/result.ts';
import type { BindingTier } from '../model/engine.ts';
import { problem, type Problem } from '../model/problem.ts';
import { admit } from './admission/admit.ts';
import { refusedImport, type Given } from './admission/imports.ts';
import { makeBindings } from './bindings/make.ts';
import { suspendingExports, transpile } from './transpile.ts';

/** One component to prepare: what the child gets. */
export interface Job {
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
  readonly given: Given;
}

/** What the child answers: the files of a bundle and what is said about them. */
export interface Prepared {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly tier: BindingTier;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly blockingExports: readonly string[];
  readonly memories: readonly { readonly initialBytes: number; readonly maximumBytes: number }[];
}

/** Node's types know only the part of WebAssembly that it shares with no browser. */
const engine = WebAssembly as unknown as { validate(bytes: Uint8Array): boolean };

/**
 * The pipeline: admit → imports against grants → transpile → bindings → core modules against the engine. Runs in the
 * disposable child and nowhere else in production. Loads and runs nothing of what it makes.
 */
export function prepareComponent(job: Job): Result<Prepared, Problem> {
  const admitted = admit(job.bytes, job.memoryBytes);
  if (!admitted.ok) return admitted;
  const { imports, exports, memories } = admitted.value;
  const refused = refusedImport(imports, job.given);
  if (refused) return err(refused);
  const transpiled = transpile(admitted.value);
  if (!transpiled.ok) return transpiled;
  const bindings = makeBindings(transpiled.value.source);
  if (!bindings.ok) return bindings;
  const { coreModules } = transpiled.value;
  const unknown = coreModules.find((module) => !engine.validate(module.bytes));
  if (unknown) return err(problem('HW2206', `the engine does not accept the core module ${unknown.name}`));
  const text = new TextEncoder().encode(bindings.value.text);
  return ok({
    files: [{ name: 'component.js', bytes: text }, ...coreModules],
    tier: bindings.value.tier,
    imports,
    exports,
    blockingExports: suspendingExports(admitted.value),
    memories,
  });
}
