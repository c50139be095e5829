/** The body of a response to a guest's own request: flows as that of a request does (B1, B2). */
import { RequestBody, type RequestBodyOwner } from './request-body.ts';

export interface UpstreamBodyOwner extends RequestBodyOwner {
  /** Nobody wants the rest. */
  drop(): void;
}

export class UpstreamBody extends RequestBody {
  readonly #upstream: UpstreamBodyOwner;

  constructor(owner: UpstreamBodyOwner) {
    super(owner, false);
    this.#upstream = owner;
  }

  override abandon(): void {
    this.#upstream.drop();
  }
}
