/**
 * Frames → bytes of a channel, gathered in slabs: what one turn of the event loop has to say is one write, or two.
 *
 * Invariants
 * E1 No byte of a slab is written to again before the socket has said that it is gone. What was flushed stays where it is, and
 *    writing goes on behind it: a slab is done with when it is full, and not with each flush.
 * E2 Nothing is refused here: what may be in the air is bounded by credit and by the number of calls (W3), and
 *    `bufferedBytes` tells how much there is.
 * E3 What waits for the peer costs what it is long, however many flushes it was: E1, and one slab in use.
 */
import type { Writable } from 'node:stream';
import type { GiveBack } from '../kit/lent-memory.ts';
import { HEADER_BYTES, MAX_CHUNK_BYTES, MAX_PAYLOAD_BYTES } from './frames.ts';

/** Two of the longest chunks of a body, and what comes with them. */
const SLAB_BYTES = 2 * (HEADER_BYTES + MAX_CHUNK_BYTES) + 4 * 1024;
const MAX_SPARE_SLABS = 4;
/**
 * So many frames of a turn leave at once, the others at its end: the peer begins with them while the rest is made, and
 * the turn costs one system call more.
 */
export const EARLY_FRAMES = 8;
const MAX_TEXT_BYTES = 0xffff;
/** Up to here a loop is twice as fast as a call out of JavaScript, and most texts of a head are shorter. */
const LOOPED_TEXT_BYTES = 32;

type Write = (this: Buffer, text: string, at: number, length: number) => number;
// Not among the declared methods: `write` looks at its arguments and at the name of the encoding for longer than the copy takes.
const { latin1Write } = Buffer.prototype as unknown as { readonly latin1Write: Write };

/** What a writer needs of a socket. */
export type Sink = Pick<Writable, 'destroyed' | 'writableLength'> & {
  write(bytes: Uint8Array, taken: () => void): unknown;
  cork?(): void;
  uncork?(): void;
};
/** From here on it costs less to hand over two buffers than to copy one. */
export const MIN_HANDED_BYTES = 16 * 1024;

interface Slab {
  readonly bytes: Buffer;
  /** Writes of it that the socket has not finished. */
  inAir: number;
}

export class FrameWriter {
  readonly #socket: Sink;
  readonly #spare: Slab[] = [];
  #current: Slab = newSlab();
  /** Its bytes. */
  #slab: Buffer = this.#current.bytes;
  /** Up to here they were flushed. */
  #flushed = 0;
  #used = 0;
  #frameStart = 0;
  #frameLimit = 0;
  #scheduled = false;
  #framesOfTurn = 0;
  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.#framesOfTurn = 0;
    this.flush();
  };

  constructor(socket: Sink) {
    this.#socket = socket;
  }

  /** Bytes that the kernel has not taken yet. */
  get bufferedBytes(): number {
    return this.#used - this.#flushed + this.#socket.writableLength;
  }

  /**
   * Starts a frame whose payload has at most `maxPayloadBytes`; the pieces follow, then `end`.
   *
   * @throws RangeError where the payload could be over `MAX_PAYLOAD_BYTES`: the caller cuts first.
   */
  begin(type: number, id: number, maxPayloadBytes: number): void {
    if (maxPayloadBytes > MAX_PAYLOAD_BYTES) throw new RangeError(`a payload of ${maxPayloadBytes} bytes`);
    const needed = HEADER_BYTES + maxPayloadBytes;
    if (this.#used + needed > this.#slab.length) this.#makeRoom(needed);
    this.#frameStart = this.#used;
    this.#frameLimit = this.#used + needed;
    const at = this.#used;
    this.#slab.writeUInt32LE(id, at + 4);
    this.#slab[at + 8] = type;
    this.#used = at + HEADER_BYTES;
  }

  u8(value: number): void {
    this.#slab[this.#used++] = value;
  }

  u16(value: number): void {
    this.#used = this.#slab.writeUInt16LE(value, this.#used);
  }

  u32(value: number): void {
    this.#used = this.#slab.writeUInt32LE(value, this.#used);
  }

  /** `u16le length` + Latin-1. The text has no code unit over 0xff: what comes from Node's parser or a guest's bytes has none. */
  text(text: string): void {
    const length = text.length;
    if (length > MAX_TEXT_BYTES) throw new RangeError(`a text of ${length} bytes`);
    this.u16(length);
    const slab = this.#slab;
    const at = this.#used;
    this.#used = at + length;
    if (length > LOOPED_TEXT_BYTES) latin1Write.call(slab, text, at, length);
    else for (let index = 0; index < length; index++) slab[at + index] = text.charCodeAt(index);
  }

  u64(value: bigint): void {
    this.#used = this.#slab.writeBigUInt64LE(value, this.#used);
  }

  s64(value: bigint): void {
    this.#used = this.#slab.writeBigInt64LE(value, this.#used);
  }

  /** `u32le length` + the bytes, as the broker's channel has texts (of UTF-8) and values. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#slab.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Ends the frame and sees to it that it leaves with the others of this turn. */
  end(): void {
    if (this.#used > this.#frameLimit) throw new RangeError('a frame is longer than it was announced');
    this.#slab.writeUInt32LE(this.#used - this.#frameStart - HEADER_BYTES, this.#frameStart);
    if (++this.#framesOfTurn === EARLY_FRAMES) this.flush();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushLater);
  }

  /**
   * Ends the frame with `u32le length` + bytes that nobody changes any more: long ones go to the socket as they are, and at once.
   * `begin` was told of the pieces before them alone, and of four bytes.
   */
  endSized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    if (this.#used > this.#frameLimit) throw new RangeError('a frame is longer than it was announced');
    const length = this.#used - this.#frameStart - HEADER_BYTES + bytes.length;
    if (length > MAX_PAYLOAD_BYTES) throw new RangeError(`a payload of ${length} bytes`);
    this.#slab.writeUInt32LE(length, this.#frameStart);
    this.#handOver(bytes, nothingToDo);
  }

  /** A whole frame of given bytes. */
  frame(type: number, id: number, payload: Uint8Array): void {
    this.begin(type, id, payload.length);
    this.bytes(payload);
    this.end();
  }

  /**
   * The same with bytes that nobody changes any more: long ones go to the socket as they are, and at once.
   *
   * @param giveBack called when they are not needed any more; not where the socket is gone.
   */
  passOn(type: number, id: number, payload: Uint8Array, giveBack: GiveBack = nothingToDo): void {
    if (payload.length < MIN_HANDED_BYTES) {
      this.frame(type, id, payload);
      return giveBack();
    }
    if (payload.length > MAX_PAYLOAD_BYTES) throw new RangeError(`a payload of ${payload.length} bytes`);
    this.begin(type, id, 0);
    this.#slab.writeUInt32LE(payload.length, this.#frameStart);
    this.#handOver(payload, giveBack);
  }

  json(type: number, id: number, value: unknown): void {
    this.frame(type, id, Buffer.from(JSON.stringify(value)));
  }

  /** A frame whose payload is one number: a credit, a reason. */
  numberFrame(type: number, id: number, value: number, bytes: 1 | 4): void {
    this.begin(type, id, bytes);
    if (bytes === 1) this.u8(value);
    else this.u32(value);
    this.end();
  }

  /** Forgets what was not handed over yet: there is nobody any more who could understand it. */
  discard(): void {
    this.#used = this.#flushed;
  }

  /** Hands everything to the socket now. */
  flush(): void {
    if (this.#used === this.#flushed) return;
    const slab = this.#current;
    const bytes = this.#slab.subarray(this.#flushed, this.#used);
    this.#flushed = this.#used;
    if (this.#socket.destroyed) return;
    slab.inAir++;
    this.#socket.write(bytes, () => this.#isGone(slab));
  }

  /** A write of it. */
  #isGone(slab: Slab): void {
    slab.inAir--;
    if (slab.inAir > 0) return;
    if (slab !== this.#current) {
      if (slab.bytes.length === SLAB_BYTES && this.#spare.length < MAX_SPARE_SLABS) this.#spare.push(slab);
    } else if (this.#used === this.#flushed) this.#begin(slab.bytes.length === SLAB_BYTES ? slab : this.#another());
  }

  /** What was said so far and these bytes, in one write. */
  #handOver(bytes: Uint8Array, giveBack: GiveBack): void {
    this.#socket.cork?.();
    this.flush();
    if (!this.#socket.destroyed) this.#socket.write(bytes, giveBack);
    this.#socket.uncork?.();
  }

  #makeRoom(needed: number): void {
    this.flush();
    if (needed > SLAB_BYTES) this.#begin({ bytes: Buffer.allocUnsafeSlow(needed), inAir: 0 });
    else this.#begin(this.#current.inAir === 0 ? this.#current : this.#another());
  }

  #another(): Slab {
    return this.#spare.pop() ?? newSlab();
  }

  #begin(slab: Slab): void {
    this.#current = slab;
    this.#slab = slab.bytes;
    this.#used = 0;
    this.#flushed = 0;
  }
}

function newSlab(): Slab {
  return { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), inAir: 0 };
}

function nothingToDo(): void {}
