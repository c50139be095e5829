import { err, ok, type Result } from '../kit/result.ts';
import type { BindingTier } from '../model/engine.ts';
import { callableTypes, type CallableTypes } from '../model/callable.ts';
import type { ComponentShape } from '../model/wit.ts';
import { problem, type Problem } from '../model/problem.ts';
import { admit, type Admitted } from './admission/admit.ts';
import { FORM_LIMITS } from './binary/limits.ts';
import { missingFunction } from '../model/host-functions.ts';
import { refusedImport, type Given } from '../model/imports.ts';
import { printable } from './binary/names.ts';
import { makeBindings, makeFastBindings, type Bindings } from './bindings/make.ts';
import { suspensionOf } from './reach/waiting.ts';
import { transpilerVersion } from './toolchain.ts';
import { suspendingExports, transpile, type Transpiled } from './transpile.ts';

/** One component to prepare: what the child gets. */
export interface Job {
  readonly bytes: Uint8Array;
  readonly memoryBytes: number;
  readonly given: Given;
  /**
   * Functions of linked imports whose provider can block: calling them suspends. `…#*`: all of an import that another
   * entry's cell serves.
   */
  readonly blockingLinks?: readonly string[];
}

/** What the child answers: the files of a bundle and what is said about them. */
export interface Prepared {
  readonly files: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly tier: BindingTier;
  /** Why it is not `fast`. */
  readonly tierReason?: string | undefined;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly blockingExports: readonly string[];
  readonly memories: readonly { readonly initialBytes: number; readonly maximumBytes: number }[];
}

/** A reason may quote a name of the component. */
const MAX_REASON_CHARACTERS = 300;

/** Node's types know only the part of WebAssembly that it shares with no browser. */
const engine = WebAssembly as unknown as { validate(bytes: Uint8Array): boolean };

/**
 * The pipeline: admit → imports against grants → transpile → bindings → core modules against the engine. Runs in the
 * disposable child and nowhere else in production. Loads and runs nothing of what it makes.
 */
export function prepareComponent(job: Job): Result<Prepared, Problem> {
  const admitted = admit(job.bytes, job.memoryBytes, FORM_LIMITS, job.blockingLinks);
  if (!admitted.ok) return admitted;
  const { imports, exports, memories, shape } = admitted.value;
  if (!shape.ok) return shape;
  const refused = refusedImport(imports, job.given) ?? missingFunction(shape.value, job.given.links);
  if (refused) return err(refused);
  const bound = bind(admitted.value);
  if (!bound.ok) return bound;
  const { coreModules, bindings } = bound.value;
  const unknown = coreModules.find((module) => !engine.validate(module.bytes));
  if (unknown) return err(problem('HW2206', `the engine does not accept the core module ${unknown.name}`));
  const text = new TextEncoder().encode(bindings.text);
  const types = new TextEncoder().encode(JSON.stringify(callableTypes(shape.value)));
  const remotes = remoteTypes(job.blockingLinks ?? [], shape.value);
  return ok({
    files: [{ name: 'component.js', bytes: text }, ...coreModules, { name: 'types.json', bytes: types }, ...remotes],
    tier: bindings.tier,
    tierReason: bound.value.notFast,
    imports,
    exports,
    blockingExports: bound.value.blockingExports,
    memories,
  });
}

/** What a cell needs to call imports in other cells; nothing where there are none. */
function remoteTypes(links: readonly string[], { types, imports }: ComponentShape): Prepared['files'] {
  const names = links.filter((link) => link.endsWith('#*')).map((link) => link.slice(0, -'#*'.length));
  if (names.length === 0) return [];
  const functions = imports.interfaces
    .filter(({ name }) => names.includes(name))
    .flatMap((item) => item.functions.map((one) => ({ interface: item.name, function: one })));
  const declared: CallableTypes = { types, functions };
  return [{ name: 'remote.json', bytes: new TextEncoder().encode(JSON.stringify(declared)) }];
}

interface Bound {
  readonly bindings: Bindings;
  readonly blockingExports: readonly string[];
  readonly notFast?: string;
  readonly coreModules: Transpiled['coreModules'];
}

/**
 * The best bindings that there are for a component. `fast` ones are made of synchronous text, whether it blocks or not; the
 * tiers below need the transpiler's own suspension where it does, and there every export may wait.
 */
function bind(admitted: Admitted): Result<Bound, Problem> {
  const { blockingImports } = admitted;
  const synchronous = transpile({ ...admitted, blockingImports: [] });
  if (!synchronous.ok) return synchronous;
  const { source, coreModules } = synchronous.value;
  const suspension = suspensionOf(admitted);
  const fast = makeFastBindings(source, transpilerVersion(), suspension, coreModules);
  if (fast.ok) return ok({ bindings: fast.value, blockingExports: suspension.exports, coreModules });
  const transpiled = blockingImports.length > 0 ? transpile(admitted) : synchronous;
  if (!transpiled.ok) return transpiled;
  const bindings = makeBindings(transpiled.value.source);
  if (!bindings.ok) return bindings;
  const notFast = printable(fast.error).slice(0, MAX_REASON_CHARACTERS);
  const blockingExports = suspendingExports(admitted);
  return ok({ bindings: bindings.value, blockingExports, notFast, coreModules: transpiled.value.coreModules });
}
