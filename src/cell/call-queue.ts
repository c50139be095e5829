import type { Call } from './call.ts';

/** Below this, a gap at the front costs less than closing it, and a list that is empty again is used again. */
const MIN_COMPACTED = 64;

/** Calls in the order of their arrival. Calls that are over are skipped; nothing that has left is held. */
export class CallQueue {
  #calls: (Call | undefined)[] = [];
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  push(call: Call): void {
    this.#calls[this.#tail++] = call;
  }

  /** The first call that is not over, left in its place. */
  peek(): Call | undefined {
    while (this.#head < this.#tail) {
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
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
      if (this.#calls.length > MIN_COMPACTED) this.#calls = [];
      return;
    }
    // Closing the gap when it is half of all costs each call one move in its whole wait.
    if (this.#head < MIN_COMPACTED || this.#head * 2 < this.#tail) return;
    this.#calls = this.#calls.slice(this.#head, this.#tail);
    this.#tail -= this.#head;
    this.#head = 0;
  }
}
