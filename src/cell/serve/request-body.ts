/**
 * The body of a request, on its way from the engine to the guest, and the trailers behind it. `UpstreamBody` is the one of a response
 * to a guest.
 *
 * Invariants
 * B1 What is held is never more than the credit that was given, and credit goes back only for what the guest has taken.
 * B2 What a guest has not read is read past for the trailers' sake, and only from when it looks for them.
 * B3 What was taken is with the guest, or with a sink, by the next `take`: then it is given back.
 */
import type { GiveBack } from '../../kit/lent-memory.ts';
import { INITIAL_CREDIT_BYTES, MAX_CHUNK_BYTES } from '../../wire/frames.ts';
import type { ErrorCode } from '../wasi/error-code.ts';
import type { ByteSource, StreamEnd } from '../wasi/streams.ts';

/** Credit goes back in portions of at least this, so that small reads do not cost a frame each. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

const ENDED: StreamEnd = Object.freeze({});

export interface RequestBodyOwner {
  /** The guest has taken this much. */
  giveCredit(bytes: number): void;
  /** Something arrived that the guest may be waiting for. */
  changed(): void;
}

export class RequestBody implements ByteSource {
  readonly dueMs = Number.POSITIVE_INFINITY;
  readonly #owner: RequestBodyOwner;
  readonly #chunks: Uint8Array[] = [];
  /** Of each chunk, by its place. */
  readonly #giveBacks: (GiveBack | undefined)[] = [];
  #next = 0;
  /** Of the chunk whose last bytes were taken (B3). */
  #giveBack: GiveBack | undefined;
  #taken = 0;
  #credit: number;
  #awaitsRead: boolean;
  #end: StreamEnd | undefined;
  #trailers: readonly string[] | undefined;
  #wantsTrailers = false;

  /** @param awaitsRead the client holds the body back until somebody reads. */
  constructor(owner: RequestBodyOwner, awaitsRead: boolean) {
    this.#owner = owner;
    this.#awaitsRead = awaitsRead;
    this.#credit = awaitsRead ? 0 : INITIAL_CREDIT_BYTES;
  }

  /** A body that came with the head. */
  static whole(owner: RequestBodyOwner, bytes: Uint8Array): RequestBody {
    const body = new RequestBody(owner, false);
    if (bytes.length > 0) body.#add(bytes, undefined);
    body.#end = ENDED;
    return body;
  }

  /** `false`: the engine sent more than it was given credit for. Without `giveBack` the chunk may be kept for ever. */
  push(chunk: Uint8Array, giveBack?: GiveBack): boolean {
    this.#credit -= chunk.length;
    if (this.#credit < 0) return false;
    if (this.#end) return true;
    this.#add(chunk, giveBack);
    if (this.#wantsTrailers) this.#readPast();
    this.#owner.changed();
    return true;
  }

  /** @param trailers names in lower case and values, in turn. */
  end(trailers: readonly string[] = []): void {
    if (!this.#end && trailers.length > 0) this.#trailers = trailers;
    this.#end ??= ENDED;
    this.#owner.changed();
  }

  /** No more comes, and what came is not all. Reads fail at once: half a body is of no use to anybody. */
  fail(text: string, code: ErrorCode): void {
    if (this.#end === ENDED) return;
    this.#end ??= { failure: { text, code } };
    this.#forget();
    this.#owner.changed();
  }

  /** What reads fail with, once they do. */
  get failure(): StreamEnd['failure'] {
    return this.#end?.failure;
  }

  /** Everything has arrived, or it never will. */
  get settled(): boolean {
    return this.#end !== undefined;
  }

  /** Absent where there are none, and before they are there. */
  get trailers(): readonly string[] | undefined {
    return this.#trailers;
  }

  /** Whether it is known what they are. Whoever asks does not read the body any more (B2). */
  trailersReady(): boolean {
    this.#wantsTrailers = true;
    this.#readPast();
    return this.settled;
  }

  /** Neither the rest nor the trailers are wanted. */
  abandon(): void {
    this.#wantsTrailers = false;
  }

  ready(): boolean {
    this.#invite();
    return this.#next < this.#chunks.length || this.#end !== undefined;
  }

  take(maxBytes: number): Uint8Array | StreamEnd {
    this.#invite();
    this.#giveBack?.();
    this.#giveBack = undefined;
    const chunk = this.#chunks[this.#next];
    if (!chunk) return this.#end ?? new Uint8Array(0);
    const bytes = chunk.length <= maxBytes ? chunk : chunk.subarray(0, maxBytes);
    if (bytes === chunk) this.#dropFirst();
    else this.#chunks[this.#next] = chunk.subarray(maxBytes);
    this.#returnCredit(bytes.length);
    return bytes;
  }

  #readPast(): void {
    let taken = this.take(MAX_CHUNK_BYTES);
    while (taken instanceof Uint8Array && taken.length > 0) taken = this.take(MAX_CHUNK_BYTES);
  }

  /** The first look at the body is what lets the client send it. */
  #invite(): void {
    if (!this.#awaitsRead) return;
    this.#awaitsRead = false;
    this.#credit = INITIAL_CREDIT_BYTES;
    if (!this.#end) this.#owner.giveCredit(INITIAL_CREDIT_BYTES);
  }

  #add(chunk: Uint8Array, giveBack: GiveBack | undefined): void {
    this.#chunks.push(chunk);
    this.#giveBacks.push(giveBack);
  }

  #dropFirst(): void {
    this.#giveBack = this.#giveBacks[this.#next];
    this.#next += 1;
    if (this.#next === this.#chunks.length) this.#forget();
  }

  #forget(): void {
    this.#chunks.length = 0;
    this.#giveBacks.length = 0;
    this.#next = 0;
  }

  #returnCredit(bytes: number): void {
    if (this.#end) return;
    this.#taken += bytes;
    if (this.#taken < CREDIT_PORTION_BYTES) return;
    this.#credit += this.#taken;
    this.#owner.giveCredit(this.#taken);
    this.#taken = 0;
  }
}
