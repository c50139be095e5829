/**
 * Memory that bytes came in by themselves, as those that a socket has read, and that is lent out in pieces. V8 frees it when
 * it collects, and begins to mark the whole heap for every 64 MB of such memory; this frees it with the last piece (ADR 0186).
 *
 * Invariants
 * M1 What is never given back is left to the collector: to forget it costs time and nothing else.
 * M2 What is given back is gone: nobody looks at it any more, and each piece is given back once.
 */

/** Says that nobody looks at a piece any more. */
export type GiveBack = () => void;

/** Below this it costs more than what it saves. */
const MIN_LENT_BYTES = 16 * 1024;
type Transfer = (this: ArrayBuffer, length: number) => ArrayBuffer;
// Before anything foreign runs.
const { transfer } = ArrayBuffer.prototype as { readonly transfer: Transfer };

export class LentMemory {
  readonly #free: () => void;
  /** Pieces, and one for who has it all. */
  #held = 1;

  /** @param free called once, when nobody has any of it. */
  constructor(free: () => void) {
    this.#free = free;
  }

  /** What is freed is the memory itself. Absent where the bytes are few, or only a part of what is in their memory. */
  static of(bytes: Uint8Array): LentMemory | undefined {
    const { buffer, byteLength } = bytes;
    if (byteLength < MIN_LENT_BYTES || buffer.byteLength !== byteLength) return undefined;
    return new LentMemory(() => freeMemory(bytes));
  }

  /** One more piece of it is somewhere. */
  lend(): GiveBack {
    this.#held++;
    return this.giveBack;
  }

  /** Of a piece; and, once, of what was not lent. */
  readonly giveBack: GiveBack = () => {
    if (--this.#held === 0) this.#free();
  };
}

/** The memory of bytes that nobody looks at any more. Nothing happens where it holds others too. */
export function freeMemory({ buffer, byteLength }: Uint8Array): void {
  if (byteLength >= MIN_LENT_BYTES && buffer.byteLength === byteLength && buffer instanceof ArrayBuffer)
    transfer.call(buffer, 0);
}
