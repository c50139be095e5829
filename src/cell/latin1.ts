import { standsAt } from '../wire/header-text.ts';

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Not among the declared methods. It reads any bytes in place: `bytes.buffer` would first move small ones off the heap.
const { latin1Slice } = Buffer.prototype as unknown as { readonly latin1Slice: Slice };

/** Each byte as the code unit of its value. */
export function latin1(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length);
}

/** Longer ones are seldom said twice. */
const MAX_REPEATED_BYTES = 64;
const SLOTS = 64;

/**
 * Texts of one member, which says most of its header values again and again. To make one takes a call out of JavaScript, 0.4 µs;
 * to compare it with the last one of its slot a tenth of that. Of one member, so that a guest learns nothing of another by how long it takes.
 */
export class RepeatedTexts {
  readonly #slots = Array<string>(SLOTS).fill('');

  /** As `latin1`. */
  of(bytes: Uint8Array): string {
    const { length } = bytes;
    if (length === 0 || length > MAX_REPEATED_BYTES) return latin1(bytes);
    const slot = (bytes[0]! * 7 + bytes[length >> 1]! * 3 + bytes[length - 1]! + length) % SLOTS;
    const likely = this.#slots[slot]!;
    return likely.length === length && standsAt(bytes, 0, likely) ? likely : (this.#slots[slot] = latin1(bytes));
  }
}
