/**
 * Bytes on their way to a cell that have come from the network: they leave against the credit of the cell, and while its channel
 * takes more. What does not leave is held, and whoever gave it waits.
 */
import { INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../wire/frames.ts';

/** Where the bytes go. */
export interface HeldBytesOptions {
  readonly send: (bytes: Buffer) => void;
  readonly mayWrite: () => boolean;
}

export class HeldBytes {
  readonly #options: HeldBytesOptions;
  #credit = INITIAL_CREDIT_BYTES;
  #held: Buffer | undefined;

  constructor(options: HeldBytesOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#held === undefined;
  }

  /** `false`: more than a cell can have. Nothing leaves yet. */
  addCredit(bytes: number): boolean {
    this.#credit += bytes;
    return this.#credit <= INITIAL_CREDIT_BYTES;
  }

  /** `true`: all of it has left. */
  push(chunk: Buffer): boolean {
    this.#held = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    return this.flush();
  }

  /** As much as may leave now. `true`: nothing is held any more. */
  flush(): boolean {
    while (this.#held && this.#credit > 0 && this.#options.mayWrite()) {
      const bytes = this.#held.subarray(0, Math.min(MAX_CHUNK_BYTES, this.#credit));
      this.#held = bytes.length === this.#held.length ? undefined : this.#held.subarray(bytes.length);
      this.#credit -= bytes.length;
      this.#options.send(bytes);
    }
    return this.isEmpty;
  }

  drop(): void {
    this.#held = undefined;
  }
}
