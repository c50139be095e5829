/**
 * The body of a response, on its way from the guest to the engine; or of a request of its own, to the broker.
 *
 * Invariants
 * B2 What is held and not sent is never more than the credit that the engine gave.
 * B3 No byte leaves beyond the declared content-length or the limit: the engine would end the whole cell for it.
 */
import { INITIAL_CREDIT_BYTES } from '../../wire/frames.ts';
import type { ErrorCode } from '../wasi/error-code.ts';
import type { ByteSink, StreamEnd } from '../wasi/streams.ts';

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

/** Written bytes leave at the latest when so many are held. */
export const SEND_AT_BYTES = 64 * 1024;

export class ResponseBody implements ByteSink {
  readonly dueMs = Number.POSITIVE_INFINITY;
  state: ResponseBodyState = 'Open';
  /** Names and values in turn, once it is finished; absent where there are none. */
  trailers: readonly string[] | undefined;
  readonly #of: 'response' | 'request';
  #owner: ResponseBodyOwner | undefined;
  #declaredBytes = -1;
  #maxBytes = Number.POSITIVE_INFINITY;
  #chunks: Uint8Array[] = [];
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
    this.#chunks.push(bytes);
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
    this.#chunks.length = 0;
    this.#held = 0;
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
  }

  /** All that is held, as one array; it counts as sent. */
  takeAll(): Uint8Array | undefined {
    const bytes = this.#held;
    if (bytes === 0) return undefined;
    const chunks = this.takeChunks();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes);
  }

  /** The same as it was written, `heldBytes` long together. */
  takeChunks(): readonly Uint8Array[] {
    const chunks = this.#chunks;
    this.#credit -= this.#held;
    this.#chunks = [];
    this.#held = 0;
    return chunks;
  }

  /** Not as long as declared. What is held may be more than that, so none of it leaves. */
  #mismatch(): void {
    this.state = 'Broken';
    this.#chunks = [];
    this.#held = 0;
    const text = `${this.#written} bytes written, ${this.#declaredBytes} declared`;
    this.#ended = { failure: { text, code: { tag: `HTTP-${this.#of}-body-size`, val: BigInt(this.#written) } } };
    this.#owner?.bodyOver();
  }
}
