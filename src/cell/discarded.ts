/**
 * Memories of instances that are gone, until V8 has collected them. V8 does so when its own heap grows, of which an instance is a
 * few kilobytes: a guest that fills its memory and is replaced after each call would be over the cap of its process after
 * a few of them, though it never had more than it may (ADR 0157).
 *
 * Invariant
 * G1 When an instance is made, at most `MAX_DISCARDED_BYTES` are waiting to be collected.
 */
import { MAX_DISCARDED_BYTES } from '../model/discarded-memory.ts';

/** Collects whatever nobody holds any more, now. */
export type Collect = () => void;

interface Part {
  readonly bytes: number;
  readonly round: number;
}

export class Discarded {
  readonly #collect: Collect;
  readonly #registry = new FinalizationRegistry<Part>(({ bytes, round }) => {
    if (round === this.#round) this.#bytes -= bytes;
  });
  /** Of this round: since we collected ourselves. */
  #bytes = 0;
  #round = 0;

  constructor(collect: Collect) {
    this.#collect = collect;
  }

  /** @param instance what is collected together with its memories. */
  add(instance: object, bytes: number): void {
    this.#bytes += bytes;
    this.#registry.register(instance, { bytes, round: this.#round });
  }

  makeRoom(): void {
    if (this.#bytes <= MAX_DISCARDED_BYTES) return;
    this.#round += 1;
    this.#bytes = 0;
    this.#collect();
  }
}
