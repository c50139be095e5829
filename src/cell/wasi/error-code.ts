/** `wasi:http/types` error-code, as the bindings lift and lower it; or, of the network, that of `wasi:sockets/network`. */
export interface ErrorCode {
  readonly tag: string;
  readonly val?: unknown;
  readonly of?: 'network';
}

/** One line for the log: the case, and its payload where that is a text or a number. */
export function describeErrorCode(code: ErrorCode): string {
  const { tag, val } = code;
  return typeof val === 'string' || typeof val === 'number' || typeof val === 'bigint' ? `${tag}: ${val}` : tag;
}
