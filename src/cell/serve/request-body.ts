/**
 * The body of a request, on its way from the engine to the guest. `UpstreamBody` is the one of a response to a guest.
 *
 * Invariant
 * B1 What is held is never more than the credit that was given, and credit goes back only for what the guest has taken.
 */
import { INITIAL_CREDIT_BYTES } from '../../wire/frames.ts';
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
  #next = 0;
  #taken = 0;
  #credit: number;
  #awaitsRead: boolean;
  #end: StreamEnd | undefined;

  /** @param awaitsRead the client holds the body back until somebody reads. */
  constructor(owner: RequestBodyOwner, awaitsRead: boolean) {
    this.#owner = owner;
    this.#awaitsRead = awaitsRead;
    this.#credit = awaitsRead ? 0 : INITIAL_CREDIT_BYTES;
  }

  /** A body that came with the head. */
  static whole(owner: RequestBodyOwner, bytes: Uint8Array): RequestBody {
    const body = new RequestBody(owner, false);
    if (bytes.length > 0) body.#chunks.push(bytes);
    body.#end = ENDED;
    return body;
  }

  /** `false`: the engine sent more than it was given credit for. */
  push(chunk: Uint8Array): boolean {
    this.#credit -= chunk.length;
    if (this.#credit < 0) return false;
    if (this.#end) return true;
    this.#chunks.push(chunk);
    this.#owner.changed();
    return true;
  }

  end(): void {
    this.#end ??= ENDED;
    this.#owner.changed();
  }

  /** No more comes, and what came is not all. Reads fail at once: half a body is of no use to anybody. */
  fail(text: string, code: ErrorCode): void {
    if (this.#end === ENDED) return;
    this.#end ??= { failure: { text, code } };
    this.#chunks.length = 0;
    this.#next = 0;
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

  /** Requests have none (ADR 0012). */
  get trailers(): readonly string[] | undefined {
    return undefined;
  }

  /** Whether it is known what they are. */
  get trailersReady(): boolean {
    return true;
  }

  /** No more of it is read. */
  finish(): void {}

  /** Nor are its trailers. */
  abandon(): void {}

  ready(): boolean {
    this.#invite();
    return this.#next < this.#chunks.length || this.#end !== undefined;
  }

  take(maxBytes: number): Uint8Array | StreamEnd {
    this.#invite();
    const chunk = this.#chunks[this.#next];
    if (!chunk) return this.#end ?? new Uint8Array(0);
    const bytes = chunk.length <= maxBytes ? chunk : chunk.subarray(0, maxBytes);
    if (bytes === chunk) this.#dropFirst();
    else this.#chunks[this.#next] = chunk.subarray(maxBytes);
    this.#returnCredit(bytes.length);
    return bytes;
  }

  /** The first look at the body is what lets the client send it. */
  #invite(): void {
    if (!this.#awaitsRead) return;
    this.#awaitsRead = false;
    this.#credit = INITIAL_CREDIT_BYTES;
    if (!this.#end) this.#owner.giveCredit(INITIAL_CREDIT_BYTES);
  }

  #dropFirst(): void {
    this.#next += 1;
    if (this.#next < this.#chunks.length) return;
    this.#chunks.length = 0;
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
