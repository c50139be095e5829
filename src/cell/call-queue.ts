import type { Call } from './call.ts';

/** Below this, a gap at the front costs less than closing it. */
const MIN_COMPACTED = 64;

/** Calls in the order of their arrival. Calls that are over are skipped; nothing that has left is held. */
export class CallQueue {
  #calls: (Call | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#calls.length - this.#head;
  }

  push(call: Call): void {
    this.#calls.push(call);
  }

  /** The first call that is not over, left in its place. */
  peek(): Call | undefined {
    while (this.#head < this.#calls.length) {
      const call = this.#calls[this.#head];
      if (call && !call.over) return call;
      this.shift();
    }
    return undefined;
  }

  /** Drops the first. */
  shift(): void {
    this.#calls[this.#head] = undefined;
    this.#head += 1;
    // Closing the gap when it is half of all costs each call one move in its whole wait.
    const worth = this.#head >= MIN_COMPACTED && this.#head * 2 >= this.#calls.length;
    if (!worth && this.#head < this.#calls.length) return;
    this.#calls = this.#calls.slice(this.#head);
    this.#head = 0;
  }
}
