import { isUtf8 } from 'node:buffer';

/**
 * Reads the payload of a broker frame. Never throws and never reads past the end: the first piece that is not there, or
 * is longer than allowed, makes it `broken`, and everything from then on is empty.
 */
export class BrokerReader {
  broken = false;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Everything was read. */
  get done(): boolean {
    return !this.broken && this.#at === this.#end;
  }

  u8(): number {
    const at = this.#take(1);
    return at === undefined ? 0 : this.#bytes[at]!;
  }

  u16(): number {
    const at = this.#take(2);
    return at === undefined ? 0 : this.#bytes.readUInt16LE(at);
  }

  u32(): number {
    const at = this.#take(4);
    return at === undefined ? 0 : this.#bytes.readUInt32LE(at);
  }

  u64(): bigint {
    const at = this.#take(8);
    return at === undefined ? 0n : this.#bytes.readBigUInt64LE(at);
  }

  s64(): bigint {
    const at = this.#take(8);
    return at === undefined ? 0n : this.#bytes.readBigInt64LE(at);
  }

  /** A view: it keeps the whole chunk alive, so copy what is kept. */
  bytes(maxBytes: number): Buffer {
    const length = this.u32();
    if (length > maxBytes) this.broken = true;
    const at = this.#take(length);
    return at === undefined ? EMPTY : this.#bytes.subarray(at, at + length);
  }

  /** UTF-8 that is UTF-8: anything else breaks. */
  text(maxBytes: number): string {
    const bytes = this.bytes(maxBytes);
    if (!isUtf8(bytes)) this.broken = true;
    return this.broken ? '' : bytes.toString('utf8');
  }

  /** The bytes of a text: UTF-8, or it breaks. */
  textBytes(maxBytes: number): Buffer {
    const bytes = this.bytes(maxBytes);
    if (!isUtf8(bytes)) this.broken = true;
    return this.broken ? EMPTY : bytes;
  }

  /** The number of items that follow, at most `max`. */
  count(max: number): number {
    const count = this.u32();
    if (count > max) this.broken = true;
    return this.broken ? 0 : count;
  }

  /** A copy of what is left. */
  restBytes(): Uint8Array {
    return copyOf(this.tail());
  }

  /** What is left: a view, as `bytes` gives. */
  tail(): Buffer {
    const tail = this.broken ? EMPTY : this.#bytes.subarray(this.#at, this.#end);
    this.#at = this.#end;
    return tail;
  }

  /** What is left, as text that may be cut anywhere. */
  rest(): string {
    const text = this.broken ? '' : this.#bytes.toString('utf8', this.#at, this.#end);
    this.#at = this.#end;
    return text;
  }

  #take(length: number): number | undefined {
    if (this.broken || this.#end - this.#at < length) {
      this.broken = true;
      return undefined;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** Of 64 kB a fifth of what `Uint8Array.from` takes. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

const EMPTY = Buffer.alloc(0);
