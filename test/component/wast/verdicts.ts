/**
 * One script through the bindings of one tier: a verdict for each of its commands. A component goes the way that any goes:
 * admission, the transpiler, the bindings; what admission or the transpiler refuses is a verdict too.
 */
import { instantiate } from '../run.ts';
import { verdictOf } from '../tiers/tiers.ts';
import type { Answer, Made } from './maker.ts';
import { isList, isQuoted, textOf, type Form, type List } from './script.ts';
import { spelled, valueOf } from './values.ts';

/** `stock`: jco's own text. `ours`: `fast`, or the tier that takes its place. */
export type Voice = 'stock' | 'ours';

export interface Verdict {
  readonly line: number;
  readonly command: string;
  /** What came of it, by voice; the same for both where it ends before the bindings. */
  readonly stock: string;
  readonly ours: string;
  /** Whether ours is what the script asks for. */
  readonly isMet: boolean;
}

type Exports = Readonly<Record<string, unknown>>;

const VOICES = ['stock', 'ours'] as const;

/** Makes what a text of a component needs to run. */
export type Make = (text: string) => Promise<Answer>;

export async function verdictsOf(
  forms: readonly List[],
  make: Make,
  onVerdict: (verdict: Verdict) => void,
): Promise<void> {
  const play = new Play(make);
  for (const form of forms) {
    const [stock, ours] = await play.run(form);
    onVerdict({
      line: form.line,
      command: commandOf(form),
      stock,
      ours,
      isMet: MET[nameOf(form)]!.test(ours),
    });
  }
}

/** What a command asks for, as a verdict. */
const MET: Readonly<Record<string, RegExp>> = {
  component: /^(?:accepted|instantiated)$/,
  assert_invalid: /^refused: /,
  assert_malformed: /^refused: /,
  assert_return: /^as expected$/,
  assert_trap: /^(?:as expected|traps)$/,
  invoke: /^as expected$/,
};

function nameOf({ items: [command], line }: List): string {
  if (typeof command !== 'string') throw new Error(`line ${line}: not a command`);
  return command;
}

function commandOf(form: List): string {
  const what = form.items[1];
  const invoked = isList(what) && what.items[0] === 'invoke' ? ` ${textOf(what.items.find(isQuoted))}` : '';
  return `${nameOf(form)}${invoked}`;
}

type Pair = readonly [stock: string, ours: string];

const both = (verdict: string): Pair => [verdict, verdict];

/** The state that commands share. */
class Play {
  readonly #make: Make;
  readonly #definitions = new Map<string, Answer>();
  readonly #instances = new Map<string, Readonly<Record<Voice, Exports | string>>>();
  #latest: Readonly<Record<Voice, Exports | string>> | undefined;

  constructor(make: Make) {
    this.#make = make;
  }

  async run(form: List): Promise<Pair> {
    const [command, ...rest] = form.items;
    switch (command) {
      case 'component':
        return this.#component(form);
      case 'assert_invalid':
      case 'assert_malformed': {
        const made = await this.#make(componentText(rest[0] as List));
        return both(typeof made === 'string' ? made : 'accepted');
      }
      case 'assert_return':
        return this.#invoke(rest[0] as List, rest.slice(1));
      case 'assert_trap':
        if (isList(rest[0]) && rest[0].items[0] === 'component') return this.#component(rest[0]);
        return this.#invoke(rest[0] as List, undefined);
      case 'invoke':
        return this.#invoke(form, []);
      default:
        throw new Error(`line ${form.line}: the command ${nameOf(form)}`);
    }
  }

  async #component(form: List): Promise<Pair> {
    const [, kind, ...rest] = form.items;
    if (kind === 'instance') {
      const [name, of] = rest as [string, string];
      return this.#instantiate(name, this.#definitions.get(of) ?? 'no definition');
    }
    const name = [kind, rest[0]].find((item) => typeof item === 'string' && item.startsWith('$')) as string | undefined;
    const definition = await this.#make(componentText(form));
    if (kind !== 'definition') return this.#instantiate(name, definition);
    this.#definitions.set(name ?? '', definition);
    return both(typeof definition === 'string' ? definition : 'accepted');
  }

  async #instantiate(name: string | undefined, definition: Answer): Promise<Pair> {
    const made: Record<Voice, Exports | string> = { stock: '', ours: '' };
    for (const voice of VOICES) {
      made[voice] = typeof definition === 'string' ? definition : await instanceOf(definition, voice);
    }
    this.#latest = made;
    if (name !== undefined) this.#instances.set(name, made);
    const told = VOICES.map((voice) => (typeof made[voice] === 'string' ? made[voice] : 'instantiated'));
    return [told[0]!, told[1]!];
  }

  /** `expected`: what it should return; `undefined` where it should trap. */
  async #invoke({ items }: List, expected: readonly Form[] | undefined): Promise<Pair> {
    const [, ...rest] = items;
    const named = typeof rest[0] === 'string' ? this.#instances.get(rest[0]) : this.#latest;
    const name = textOf(rest.find(isQuoted));
    const args = rest.slice(rest.findIndex(isQuoted) + 1).map(valueOf);
    const told: string[] = [];
    for (const voice of VOICES) {
      const exports = named?.[voice] ?? 'no instance';
      told.push(typeof exports === 'string' ? `no instance: ${exports}` : await called(exports, name, args, expected));
    }
    return [told[0]!, told[1]!];
  }
}

const RIGHT = 'as expected';

async function called(
  exports: Exports,
  name: string,
  args: readonly unknown[],
  expected: readonly Form[] | undefined,
): Promise<string> {
  const target = functionOf(exports, name);
  if (!target) return 'no such export';
  const verdict = await verdictOf(() => target(...args));
  const told =
    'value' in verdict
      ? `returns ${spelled(verdict.value)}`
      : 'declared' in verdict
        ? `err ${spelled(verdict.declared)}`
        : 'traps';
  if (expected === undefined) return told === 'traps' ? RIGHT : told;
  return told === wantedOf(expected) ? RIGHT : told === 'traps' && 'trap' in verdict ? `traps (${verdict.trap})` : told;
}

function wantedOf([expected]: readonly Form[]): string {
  if (expected === undefined) return `returns ${spelled(undefined)}`;
  const value = valueOf(expected);
  // As the whole result of a function, a result is returned and thrown.
  if (isList(expected) && expected.items[0] === 'result.err') return `err ${spelled((value as { val: unknown }).val)}`;
  const isOk = isList(expected) && expected.items[0] === 'result.ok';
  return `returns ${spelled(isOk ? (value as { val: unknown }).val : value)}`;
}

function functionOf(exports: Exports, name: string): ((...args: unknown[]) => unknown) | undefined {
  const camelCase = name.replace(/-([a-z0-9])/g, (_dash, letter: string) => letter.toUpperCase());
  const found = exports[camelCase] ?? exports[name];
  return typeof found === 'function' ? (found as (...args: unknown[]) => unknown) : undefined;
}

async function instanceOf({ files, ...sources }: Made, voice: Voice): Promise<Exports | string> {
  try {
    return await instantiate({ files }, {}, sources[voice]);
  } catch (thrown) {
    return thrown instanceof WebAssembly.RuntimeError ? 'traps' : `breaks: ${String(thrown).split('\n')[0]}`;
  }
}

/** The text that stands in a command, or that a command spells as a quoted one. */
function componentText(form: List): string {
  if (!form.items.includes('quote')) return form.text.replace(/^\(component\s+definition/, '(component');
  return `(component ${form.items.filter(isQuoted).map(textOf).join('\n')})`;
}
