import { Refusal } from './refusal.ts';

const ascii = new TextDecoder('latin1');

/** Reads the integers, names and lists of WebAssembly's binary format from a slice; anything out of bounds is refused. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Of the next byte. */
  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw truncated();
    this.#at += 1;
    return byte;
  }

  /** The next byte, not consumed. */
  peek(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw truncated();
    return byte;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) throw new Refusal('HW2102', 'an integer has more than 32 bits');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Refusal('HW2102', 'an integer has more than 32 bits');
  }

  /** Signed LEB128 of at most 33 bits: a type index, or (negative) a primitive. */
  s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - 2 ** (shift + 7);
    }
    throw new Refusal('HW2102', 'an integer has more than 33 bits');
  }

  bytes(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw truncated();
    const slice = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  /** A name, one character per byte: the caller's rule admits ASCII only, so other encodings are refused by it. */
  name(): string {
    return ascii.decode(this.bytes(this.u32()));
  }

  /** The rest of the slice must be empty: bytes that nobody looked at would be bytes that nobody checked. */
  end(what: string): void {
    if (!this.done) throw new Refusal('HW2102', `${what} has bytes beyond its end`);
  }
}

function truncated(): Refusal {
  return new Refusal('HW2102', 'the binary ends in the middle of something');
}
