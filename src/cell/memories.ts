/**
 * Memories of a core module's instances, used again: a new one costs a reservation of several gigabytes of addresses, its
 * pages, and its share of a full collection, which together are more than everything else that an instance costs.
 *
 * Invariants
 * R1 A memory that is given out has its first size, and every byte of it is zero: as a new one, to whoever can look.
 * R2 It has one user. Whoever gives it back sees to it that no code of the guest it belonged to runs any more; no part of the
 *    host holds a view of it, because lists and texts are copied where they are lifted.
 * R3 At most `MAX_SPARE_MEMORIES` wait. Preparation lets no large one be imported (`component/binary/import-memory.ts`).
 */
import type { MemoryShape } from '../model/imported-memory.ts';

export const PAGE_BYTES = 64 * 1024;
export const MAX_SPARE_MEMORIES = 4;

export class Memories {
  readonly #shape: MemoryShape;
  readonly #spare: WebAssembly.Memory[] = [];

  constructor(shape: MemoryShape) {
    this.#shape = shape;
  }

  /** @throws RangeError where there is no room for a new one. */
  take(): WebAssembly.Memory {
    return this.#spare.pop() ?? new WebAssembly.Memory(this.#shape);
  }

  /** R2. `false`: it is let go of. */
  giveBack(memory: WebAssembly.Memory): boolean {
    const { buffer } = memory;
    if (buffer.byteLength !== this.#shape.initial * PAGE_BYTES || this.#spare.length === MAX_SPARE_MEMORIES)
      return false;
    new Uint8Array(buffer).fill(0);
    this.#spare.push(memory);
    return true;
  }
}
