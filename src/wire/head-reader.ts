import { standsAt } from './header-text.ts';

/** Up to here a loop is faster than a call out of JavaScript. */
const MAX_COMPARED_BYTES = 64;

/**
 * A cursor over one payload. Reading past the end gives zeros and empty texts and sets `broken`, so that a parser can
 * read everything first and ask once.
 */
export class HeadReader {
  at: number;
  broken = false;
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.at = start;
    this.#end = end;
  }

  u8(): number {
    return this.#take(1) ? this.#bytes[this.at - 1]! : 0;
  }

  u16(): number {
    return this.#take(2) ? this.#bytes.readUInt16LE(this.at - 2) : 0;
  }

  u32(): number {
    return this.#take(4) ? this.#bytes.readUInt32LE(this.at - 4) : 0;
  }

  /** `u16le length` + Latin-1. */
  text(): string {
    const length = this.skipText();
    return length === 0 ? '' : this.#bytes.toString('latin1', this.at - length, this.at);
  }

  /** The same; where it is `likely`, that is given again, which costs less than to make it. */
  textLike(likely: string): string {
    const length = this.skipText();
    if (length === likely.length && length <= MAX_COMPARED_BYTES && standsAt(this.#bytes, this.at - length, likely))
      return likely;
    return length === 0 ? '' : this.#bytes.toString('latin1', this.at - length, this.at);
  }

  /** Moves behind a text and returns its length: its bytes are the ones before `at`. */
  skipText(): number {
    const length = this.u16();
    return this.#take(length) ? length : 0;
  }

  #take(length: number): boolean {
    if (this.broken || this.at + length > this.#end) {
      this.broken = true;
      return false;
    }
    this.at += length;
    return true;
  }
}
