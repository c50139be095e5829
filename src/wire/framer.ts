/**
 * Bytes of a channel → frames.
 *
 * Invariants
 * R1 At most one unfinished frame is held, in one buffer of its own size: `maxPayloadBytes` + the header, whatever the
 *    peer announces. Each byte of a split frame is copied once.
 * R2 After a violation, or once the handler has said `false`, nothing more is read.
 * R3 The bytes given to the handler are never written to again, so a view of them may be kept; it keeps the whole chunk
 *    alive, so copy what is small and long-lived.
 */
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from './frames.ts';

/** The payload is `bytes[start, end)`. `false` ends the reading. */
export type FrameHandler = (type: number, id: number, bytes: Buffer, start: number, end: number) => boolean;

export class Framer {
  /** Why the peer's bytes are not frames; absent while they are. */
  violation: string | undefined;
  readonly #onFrame: FrameHandler;
  readonly #maxPayloadBytes: number;
  #stopped = false;
  /** The unfinished frame: of header size until the length is known, then of the frame's. */
  #partial: Buffer | undefined;
  #filled = 0;

  constructor(onFrame: FrameHandler, maxPayloadBytes = MAX_PAYLOAD_BYTES) {
    this.#onFrame = onFrame;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** Reads on. `false`: a violation, or the handler wanted no more. */
  push(chunk: Buffer): boolean {
    let offset = this.#partial === undefined ? 0 : this.#finishPartial(chunk);
    while (!this.#stopped && chunk.length - offset >= HEADER_BYTES) {
      const length = chunk.readUInt32LE(offset);
      if (!this.#admits(length)) break;
      const end = offset + HEADER_BYTES + length;
      if (end > chunk.length) break;
      this.#deliver(chunk, offset, end);
      offset = end;
    }
    if (this.#stopped) return false;
    if (offset < chunk.length) this.#finishPartial(offset === 0 ? chunk : chunk.subarray(offset));
    return true;
  }

  /** True between frames: the channel may end here. */
  get idle(): boolean {
    return this.#partial === undefined;
  }

  /** Copies what the unfinished frame still needs and returns how much of the chunk that took. */
  #finishPartial(chunk: Buffer): number {
    let offset = 0;
    while (!this.#stopped && offset < chunk.length) {
      const partial = (this.#partial ??= Buffer.allocUnsafeSlow(HEADER_BYTES));
      const copied = chunk.copy(partial, this.#filled, offset);
      this.#filled += copied;
      offset += copied;
      if (this.#filled < partial.length) break;
      if (partial.length === HEADER_BYTES && this.#growToFrame(partial)) continue;
      this.#partial = undefined;
      this.#filled = 0;
      if (!this.#stopped) this.#deliver(partial, 0, partial.length);
      break;
    }
    return offset;
  }

  /** The header is complete: makes room for the payload. `false` where there is none, or too much. */
  #growToFrame(header: Buffer): boolean {
    const length = header.readUInt32LE(0);
    if (!this.#admits(length) || length === 0) return false;
    this.#partial = Buffer.allocUnsafeSlow(HEADER_BYTES + length);
    header.copy(this.#partial);
    return true;
  }

  #admits(length: number): boolean {
    if (length <= this.#maxPayloadBytes) return true;
    this.violation = `a frame of ${length} bytes, the longest is ${this.#maxPayloadBytes}`;
    this.#stopped = true;
    return false;
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    const id = bytes.readUInt32LE(start + 4);
    if (!this.#onFrame(bytes[start + 8]!, id, bytes, start + HEADER_BYTES, end)) this.#stopped = true;
  }
}
