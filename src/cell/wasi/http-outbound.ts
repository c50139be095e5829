/** `wasi:http/outgoing-handler`, and what comes of it: the future, the response. The broker judges and sends. */
import { declaredLength } from '../../wire/content-length.ts';
import type { Asking } from '../broker.ts';
import type { Exchange, ReceivedHead } from '../exchanges.ts';
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import type { ErrorCode } from './error-code.ts';
import { Fields } from './fields.ts';
import { OutgoingRequest, RequestOptions } from './http-client.ts';
import { IncomingBody } from './http-incoming.ts';
import { Pollable } from './poll.ts';
import { failed, type Failed } from './result.ts';

const TAKEN: Failed<undefined> = Object.freeze(failed(undefined));

type Response = { readonly tag: 'ok'; readonly val: IncomingResponse } | Failed<ErrorCode>;

export class FutureIncomingResponse extends HostResource {
  readonly #exchange: Exchange;
  #taken = false;

  constructor(scope: Scope, exchange: Exchange) {
    super(scope);
    this.#exchange = exchange;
  }

  subscribe(): Pollable {
    return new Pollable(this.scope, this.#exchange);
  }

  get(): { readonly tag: 'ok'; readonly val: Response } | Failed<undefined> | undefined {
    if (this.#taken) return TAKEN;
    if (!this.#exchange.ready()) return undefined;
    this.#taken = true;
    const { failure, head } = this.#exchange;
    if (failure) return { tag: 'ok', val: failed(failure) };
    return { tag: 'ok', val: { tag: 'ok', val: new IncomingResponse(this.scope, head!, this.#exchange) } };
  }

  protected override dropped(): void {
    if (!this.#taken) this.#exchange.drop();
  }
}

export class IncomingResponse extends HostResource {
  readonly #head: ReceivedHead;
  readonly #exchange: Exchange;
  #consumed = false;

  constructor(scope: Scope, head: ReceivedHead, exchange: Exchange) {
    super(scope);
    this.#head = head;
    this.#exchange = exchange;
  }

  status(): number {
    return this.#head.status;
  }

  headers(): Fields {
    // Immutable, so the texts can be shared.
    return new Fields(this.scope, this.#head.headers as string[], true, this);
  }

  consume(): IncomingBody | Failed<undefined> {
    if (this.#consumed) return TAKEN;
    this.#consumed = true;
    return new IncomingBody(this.scope, this.#exchange.body);
  }

  protected override dropped(): void {
    if (!this.#consumed) this.#exchange.drop();
  }
}

export function outgoingHandler(scope: Scope, seat: Asking): object {
  return {
    handle(request: OutgoingRequest, options: RequestOptions | undefined): FutureIncomingResponse | Failed<ErrorCode> {
      const timeouts = options ? RequestOptions.take(options) : NO_TIMEOUTS;
      const sent = OutgoingRequest.take(request);
      const declaredBytes = declaredLength(sent.headers);
      if (declaredBytes === 'Invalid' || (!sent.body && declaredBytes > 0)) {
        sent.body?.close();
        return failed({ tag: 'HTTP-request-body-size' });
      }
      const exchange = seat.begin({ ...sent, declaredBytes, timeouts });
      if (exchange) return new FutureIncomingResponse(scope, exchange);
      sent.body?.close();
      return failed({ tag: 'connection-limit-reached' });
    },
  };
}

const NO_TIMEOUTS = [0, 0, 0] as const;
