/** `wasi:http/types`, the side of outgoing requests: what a guest builds and gives to `http-outbound.ts`. */
import type { SentRequest } from '../exchanges.ts';
import { declaredLength } from '../../wire/content-length.ts';
import { HostResource } from '../resource.ts';
import { ResponseBody } from '../serve/response-body.ts';
import { Fields } from './fields.ts';
import { OutgoingBody } from './http-outgoing.ts';
import { failed, type Failed } from './result.ts';

interface Tagged {
  readonly tag: string;
  readonly val?: string;
}

const MAX_U32 = 0xffff_ffffn;
const REFUSED: Failed<undefined> = Object.freeze(failed(undefined));
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;
/** Visible ASCII: the URI characters are a subset, and a request line can hold no other. */
const URI_TEXT = /^[!-~]*$/;

export class OutgoingRequest extends HostResource {
  readonly #headers: string[];
  #method: Tagged = { tag: 'get' };
  #path: string | undefined;
  #scheme: Tagged | undefined;
  #authority: string | undefined;
  #body: ResponseBody | undefined;

  constructor(headers: Fields) {
    super(Fields.scopeOf(headers));
    this.#headers = Fields.take(headers);
  }

  body(): OutgoingBody | Failed<undefined> {
    if (this.#body) return REFUSED;
    this.#body = new ResponseBody('request');
    const refusesTrailers = declaredLength(this.#headers) !== -1;
    return new OutgoingBody(this.scope, this.#body, { message: 'request', refusesTrailers });
  }

  method(): Tagged {
    return this.#method;
  }

  setMethod(method: Tagged): Failed<undefined> | undefined {
    if (method.tag === 'other' && !TOKEN.test(method.val ?? '')) return REFUSED;
    this.#method = method;
    return undefined;
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): Failed<undefined> | undefined {
    if (path !== undefined && !URI_TEXT.test(path)) return REFUSED;
    this.#path = path;
    return undefined;
  }

  scheme(): Tagged | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Tagged | undefined): Failed<undefined> | undefined {
    if (scheme?.tag === 'other' && !SCHEME.test(scheme.val ?? '')) return REFUSED;
    this.#scheme = scheme;
    return undefined;
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): Failed<undefined> | undefined {
    if (authority !== undefined && (authority === '' || !URI_TEXT.test(authority))) return REFUSED;
    this.#authority = authority;
    return undefined;
  }

  headers(): Fields {
    return new Fields(this.scope, this.#headers, true, this);
  }

  /** Without a scheme it is `https`, without a path `/`. */
  static take(request: OutgoingRequest): Omit<SentRequest, 'declaredBytes' | 'timeouts'> {
    request.giveAway();
    return {
      method: request.#method.tag === 'other' ? request.#method.val! : request.#method.tag.toUpperCase(),
      scheme: request.#scheme?.tag === 'other' ? request.#scheme.val! : (request.#scheme?.tag.toLowerCase() ?? 'https'),
      authority: request.#authority ?? '',
      path: request.#path ?? '/',
      headers: request.#headers,
      body: request.#body,
    };
  }
}

/** Durations are `u64` nanoseconds. */
export class RequestOptions extends HostResource {
  #connect: bigint | undefined;
  #firstByte: bigint | undefined;
  #betweenBytes: bigint | undefined;

  connectTimeout(): bigint | undefined {
    return this.#connect;
  }

  setConnectTimeout(duration: bigint | undefined): void {
    this.#connect = duration;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByte;
  }

  setFirstByteTimeout(duration: bigint | undefined): void {
    this.#firstByte = duration;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytes;
  }

  setBetweenBytesTimeout(duration: bigint | undefined): void {
    this.#betweenBytes = duration;
  }

  static take(options: RequestOptions): SentRequest['timeouts'] {
    options.giveAway();
    return [milliseconds(options.#connect), milliseconds(options.#firstByte), milliseconds(options.#betweenBytes)];
  }
}

/** 0 for none; what was asked is at least 1. */
function milliseconds(duration: bigint | undefined): number {
  if (duration === undefined) return 0;
  const rounded = (duration + 999_999n) / 1_000_000n;
  return rounded === 0n ? 1 : Number(rounded > MAX_U32 ? MAX_U32 : rounded);
}
