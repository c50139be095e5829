/** Components over a host of two functions of one type: `wait`, which answers later, and `go`, which answers at once. */
import { admit, type Admitted } from '../../src/component/admission/admit.ts';
import { FORM_LIMITS } from '../../src/component/binary/limits.ts';
import { prepareComponent, type Prepared } from '../../src/component/job.ts';
import { loadTranspiler } from '../../src/component/transpile.ts';
import { instantiate } from './run.ts';
import { fromText, MIB } from './support.ts';

const HOST = 'test:t/host';
export const WAITED = 7;
export const GONE = 1;

/** Its imports, lowered as `$wait` and `$go`. */
export const LOWERED = `
  (import "${HOST}" (instance $host (export "wait" (func (result u32))) (export "go" (func (result u32)))))
  (core func $wait (canon lower (func $host "wait")))
  (core func $go (canon lower (func $host "go")))`;
/** What a module imports of them, and what it is given. */
export const IMPORTED = `
  (import "host" "wait" (func $wait (result i32)))
  (import "host" "go" (func $go (result i32)))`;
export const GIVEN = '(with "host" (instance (export "wait" (func $wait)) (export "go" (func $go))))';

/** @param exports functions of the core instance `$main`, without parameters and with a number as their result. */
export function componentOf(parts: string, exports: readonly string[]): string {
  const lifted = exports.map(
    (name) => `(func (export "${name}") (result u32) (canon lift (core func $main "${name}")))`,
  );
  return `(component ${LOWERED} ${parts} ${lifted.join('\n')})`;
}

/** Of one module, in which everything but those imports is `fields`. */
export function moduleOf(fields: string, exports: readonly string[]): string {
  return componentOf(`(core module $m ${IMPORTED} ${fields}) (core instance $main (instantiate $m ${GIVEN}))`, exports);
}

export async function admittedOf(text: string): Promise<Admitted> {
  const admitted = admit(await fromText(text), 64 * MIB, FORM_LIMITS, [`${HOST}#wait`]);
  if (!admitted.ok) throw new Error(admitted.error.message);
  return admitted.value;
}

export async function preparedOf(text: string): Promise<Prepared> {
  await loadTranspiler();
  const prepared = prepareComponent({
    bytes: await fromText(text),
    memoryBytes: 64 * MIB,
    given: { capabilities: [], links: [{ import: HOST }] },
    blockingLinks: [`${HOST}#wait`],
  });
  if (!prepared.ok) throw new Error(prepared.error.message);
  return prepared.value;
}

/** What calls of exports gave: a number, what a promise gave, or what was thrown. */
export type Outcome = number | { readonly later: number } | { readonly thrown: string };

export async function outcomesOf(prepared: Prepared, names: readonly string[]): Promise<Record<string, Outcome>> {
  const later = (): Promise<number> => new Promise((resolve) => void setImmediate(() => resolve(WAITED)));
  const exports = await instantiate(prepared, { [HOST]: { wait: later, go: () => GONE } });
  const outcomes: Record<string, Outcome> = {};
  for (const name of names) outcomes[name] = await outcome(() => call(exports, name));
  return outcomes;
}

/** Names of exports by what becomes of a call of each. */
export interface Exported {
  /** They come to `wait`. */
  readonly waits?: readonly string[];
  /** They come to `go`, and can to nothing else. */
  readonly goes?: readonly string[];
  /** They come to `go`, and it is not known that they can to nothing else. */
  readonly might?: readonly string[];
}

export function expectedOf({ waits = [], goes = [], might = [] }: Exported): Readonly<Record<string, Outcome>> {
  return {
    ...Object.fromEntries(waits.map((name) => [name, { later: WAITED }])),
    ...Object.fromEntries(goes.map((name) => [name, GONE])),
    ...Object.fromEntries(might.map((name) => [name, { later: GONE }])),
  };
}

function call(exports: object, name: string): unknown {
  const [first = '', second] = name.split('#');
  const found = (exports as Record<string, unknown>)[first];
  const called = second === undefined ? found : (found as Record<string, unknown>)[second];
  return (called as () => unknown)();
}

async function outcome(run: () => unknown): Promise<Outcome> {
  try {
    const answer = run();
    return answer instanceof Promise ? { later: (await answer) as number } : (answer as number);
  } catch (thrown) {
    return { thrown: (thrown as Error).name };
  }
}
