/** What went wrong with a request, in the words of `wasi:http`. The texts of errors stay here: they may tell of the inside. */
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
  HPE_HEADER_OVERFLOW: 'HTTP-response-header-section-size',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS-certificate-error',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS-certificate-error',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS-certificate-error',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS-certificate-error',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS-certificate-error',
};

/** By how the code begins, where it is none of those. */
const BY_PREFIX: readonly (readonly [string, HttpFailureTag])[] = [
  ['HPE_', 'HTTP-protocol-error'],
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
  const code = codeOf(thrown);
  const tag = BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (tag === 'connection-terminated' && begun) return { tag: 'HTTP-response-incomplete' };
  return tag === undefined ? { tag: 'internal-error', text: 'the request failed' } : { tag };
}

/** Where several addresses were tried there is an error for each: that one did not answer says more than that another refused. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    const codes = thrown.errors.map(codeOf);
    return codes.find((code) => code === 'ETIMEDOUT') ?? codes[0]!;
  }
  const code = (thrown as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  return cause === undefined ? '' : codeOf(cause);
}
