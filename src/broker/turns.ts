/**
 * What waits on a thread of the process, of which there are few: for the disk, for the resolver. Cells get them in turn, so that one
 * whose work takes long, or who has much of it, keeps no other waiting.
 *
 * Invariants
 * T1 At most `most` are at work together, and at most `mostOfOne` of whoever asks.
 * T2 Who waits is served in turn: between two works of one there is one of each other who waits and may.
 */
export class Turns {
  readonly #most: number;
  readonly #mostOfOne: number;
  /** By whose they are; the next one to be served first. */
  readonly #waiting = new Map<unknown, (() => void)[]>();
  readonly #working = new Map<unknown, number>();
  #atWork = 0;

  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  async run<T>(whose: unknown, work: () => Promise<T>): Promise<T> {
    if (this.#mayWork(whose)) this.#begin(whose);
    else await this.#wait(whose);
    try {
      return await work();
    } finally {
      this.#end(whose);
    }
  }

  /** T1. */
  #mayWork(whose: unknown): boolean {
    return this.#atWork < this.#most && (this.#working.get(whose) ?? 0) < this.#mostOfOne;
  }

  #begin(whose: unknown): void {
    this.#atWork += 1;
    this.#working.set(whose, (this.#working.get(whose) ?? 0) + 1);
  }

  /** Whoever ends waiting has begun. */
  #wait(whose: unknown): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(whose);
      if (queue) queue.push(resolve);
      else this.#waiting.set(whose, [resolve]);
    });
  }

  #end(whose: unknown): void {
    this.#atWork -= 1;
    const working = this.#working.get(whose)! - 1;
    if (working === 0) this.#working.delete(whose);
    else this.#working.set(whose, working);
    this.#goBehind(whose);
    const next = [...this.#waiting.keys()].find((one) => this.#mayWork(one));
    const resume = next === undefined ? undefined : this.#waiting.get(next)!.shift();
    if (!resume) return;
    this.#goBehind(next);
    this.#begin(next);
    resume();
  }

  /** T2: who has just been served is the last one of those who wait. */
  #goBehind(whose: unknown): void {
    const queue = this.#waiting.get(whose);
    this.#waiting.delete(whose);
    if (queue && queue.length > 0) this.#waiting.set(whose, queue);
  }
}
