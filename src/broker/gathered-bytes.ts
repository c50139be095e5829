/**
 * Bytes of a cell on their way to the network, as they came. What a cell may have in the air is counted in bytes, and a buffer costs
 * a hundred of them whatever is in it: so small ones that wait are put together.
 */
const GATHERED_BYTES = 16 * 1024;

interface Gathered {
  readonly bytes: Buffer;
  used: number;
}

export class GatheredBytes {
  #waiting: Gathered[] = [];

  /** Copies: the buffer of a frame is that of a whole chunk of the channel. Of nothing there is nothing to keep. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.#waiting.at(-1);
    if (last && last.bytes.length - last.used >= bytes.length) {
      last.bytes.set(bytes, last.used);
      last.used += bytes.length;
      return;
    }
    // The first leaves soon, mostly before there is a second one.
    const room = last === undefined ? bytes.length : Math.max(bytes.length, GATHERED_BYTES);
    const made = { bytes: Buffer.allocUnsafeSlow(room), used: bytes.length };
    made.bytes.set(bytes);
    this.#waiting.push(made);
  }

  /** The oldest of what waits; nobody writes into it any more. */
  shift(): Buffer | undefined {
    const first = this.#waiting.shift();
    return first?.bytes.subarray(0, first.used);
  }

  drop(): void {
    this.#waiting = [];
  }
}
