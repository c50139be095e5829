/** `wasi:http/types`, the side of the response: what the guest builds and gives away. */
import { HostResource } from '../resource.ts';
import type { Scope } from '../scope.ts';
import { HostTrap } from '../trap.ts';
import { trailerBytes, trailersFit } from '../../wire/trailers.ts';
import { ResponseBody } from '../serve/response-body.ts';
import type { ErrorCode } from './error-code.ts';
import { Fields } from './fields.ts';
import { failed, type Failed } from './result.ts';
import { OutputStream } from './streams.ts';

const REFUSED: Failed<undefined> = Object.freeze(failed(undefined));

/** What the engine passes on; 1xx are the host's business, and nothing is above 599. */
export const MIN_STATUS = 200;
export const MAX_STATUS = 599;

/** What becomes of an outgoing-response: all that the call has to know. */
export interface Response {
  readonly status: number;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  /** Absent where the guest never asked for the body: it is empty. */
  readonly body: ResponseBody | undefined;
}

export class OutgoingResponse extends HostResource {
  readonly #headers: string[];
  #status = 200;
  #body: ResponseBody | undefined;

  constructor(headers: Fields) {
    super(Fields.scopeOf(headers));
    this.#headers = Fields.take(headers);
  }

  statusCode(): number {
    return this.#status;
  }

  setStatusCode(status: number): Failed<undefined> | undefined {
    if (status < MIN_STATUS || status > MAX_STATUS) return REFUSED;
    this.#status = status;
    return undefined;
  }

  headers(): Fields {
    return new Fields(this.scope, this.#headers, true, this);
  }

  body(): OutgoingBody | Failed<undefined> {
    if (this.#body) return REFUSED;
    this.#body = new ResponseBody();
    return new OutgoingBody(this.scope, this.#body);
  }

  static take(response: OutgoingResponse): Response {
    response.giveAway();
    return { status: response.#status, headers: response.#headers, body: response.#body };
  }
}

/** What `finish` has to know about the message that the body belongs to. */
export interface BodyOf {
  readonly message: 'response' | 'request';
  /** There is nothing that trailers could stand behind: a length is declared, and so no chunks are sent (RFC 9110 §6.5.1). */
  readonly refusesTrailers: boolean;
}

/** Where a response declares a length, nobody gets trailers, as nobody does who did not ask for them. */
const OF_RESPONSE: BodyOf = { message: 'response', refusesTrailers: false };

export class OutgoingBody extends HostResource {
  readonly #body: ResponseBody;
  readonly #of: BodyOf;
  #stream: 'NotTaken' | 'Open' | 'Dropped' = 'NotTaken';

  constructor(scope: Scope, body: ResponseBody, of: BodyOf = OF_RESPONSE) {
    super(scope);
    this.#body = body;
    this.#of = of;
  }

  write(): OutputStream | Failed<undefined> {
    if (this.#stream !== 'NotTaken') return REFUSED;
    this.#stream = 'Open';
    return new OutputStream(
      this.scope,
      this.#body,
      () => {
        this.#stream = 'Dropped';
      },
      this,
    );
  }

  /**
   * Trailers of a response go to a client that asked for them with `TE: trailers`, behind a body without a declared length;
   * nobody else gets them, so no guest may count on it. Those of a request are sent, or are an error. Too many of them are one
   * too. After an error the body is not whole.
   */
  static finish(body: OutgoingBody, trailers: Fields | undefined): Failed<ErrorCode> | undefined {
    if (body.#stream === 'Open') throw new HostTrap('outgoing-body.finish before its stream was dropped');
    const texts = trailers && Fields.take(trailers);
    body.giveAway();
    const refused = texts && refusal(texts, body.#of);
    if (refused) {
      body.#body.breakOff(refused);
      return failed(refused);
    }
    const failure = body.#body.finish(texts);
    return failure ? failed(failure.code ?? { tag: 'internal-error', val: failure.text }) : undefined;
  }

  protected override dropped(): void {
    this.#body.breakOff();
  }
}

function refusal(trailers: readonly string[], { message, refusesTrailers }: BodyOf): ErrorCode | undefined {
  if (!trailersFit(trailers)) return { tag: `HTTP-${message}-trailer-section-size`, val: trailerBytes(trailers) };
  return trailers.length > 0 && refusesTrailers ? { tag: 'HTTP-protocol-error' } : undefined;
}

/** Who takes the response: the call in flight. */
export interface ResponseTaker {
  respond(response: Response): void;
  refuse(code: ErrorCode): void;
}

export class ResponseOutparam extends HostResource {
  readonly #taker: ResponseTaker;

  constructor(scope: Scope, taker: ResponseTaker) {
    super(scope);
    this.#taker = taker;
  }

  sendInformational(): Failed<ErrorCode> {
    return failed({ tag: 'internal-error', val: 'informational responses are not sent' });
  }

  static set(
    outparam: ResponseOutparam,
    result: { readonly tag: 'ok'; readonly val: OutgoingResponse } | { readonly tag: 'err'; readonly val: ErrorCode },
  ): void {
    outparam.giveAway();
    if (result.tag === 'ok') outparam.#taker.respond(OutgoingResponse.take(result.val));
    else outparam.#taker.refuse(result.val);
  }
}
