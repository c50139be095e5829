/**
 * Bytes of a channel → frames.
 *
 * Invariants
 * R1 At most one unfinished frame is held, in one buffer of its own size: `maxPayloadBytes` + the header, whatever the
 *    peer announces. Each byte of a split frame is copied once.
 * R2 After a violation, or once the handler has said `false`, nothing more is read.
 * R3 The bytes given to the handler are never written to again, so a view of them may be kept; it keeps the whole chunk
 *    alive, so copy what is small and long-lived. Who has asked for it by `lend` says instead when the bytes are not needed any
 *    more; where all of a chunk was lent so, or held nothing that is ever kept, its memory is freed then.
 * R4 Of frames of bodies and files nothing is held or copied: one that is split is given in pieces, each as if it were a frame.
 *    None of them is empty, and what a frame may announce is checked before its first piece.
 */
import { LentMemory, type GiveBack } from '../kit/lent-memory.ts';
import { FromCell, HEADER_BYTES, MAX_CHUNK_BYTES, MAX_PAYLOAD_BYTES, ToCell } from './frames.ts';

/** The payload is `bytes[start, end)`. `false` ends the reading. */
export type FrameHandler = (type: number, id: number, bytes: Buffer, start: number, end: number) => boolean;

/** R4: frames of a type that the handler takes in pieces. */
export interface Pieces {
  readonly type: number;
  /** Of one frame, over all its pieces. */
  readonly maxBytes: number;
}

/** Longer frames of a chunk that is lent keep all of it. */
const MAX_COPIED_BYTES = 8 * 1024;

const ALWAYS = (): boolean => true;

export class Framer {
  /** Why the peer's bytes are not frames; absent while they are. */
  violation: string | undefined;
  readonly #onFrame: FrameHandler;
  readonly #maxPayloadBytes: number;
  readonly #pieces: readonly Pieces[];
  /** What is no longer than this is too long for none of them. */
  readonly #leastBytes: number;
  /** Types of frames that the handler looks at and keeps nothing of; absent where nothing is lent. */
  readonly #passing: readonly number[] | undefined;
  /** Of the chunk that is being read. */
  #memory: LentMemory | undefined;
  #isLent = false;
  #stopped = false;
  /** The unfinished frame: of header size until the length is known, then of the frame's. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** What is still to come of a frame that is given in pieces, and whose it is. */
  #pieceBytesLeft = 0;
  #pieceId = 0;
  #pieceType = 0;

  constructor(
    onFrame: FrameHandler,
    maxPayloadBytes = MAX_PAYLOAD_BYTES,
    pieces: readonly Pieces[] = [],
    passing?: readonly number[],
  ) {
    this.#onFrame = onFrame;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#pieces = pieces;
    this.#passing = passing;
    this.#leastBytes = Math.min(maxPayloadBytes, ...pieces.map(({ maxBytes }) => maxBytes));
  }

  /** Reads on; `memory` is what the chunk is in. `false`: a violation, or the handler wanted no more. */
  push(chunk: Buffer, memory?: LentMemory): boolean {
    this.#memory = this.#passing && (memory ?? LentMemory.of(chunk));
    this.pushFrom(chunk, 0, ALWAYS);
    this.#memory?.giveBack();
    this.#memory = undefined;
    return !this.#stopped;
  }

  /**
   * The same from `offset` on, as long as `goesOn` says so, which is asked before each frame. Returns where it stopped: at the end of the
   * chunk, before the frame that is the next one, or after a violation.
   */
  pushFrom(chunk: Buffer, offset: number, goesOn: () => boolean): number {
    let at = offset;
    while (!this.#stopped && at < chunk.length && goesOn()) {
      if (this.#pieceBytesLeft > 0) at = this.#givePiece(chunk, at);
      else if (this.#partial !== undefined || chunk.length - at < HEADER_BYTES) at = this.#fill(chunk, at);
      else at = this.#read(chunk, at);
    }
    return at;
  }

  /** The handler wanted no more, or there was a violation. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** For the handler, of the bytes that it has just been given (R3); absent where there is nothing to free. */
  lend(): GiveBack | undefined {
    this.#isLent = true;
    return this.#memory?.lend();
  }

  /** True between frames: the channel may end here. */
  get idle(): boolean {
    return this.#partial === undefined && this.#pieceBytesLeft === 0;
  }

  /** A frame whose header is here; returns where reading goes on, as the next two do. */
  #read(chunk: Buffer, offset: number): number {
    const length = chunk.readUInt32LE(offset);
    const type = chunk[offset + 8]!;
    if (!this.#admits(type, length)) return offset;
    const end = offset + HEADER_BYTES + length;
    if (end <= chunk.length) {
      this.#deliver(chunk, offset, end);
      return end;
    }
    if (!this.#comesInPieces(type)) return this.#fill(chunk, offset);
    this.#beginPieces(chunk, offset, length);
    return offset + HEADER_BYTES;
  }

  /** Copies what the unfinished frame, or its header, still needs. */
  #fill(chunk: Buffer, offset: number): number {
    const partial = (this.#partial ??= Buffer.allocUnsafeSlow(HEADER_BYTES));
    const copied = chunk.copy(partial, this.#filled, offset);
    this.#filled += copied;
    if (this.#filled < partial.length) return offset + copied;
    if (partial.length === HEADER_BYTES && this.#goesOn(partial)) return offset + copied;
    this.#forgetPartial();
    if (!this.#stopped) this.#deliver(partial, 0, partial.length);
    return offset + copied;
  }

  /** The header is complete: makes room for the payload, or expects its pieces. `false` where there is none, or too much. */
  #goesOn(header: Buffer): boolean {
    const length = header.readUInt32LE(0);
    const type = header[8]!;
    if (!this.#admits(type, length) || length === 0) return false;
    if (this.#comesInPieces(type)) {
      this.#forgetPartial();
      this.#beginPieces(header, 0, length);
      return true;
    }
    this.#partial = Buffer.allocUnsafeSlow(HEADER_BYTES + length);
    header.copy(this.#partial);
    return true;
  }

  #forgetPartial(): void {
    this.#partial = undefined;
    this.#filled = 0;
  }

  #beginPieces(header: Buffer, offset: number, length: number): void {
    this.#pieceBytesLeft = length;
    this.#pieceId = header.readUInt32LE(offset + 4);
    this.#pieceType = header[offset + 8]!;
  }

  #givePiece(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#pieceBytesLeft);
    this.#pieceBytesLeft -= end - offset;
    this.#hand(this.#pieceType, this.#pieceId, chunk, offset, end);
    return end;
  }

  #comesInPieces(type: number): boolean {
    return this.#pieces.some((pieces) => pieces.type === type);
  }

  #admits(type: number, length: number): boolean {
    if (length > this.#maxPayloadBytes) {
      this.violation = `a frame of ${length} bytes, the longest is ${this.#maxPayloadBytes}`;
    } else if (length > this.#leastBytes && this.#pieces.some((one) => one.type === type && length > one.maxBytes)) {
      this.violation = `a chunk of ${length} bytes`;
    } else return true;
    this.#stopped = true;
    return false;
  }

  #deliver(bytes: Buffer, start: number, end: number): void {
    this.#hand(bytes[start + 8]!, bytes.readUInt32LE(start + 4), bytes, start + HEADER_BYTES, end);
  }

  #hand(type: number, id: number, bytes: Buffer, start: number, end: number): void {
    const memory = this.#memory && (this.#passing!.includes(type) ? undefined : this.#memory);
    let isWanted: boolean;
    if (memory !== undefined && end - start <= MAX_COPIED_BYTES && !this.#comesInPieces(type)) {
      // Of what may be kept a copy is, so that it keeps nothing else.
      isWanted = this.#onFrame(type, id, Buffer.from(bytes.subarray(start, end)), 0, end - start);
    } else {
      this.#isLent = false;
      isWanted = this.#onFrame(type, id, bytes, start, end);
      // M1: what may be kept is lent for ever.
      if (!this.#isLent) memory?.lend();
    }
    if (!isWanted) this.#stopped = true;
  }
}

/** Of what a cell says to the engine. */
export function framerFromCell(onFrame: FrameHandler): Framer {
  const bodies = { type: FromCell.Body, maxBytes: MAX_CHUNK_BYTES };
  return new Framer(onFrame, MAX_PAYLOAD_BYTES, [bodies], [FromCell.BodyEnd, FromCell.Done, FromCell.Credit]);
}

/** Of what the engine says to a cell: files come in pieces too. */
export function framerToCell(onFrame: FrameHandler): Framer {
  const bodies = { type: ToCell.Body, maxBytes: MAX_CHUNK_BYTES };
  const files = { type: ToCell.FileChunk, maxBytes: MAX_PAYLOAD_BYTES };
  return new Framer(onFrame, MAX_PAYLOAD_BYTES, [bodies, files], [ToCell.BodyEnd, ToCell.Credit]);
}
