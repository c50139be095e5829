/** What went wrong with a request, in the words of `wasi:http`. The texts of errors stay here: they may tell of the inside. */
import { errors } from 'undici';
import type { HttpFailure, HttpFailureTag } from '../../wire/http-frames.ts';

const BY_CODE: Readonly<Record<string, HttpFailureTag>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-terminated',
  EPIPE: 'connection-terminated',
  ETIMEDOUT: 'connection-timeout',
  EHOSTUNREACH: 'destination-unavailable',
  ENETUNREACH: 'destination-unavailable',
  EADDRNOTAVAIL: 'destination-unavailable',
  ENOTFOUND: 'destination-not-found',
  ENODATA: 'destination-not-found',
  EAI_AGAIN: 'DNS-timeout',
  ECONNABORTED: 'connection-terminated',
  EMFILE: 'connection-limit-reached',
  EPROTO: 'TLS-protocol-error',
  UND_ERR_SOCKET: 'connection-terminated',
  UND_ERR_CONNECT_TIMEOUT: 'connection-timeout',
  UND_ERR_HEADERS_OVERFLOW: 'HTTP-response-header-section-size',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'HTTP-request-body-size',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'HTTP-response-incomplete',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS-certificate-error',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS-certificate-error',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS-certificate-error',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS-certificate-error',
};

/** By how the code begins, where it is none of those. */
const BY_PREFIX: readonly (readonly [string, HttpFailureTag])[] = [
  ['CERT_', 'TLS-certificate-error'],
  ['ERR_TLS_', 'TLS-protocol-error'],
  ['ERR_SSL_', 'TLS-protocol-error'],
];

/** Carries a failure through what only knows errors. */
export class HttpBroken extends Error {
  readonly failure: HttpFailure;

  constructor(failure: HttpFailure) {
    super(failure.tag);
    this.failure = failure;
  }
}

/** @param begun the head of the response is out: what ends early now is a response that is not whole. */
export function failureOf(thrown: unknown, begun: boolean): HttpFailure {
  if (thrown instanceof HttpBroken) return thrown.failure;
  // Not all of its kinds have a code.
  if (thrown instanceof errors.HTTPParserError) return { tag: 'HTTP-protocol-error' };
  const code = codeOf(thrown);
  const tag = BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (tag === 'connection-terminated' && begun) return { tag: 'HTTP-response-incomplete' };
  // Two lengths, or a length beside chunks: seen before the head is said to be there.
  if (tag === 'HTTP-response-incomplete' && !begun) return { tag: 'HTTP-protocol-error' };
  return tag === undefined ? { tag: 'internal-error', text: 'the request failed' } : { tag };
}

/** Where several addresses were tried there is an error for each; the first says what is wrong. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return codeOf(thrown.errors[0]);
  const code = (thrown as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause === undefined ? '' : codeOf(cause);
}
