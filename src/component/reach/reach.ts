/**
 * Which exports of a component can reach an import that waits. Whoever is called without `promising` and comes to one all the
 * same traps, so every answer here errs to one side: what is not understood can reach.
 *
 * Invariants
 * R1 An edge for each call that the instructions, the tables and the way modules are linked allow, or no answer at all.
 * R2 What the host calls between a guest and an import that waits (a destructor, what allocates for a lowered value) makes no
 *    edge: V8 suspends no frames of JavaScript, so such a call traps with and without `promising`.
 * R3 Work and memory are linear in the binary, and charged to the limits of a walk: beyond them there is no answer.
 */
import type { FormLimits } from '../binary/limits.ts';
import { Refusal } from '../binary/refusal.ts';
import { Walk } from '../binary/walk.ts';
import { hostName } from '../spelling.ts';
import { Calls } from './calls.ts';
import type { Ground } from './module.ts';
import { NotUnderstood } from './not-understood.ts';
import { readComponent } from './scope.ts';
import { Table, Values } from './tables.ts';
import { Gifts, HostInstance, type Exports, type FunctionThing } from './things.ts';

/** Memories are nothing to it. */
const ANY_PAGES = 65_536;

/**
 * @param bytes a component that admission has let in.
 * @param waiting imported functions: `wasi:io/poll#poll`, of any version.
 * @param functions exported ones: `test:t/guest#wait`; `…#*` where only the interface is known.
 * @returns those of `functions` that can reach one; `undefined` where nobody knows.
 */
export function exportsReaching(
  bytes: Uint8Array,
  waiting: readonly string[],
  functions: readonly string[],
  limits: FormLimits,
): readonly string[] | undefined {
  try {
    return reaching(bytes, new Set(waiting.map(hostName)), functions, new Walk(limits, ANY_PAGES));
  } catch (error) {
    if (error instanceof NotUnderstood || error instanceof Refusal) return undefined;
    throw error;
  }
}

function reaching(
  bytes: Uint8Array,
  waiting: ReadonlySet<string>,
  functions: readonly string[],
  walk: Walk,
): readonly string[] {
  const calls = new Calls((count) => walk.charge(count));
  const gifts = new Gifts(calls);
  const ground: Ground = { walk, calls, gifts, values: new Values(calls), tables: [], signatures: new Map() };
  const waits: number[] = [];
  const { exports } = readComponent(bytes, ground, (name, is) => {
    if (is === 'function') throw new NotUnderstood('a function that is imported outside of any interface');
    const canWait = (item: string): boolean => waiting.has(hostName(`${name}#${item}`));
    return { is, exports: new HostInstance(calls, canWait, waits) };
  });
  const exported = functions.map((name) => [name, functionNamed(exports, name)] as const);
  gifts.settle();
  Table.settle(ground.tables, ground.values);
  const found = calls.reaching(waits);
  return exported.filter(([, item]) => !item || found.has(item.entered ?? item.called)).map(([name]) => name);
}

/** `undefined`: it is not known which function it is. */
function functionNamed(exports: Exports, name: string): FunctionThing | undefined {
  const [first = '', second] = name.split('#');
  if (second === '*') return undefined;
  const outer = exports.get(second === undefined ? 'function' : 'instance', first);
  const thing = second !== undefined && outer.is === 'instance' ? outer.exports.get('function', second) : outer;
  if (thing.is !== 'function') throw new NotUnderstood(`${name} is no function`);
  return thing;
}
