/**
 * Who may call whom, as a graph: a function is a number, and so is what stands for several (`all functions of a signature that
 * a table holds`). Asked is never whom a function calls, but who comes to where something waits, so edges are kept from the
 * called to its callers, and are followed once.
 */
const NONE = -1;

export class Calls {
  /** Of each function: its latest edge. */
  readonly #latest: number[] = [];
  /** Of each edge: the caller, and the edge before it. */
  readonly #callers: number[] = [];
  readonly #before: number[] = [];
  /** Is told of each function and edge before it is kept, and throws where there are too many. */
  readonly charge: (count: number) => void;

  constructor(charge: (count: number) => void) {
    this.charge = charge;
  }

  add(): number {
    this.charge(1);
    return this.#latest.push(NONE) - 1;
  }

  may(caller: number, called: number): void {
    this.charge(1);
    this.#callers.push(caller);
    this.#before.push(this.#latest[called]!);
    this.#latest[called] = this.#callers.length - 1;
  }

  /** All that come to one of them, themselves among them. */
  reaching(these: readonly number[]): ReadonlySet<number> {
    const found = new Set(these);
    // A set gives what is added while it is walked.
    for (const called of found) {
      for (let edge = this.#latest[called]!; edge !== NONE; edge = this.#before[edge]!) found.add(this.#callers[edge]!);
    }
    return found;
  }
}
