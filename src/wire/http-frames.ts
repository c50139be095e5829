/**
 * Requests of guests to the outside, on the channel between a cell and the broker (`broker-frames.ts`). A frame's id is an
 * *exchange*: the numbers above the seats. One begins with `Request` and ends with `End` or `Failed`.
 *
 * Invariants
 * H1 Each `Request` gets exactly one `End` or `Failed`, and it is the last frame of the broker for it: with it the number
 *    is free. What the cell says about a number that is free is late, not wrong.
 * H2 Body bytes flow only against credit, both ways: `INITIAL_CREDIT_BYTES` at first, then what `Credit` adds.
 * H3 At most `MAX_EXCHANGES` of a cell are open: a number beyond is a violation.
 */
export const MAX_EXCHANGES = 64;

/** Cell → broker. */
export const HttpToBroker = {
  /**
   * `u16le flags` of `Ask` and `HTTP_HAS_BODY`, `u32le seat` whose call it is, `u32le` the engine's id of that call (0: it serves
   * none), three timeouts as `u32le` milliseconds (connect,
   * first byte, between bytes; 0: the default), method, scheme, authority, path, `u16le n`, n × (name, value): texts as in the
   * heads of `frames.ts`, `u16le length` + Latin-1.
   */
  Request: 0x42,
  /** Bytes of the request's body. */
  Body: 0x43,
  /** The request's body is whole. Empty, or its trailers as in the `BodyEnd` of `frames.ts` (`trailers.ts`). */
  BodyEnd: 0x44,
  /** It never will be: the request is to be broken off. */
  BodyAbort: 0x45,
  /** `u32le bytes`: more of the response's body may come. */
  Credit: 0x46,
  /** Nobody wants the rest. `Failed` still comes. */
  Drop: 0x47,
} as const;

/** Broker → cell. */
export const HttpFromBroker = {
  /** `u16le status`, `u16le n`, n × (name, value). */
  Head: 0x51,
  Body: 0x52,
  /** The response is whole. `u16le n`, n × (name, value): its trailers. */
  End: 0x53,
  /** `u8` of `HttpFailure`, `u64le` its number, and the rest a text for the guest in UTF-8. */
  Failed: 0x54,
  /** `u32le bytes`: more of the request's body may come. */
  Credit: 0x55,
} as const;

/** Beside those of `Ask`. */
export const HTTP_HAS_BODY = 4;

/** Cases of `wasi:http/types#error-code` that the broker gives, by their number on the wire. */
export const HTTP_FAILURES = [
  'internal-error',
  'DNS-timeout',
  'DNS-error',
  'destination-not-found',
  'destination-unavailable',
  'destination-IP-prohibited',
  'connection-refused',
  'connection-terminated',
  'connection-timeout',
  'connection-read-timeout',
  'connection-limit-reached',
  'TLS-protocol-error',
  'TLS-certificate-error',
  'HTTP-request-denied',
  'HTTP-request-body-size',
  'HTTP-request-method-invalid',
  'HTTP-request-URI-invalid',
  'HTTP-request-URI-too-long',
  'HTTP-response-incomplete',
  'HTTP-response-header-section-size',
  'HTTP-response-body-size',
  'HTTP-response-trailer-section-size',
  'HTTP-response-timeout',
  'HTTP-upgrade-failed',
  'HTTP-protocol-error',
  'HTTP-request-header-section-size',
  'loop-detected',
] as const;
export type HttpFailureTag = (typeof HTTP_FAILURES)[number];

export interface HttpFailure {
  readonly tag: HttpFailureTag;
  /** Of `internal-error` and `DNS-error`. */
  readonly text?: string | undefined;
  /** Of the cases about sizes: how large it was, or may be. */
  readonly number?: number | undefined;
}

/** Of a path with its query. */
export const MAX_PATH_BYTES = 16 * 1024;

export function isHttpToBroker(type: number): boolean {
  return type >= HttpToBroker.Request && type <= HttpToBroker.Drop;
}

export function isHttpFromBroker(type: number): boolean {
  return type >= HttpFromBroker.Head && type <= HttpFromBroker.Credit;
}
