/**
 * What components and instances export, as far as calls go. A component is read once, however many instances are made of it, and
 * what one instance is given, each is taken to have.
 */
import type { Calls } from './calls.ts';
import type { CoreModule } from './module.ts';
import { NotUnderstood } from './not-understood.ts';

export type Thing =
  | FunctionThing
  | { readonly is: 'instance'; readonly exports: Exports }
  | { readonly is: 'component'; readonly component: Component }
  | { readonly is: 'module'; readonly module: CoreModule }
  /** Types, and components and modules that come from outside. */
  | { readonly is: 'other' };

export interface FunctionThing {
  readonly is: 'function';
  /** What a guest that calls it may come to, with what lifting and lowering call for it. */
  readonly called: number;
  /** What the host calls by it; absent where that is not known to be less. */
  readonly entered?: number;
  /** The host's own: what lowers its results is called by the host. */
  readonly isHost?: true;
}

export type Asked = 'function' | 'instance' | 'other';

export interface Exports {
  get(is: Asked, name: string): Thing;
}

export interface Component {
  readonly imports: ReadonlyMap<string, Thing>;
  readonly exports: Exports;
}

export const OTHER: Thing = { is: 'other' };

/** All is known. */
export class Made implements Exports {
  readonly #things = new Map<string, Thing>();

  add(name: string, thing: Thing): void {
    this.#things.set(name, thing);
  }

  get(_is: Asked, name: string): Thing {
    const thing = this.#things.get(name);
    if (!thing) throw new NotUnderstood(`nothing is exported as ${name}`);
    return thing;
  }
}

/** The host's instance of an interface: functions, of which some can wait. */
export class HostInstance implements Exports {
  readonly #calls: Calls;
  readonly #waits: (name: string) => boolean;
  readonly #waiting: number[];
  readonly #functions = new Map<string, FunctionThing>();

  /** @param waiting gets those that can wait. */
  constructor(calls: Calls, waits: (name: string) => boolean, waiting: number[]) {
    this.#calls = calls;
    this.#waits = waits;
    this.#waiting = waiting;
  }

  get(is: Asked, name: string): Thing {
    if (is === 'other') return OTHER;
    if (is !== 'function') throw new NotUnderstood('an instance in an instance of the host');
    const known = this.#functions.get(name);
    if (known) return known;
    const called = this.#calls.add();
    if (this.#waits(name)) this.#waiting.push(called);
    const added: FunctionThing = { is: 'function', called, isHost: true };
    this.#functions.set(name, added);
    return added;
  }
}

/**
 * What is given to whom. It is followed when all is read, step by step: what is given may itself be awaited, through any number of
 * components.
 */
export class Gifts {
  readonly calls: Calls;
  readonly #steps: (() => void)[] = [];

  constructor(calls: Calls) {
    this.calls = calls;
  }

  /** Gives what `thing` then finds; each time is charged. */
  give(place: Thing, thing: () => Thing): void {
    this.calls.charge(1);
    this.#steps.push(() => this.#given(place, thing()));
  }

  settle(): void {
    // A step may add more of them.
    for (const step of this.#steps) step();
  }

  #given(place: Thing, thing: Thing): void {
    if (place.is === 'other') return;
    if (place.is === 'function' && thing.is === 'function') this.calls.may(place.called, thing.called);
    else if (place.is === 'instance' && thing.is === 'instance' && place.exports instanceof Awaited) {
      place.exports.give(thing.exports);
    } else throw new NotUnderstood('what is given is something else than what is imported');
  }
}

/** What a component imports: given to it later, once for each instance of it. */
export class Awaited implements Exports {
  readonly #gifts: Gifts;
  readonly #things = new Map<string, Thing>();
  readonly #given: Exports[] = [];

  constructor(gifts: Gifts) {
    this.#gifts = gifts;
  }

  get(is: Asked, name: string): Thing {
    if (is === 'other') return OTHER;
    const known = this.#things.get(name);
    if (known) return known;
    const added = awaited(is, this.#gifts);
    this.#things.set(name, added);
    for (const exports of this.#given) this.#gifts.give(added, () => exports.get(is, name));
    return added;
  }

  give(exports: Exports): void {
    this.#given.push(exports);
    for (const [name, thing] of this.#things) {
      if (thing.is === 'function' || thing.is === 'instance') {
        const { is } = thing;
        this.#gifts.give(thing, () => exports.get(is, name));
      }
    }
  }
}

/** Something that will be given. */
export function awaited(is: 'function' | 'instance', gifts: Gifts): Thing {
  return is === 'function' ? { is, called: gifts.calls.add() } : { is, exports: new Awaited(gifts) };
}
