/** The body of a response to a guest's own request: flows as that of a request does (B1), and may end with trailers. */
import { MAX_CHUNK_BYTES } from '../../wire/frames.ts';
import { RequestBody, type RequestBodyOwner } from './request-body.ts';

export interface UpstreamBodyOwner extends RequestBodyOwner {
  /** Nobody wants the rest. */
  drop(): void;
}

export class UpstreamBody extends RequestBody {
  readonly #upstream: UpstreamBodyOwner;
  #trailers: readonly string[] | undefined;
  #skipping = false;

  constructor(owner: UpstreamBodyOwner) {
    super(owner, false);
    this.#upstream = owner;
  }

  override get trailers(): readonly string[] | undefined {
    return this.#trailers;
  }

  override get trailersReady(): boolean {
    return this.settled;
  }

  override push(chunk: Uint8Array): boolean {
    const wasWithinCredit = super.push(chunk);
    if (this.#skipping) this.#skip();
    return wasWithinCredit;
  }

  complete(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#trailers = trailers;
    this.end();
  }

  /** What is left is not read: only the trailers behind it are wanted. */
  override finish(): void {
    this.#skipping = true;
    this.#skip();
  }

  override abandon(): void {
    this.#upstream.drop();
  }

  #skip(): void {
    let taken = this.take(MAX_CHUNK_BYTES);
    while (taken instanceof Uint8Array && taken.length > 0) taken = this.take(MAX_CHUNK_BYTES);
  }
}
