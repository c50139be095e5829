/**
 * What one cell has open.
 *
 * Invariants
 * T1 At most as many are open as the cell may have, and `MAX_HANDLES_TOGETHER` of all cells; with the cell's channel all of them are closed.
 * T2 A handle means what it meant when it was given: its upper half is drawn anew for each channel, so that one of an
 *    earlier broker is unknown and not another file.
 */
import { randomInt } from 'node:crypto';
import { FileFault } from './fault.ts';
import type { Opened } from './opened.ts';

/** A descriptor of the process for each; of all cells together. */
export const MAX_HANDLES_TOGETHER = 16_384;

/** How many are open of all cells. */
export class HandleCount {
  open = 0;
}

export class OpenedTable {
  readonly #salt = BigInt(randomInt(1, 2 ** 31)) << 32n;
  readonly #together: HandleCount;
  readonly #opened = new Map<bigint, Opened>();
  readonly #most: number;
  readonly #onLimit: () => void;
  #given = 0n;

  /** @param onLimit one more than `most` was asked for. */
  constructor(together: HandleCount, most: number, onLimit: () => void) {
    this.#together = together;
    this.#most = most;
    this.#onLimit = onLimit;
  }

  /** @throws FileFault where there are too many; then `opened` is closed. */
  add(opened: Opened): bigint {
    const isAtLimit = this.#opened.size >= this.#most;
    if (isAtLimit || this.#together.open >= MAX_HANDLES_TOGETHER) {
      opened.close();
      if (isAtLimit) this.#onLimit();
      throw new FileFault('insufficient-memory');
    }
    const handle = this.#salt | ++this.#given;
    this.#opened.set(handle, opened);
    this.#together.open += 1;
    return handle;
  }

  get(handle: bigint): Opened | undefined {
    return this.#opened.get(handle);
  }

  /** One that is not there is late, not wrong. */
  close(handle: bigint): void {
    const opened = this.#opened.get(handle);
    if (!opened) return;
    this.#opened.delete(handle);
    this.#together.open -= 1;
    opened.close();
  }

  closeAll(): void {
    for (const handle of this.#opened.keys()) this.close(handle);
  }
}
