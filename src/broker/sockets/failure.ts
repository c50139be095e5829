/** What Node says of a socket → the interface's error. Its texts stay in the broker. */
import type { NetworkError } from '../../wire/socket-frames.ts';

const BY_CODE: Readonly<Record<string, NetworkError>> = {
  ECONNREFUSED: 'connection-refused',
  ECONNRESET: 'connection-reset',
  EPIPE: 'connection-reset',
  ECONNABORTED: 'connection-aborted',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'remote-unreachable',
  ENETUNREACH: 'remote-unreachable',
  EHOSTDOWN: 'remote-unreachable',
  ENETDOWN: 'remote-unreachable',
  EADDRINUSE: 'address-in-use',
  EADDRNOTAVAIL: 'address-not-bindable',
  EACCES: 'access-denied',
  EPERM: 'access-denied',
  EINVAL: 'invalid-argument',
  EMFILE: 'new-socket-limit',
  ENFILE: 'new-socket-limit',
  ENOBUFS: 'out-of-memory',
  ENOMEM: 'out-of-memory',
  EMSGSIZE: 'datagram-too-large',
  ENOTFOUND: 'name-unresolvable',
  ENODATA: 'name-unresolvable',
  EAI_NODATA: 'name-unresolvable',
  EAI_NONAME: 'name-unresolvable',
  EAI_AGAIN: 'temporary-resolver-failure',
  ETIMEOUT: 'temporary-resolver-failure',
  EAI_FAIL: 'permanent-resolver-failure',
};

export function networkErrorOf(thrown: unknown): NetworkError {
  const code = (thrown as { readonly code?: unknown } | null)?.code;
  return (typeof code === 'string' ? BY_CODE[code] : undefined) ?? 'unknown';
}
