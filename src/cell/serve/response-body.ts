/**
 * The body of a response, on its way from the guest to the engine; or of a request of its own, to the broker.
 *
 * Invariants
 * B2 What is held and not sent is never more than the credit that the engine gave.
 * B3 No byte leaves beyond the declared content-length or the limit: the engine would end the whole cell for it.
 */
import { freeMemory, type GiveBack } from '../../kit/lent-memory.ts';
import { HEADER_BYTES, INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../../wire/frames.ts';
import { giveBuffer, POOLED_BYTES, takeBuffer } from '../buffer-pool.ts';
import type { ErrorCode } from '../wasi/error-code.ts';
import type { ByteSink, StreamEnd } from '../wasi/streams.ts';

const NOTHING = new Uint8Array(0);
const CLOSED: StreamEnd = Object.freeze({});
const GONE: StreamEnd['failure'] = { text: 'nobody takes the rest', code: { tag: 'connection-terminated' } };

export type ResponseBodyState =
  /** The guest may write. */
  | 'Open'
  /** `outgoing-body.finish`: all there is. */
  | 'Finished'
  /** Dropped without finish, not as long as declared, or given up: what was sent is not whole. */
  | 'Broken';

/** The call that the body belongs to, once `response-outparam.set` has said so. */
export interface ResponseBodyOwner {
  /** More is held than before. */
  bodyChanged(heldBytes: number): void;
  /** It is finished, or broken. */
  bodyOver(): void;
  /** More than the limit was written. Does not return: the call is over. */
  bodyTooLarge(): never;
}

/**
 * Written bytes leave at the latest when so many are held, in one piece: with its frame's header it is what one read of 64 kB
 * takes in.
 */
export const PIECE_BYTES = MAX_CHUNK_BYTES - HEADER_BYTES;
/** A body of one write up to this is kept as it is; all others are gathered. */
const MAX_SINGLE_BYTES = 4096;
const LEAST_PIECE_BYTES = 8 * 1024;

/** Takes what is held, in turn; each piece is the caller's until it gives it back. */
export type TakePiece = (bytes: Uint8Array, giveBack: GiveBack) => void;

export class ResponseBody implements ByteSink {
  readonly dueMs = Number.POSITIVE_INFINITY;
  state: ResponseBodyState = 'Open';
  /** Names and values in turn, once it is finished; absent where there are none. */
  trailers: readonly string[] | undefined;
  readonly #of: 'response' | 'request';
  #owner: ResponseBodyOwner | undefined;
  #declaredBytes = -1;
  #maxBytes = Number.POSITIVE_INFINITY;
  /** Full ones, in turn; what was written after them is in `#piece`. */
  readonly #full: Uint8Array[] = [];
  #piece: Uint8Array = NOTHING;
  #used = 0;
  /** One that came back. */
  #spare: Uint8Array = NOTHING;
  #held = 0;
  #written = 0;
  #credit = INITIAL_CREDIT_BYTES;
  #ended: StreamEnd | undefined;

  constructor(of: 'response' | 'request' = 'response') {
    this.#of = of;
  }

  /**
   * The response is named: who hears of it from now on, and what holds for it, written already or not.
   *
   * @param declaredBytes what `content-length` says; -1 where it says nothing, or describes another body (HEAD, 304).
   */
  attach(owner: ResponseBodyOwner, declaredBytes: number, maxBytes: number): void {
    this.#owner = owner;
    this.#declaredBytes = declaredBytes;
    this.#maxBytes = maxBytes;
    if (this.#written > maxBytes) owner.bodyTooLarge();
    const tooMany = declaredBytes >= 0 && this.#written > declaredBytes;
    const tooFew = declaredBytes >= 0 && this.state === 'Finished' && this.#written !== declaredBytes;
    if (tooMany || tooFew) this.#mismatch();
    else owner.bodyChanged(this.#held);
  }

  get heldBytes(): number {
    return this.#held;
  }

  get ended(): StreamEnd | undefined {
    return this.#ended;
  }

  ready(): boolean {
    return this.#ended !== undefined || this.#credit > this.#held;
  }

  room(): number {
    return this.#ended ? 0 : this.#credit - this.#held;
  }

  put(bytes: Uint8Array): void {
    this.#written += bytes.length;
    if (this.#written > this.#maxBytes) this.#owner?.bodyTooLarge();
    if (this.#declaredBytes >= 0 && this.#written > this.#declaredBytes) {
      this.#mismatch();
      return;
    }
    this.#gather(bytes);
    this.#held += bytes.length;
    this.#owner?.bodyChanged(this.#held);
  }

  /** `undefined`: it is whole. Otherwise the error that `outgoing-body.finish` answers with. */
  finish(trailers?: readonly string[]): StreamEnd['failure'] | undefined {
    if (this.#ended) return this.#ended.failure ?? GONE;
    if (this.#declaredBytes >= 0 && this.#written !== this.#declaredBytes) {
      this.#mismatch();
      return this.#ended!.failure;
    }
    if (trailers !== undefined && trailers.length > 0) this.trailers = trailers;
    this.state = 'Finished';
    this.#ended = CLOSED;
    this.#owner?.bodyOver();
    return undefined;
  }

  /** It will never be whole; with a code where that is the guest's fault. */
  breakOff(code?: ErrorCode): void {
    if (this.state !== 'Open') return;
    this.state = 'Broken';
    this.#ended = code === undefined ? CLOSED : { failure: { text: code.tag, code } };
    this.#owner?.bodyOver();
  }

  /** Nobody wants the rest: writes say closed. */
  close(): void {
    this.#ended ??= CLOSED;
    this.#forget();
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
  }

  /** All that is held, up to `PIECE_BYTES`, to be copied before anything else happens here; it counts as sent. */
  whole(): Uint8Array {
    const bytes = this.#piece.subarray(0, this.#used);
    this.#credit -= this.#held;
    this.#held = 0;
    this.#used = 0;
    return bytes;
  }

  /** The full pieces of what is held; they count as sent. */
  drainFull(take: TakePiece): void {
    if (this.#used === PIECE_BYTES) this.#fillNext();
    for (const piece of this.#full) this.#give(piece, piece.subarray(0, PIECE_BYTES), take);
    this.#full.length = 0;
  }

  /** The same of everything that is held. */
  drain(take: TakePiece): void {
    this.drainFull(take);
    const piece = this.#piece;
    const bytes = piece.subarray(0, this.#used);
    this.#piece = NOTHING;
    this.#used = 0;
    if (bytes.length > 0) this.#give(piece, bytes, take);
    // Where nothing follows, it is of no more use here.
    if (this.#ended !== undefined) this.letGo();
  }

  /** Of what is not sent nobody will look at anything again. */
  letGo(): void {
    free(this.#piece);
    free(this.#spare);
    this.#piece = NOTHING;
    this.#spare = NOTHING;
  }

  #give(piece: Uint8Array, bytes: Uint8Array, take: TakePiece): void {
    this.#credit -= bytes.length;
    this.#held -= bytes.length;
    take(bytes, () => {
      if (this.#ended === undefined && piece.length > this.#spare.length) this.#spare = piece;
      else free(piece);
    });
  }

  /** What is held is not sent. */
  #forget(): void {
    for (const piece of this.#full.splice(0)) free(piece);
    this.letGo();
    this.#used = 0;
    this.#held = 0;
  }

  #gather(bytes: Uint8Array): void {
    if (this.#written === bytes.length && bytes.length <= MAX_SINGLE_BYTES) {
      // Not `slice`, which is a copy of a `Uint8Array` and a view of a `Buffer`.
      this.#piece = new Uint8Array(bytes);
      this.#used = bytes.length;
      return;
    }
    for (let at = 0; at < bytes.length;) {
      if (this.#used === PIECE_BYTES) this.#fillNext();
      if (this.#used === this.#piece.length) this.#grow(this.#used + bytes.length - at);
      const room = Math.min(this.#piece.length, PIECE_BYTES) - this.#used;
      const taken = Math.min(bytes.length - at, room);
      this.#piece.set(taken === bytes.length ? bytes : bytes.subarray(at, at + taken), this.#used);
      this.#used += taken;
      at += taken;
    }
  }

  #fillNext(): void {
    this.#full.push(this.#piece);
    this.#piece = NOTHING;
    this.#used = 0;
  }

  /** To what is wanted and as much again, since more will come; once a body is longer than a piece, to a whole one. */
  #grow(wanted: number): void {
    const before = this.#piece;
    const least = this.#written > PIECE_BYTES ? PIECE_BYTES : Math.max(2 * wanted, LEAST_PIECE_BYTES);
    const length = Math.min(least, PIECE_BYTES);
    if (this.#spare.length >= length) {
      this.#piece = this.#spare;
      this.#spare = NOTHING;
    } else this.#piece = length === PIECE_BYTES ? takeBuffer() : Buffer.allocUnsafeSlow(length);
    if (this.#used === 0) return;
    this.#piece.set(before.subarray(0, this.#used));
    free(before);
  }

  /** Not as long as declared. What is held may be more than that, so none of it leaves. */
  #mismatch(): void {
    this.state = 'Broken';
    this.#forget();
    const text = `${this.#written} bytes written, ${this.#declaredBytes} declared`;
    this.#ended = { failure: { text, code: { tag: `HTTP-${this.#of}-body-size`, val: BigInt(this.#written) } } };
    this.#owner?.bodyOver();
  }
}

function free(piece: Uint8Array): void {
  if (piece.length === POOLED_BYTES) giveBuffer(piece as Buffer<ArrayBuffer>);
  else freeMemory(piece);
}
