/** One component through every tier: what differs between them is only how fast they are. */
import { admit } from '../../../src/component/admission/admit.ts';
import { FAST_TRANSPILER, makeFastBindings } from '../../../src/component/bindings/make.ts';
import { quieten } from '../../../src/component/bindings/quieten.ts';
import { seal } from '../../../src/component/bindings/seal.ts';
import { parseModule, printModule } from '../../../src/component/bindings/syntax.ts';
import { suspensionOf } from '../../../src/component/reach/waiting.ts';
import { transpile, type Transpiled } from '../../../src/component/transpile.ts';
import { instantiate, type Exports } from '../run.ts';
import { MIB } from '../support.ts';

export const TIERS = ['stock', 'quiet', 'fast'] as const;
export type Tier = (typeof TIERS)[number];

export interface Tiered {
  /** The text of each tier's bindings. */
  readonly sources: Readonly<Record<Tier, string>>;
  readonly files: Transpiled['coreModules'];
}

/**
 * Throws unless every tier takes the component.
 *
 * @param suspends whether what can block may: without, every export is synchronous.
 */
export function tiersOf(bytes: Uint8Array, suspends = true): Tiered {
  const admitted = admit(bytes, 64 * MIB);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const blockingImports = suspends ? admitted.value.blockingImports : [];
  const suspending = unwrap(transpile({ ...admitted.value, blockingImports }));
  const synchronous = unwrap(transpile({ ...admitted.value, blockingImports: [] }));
  const suspension = suspensionOf({ ...admitted.value, blockingImports });
  const fast = makeFastBindings(synchronous.source, FAST_TRANSPILER, suspension, synchronous.coreModules);
  if (!fast.ok) throw new Error(`not eligible: ${fast.error}`);
  return {
    sources: { stock: suspending.source, quiet: quiet(suspending.source), fast: fast.value.text },
    files: synchronous.coreModules,
  };
}

/** An instance by the bindings of a tier. */
export function instanceOf(
  { sources, files }: Tiered,
  tier: Tier,
  imports: Record<string, Record<string, unknown>>,
): Promise<Exports> {
  return instantiate({ files }, imports, sources[tier]);
}

/** How a call ended: with a value, with what a `result` declares, or with a trap and whether the instance is still open. */
export type Verdict = { readonly value: unknown } | { readonly declared: unknown } | { readonly trap: string };

export async function verdictOf(call: () => unknown): Promise<Verdict> {
  try {
    return { value: await call() };
  } catch (thrown) {
    if (!(thrown instanceof Error)) return { declared: thrown };
    if (Object.hasOwn(thrown, 'payload')) return { declared: (thrown as { payload?: unknown }).payload };
    return { trap: thrown instanceof WebAssembly.RuntimeError ? 'trap' : thrown.name };
  }
}

function quiet(source: string): string {
  const program = parseModule(source);
  if (!seal(program) || !quieten(program)) throw new Error('the quiet tier does not take it');
  return printModule(program);
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
