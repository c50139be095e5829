/** Bounds of everything that is fetched. Bytes and milliseconds, as the names say. */
export interface FetchLimits {
  /** Of one artifact. */
  readonly artifactBytes: number;
  /** Of an OCI manifest or index. */
  readonly manifestBytes: number;
  /** Of a token server's answer. */
  readonly tokenBytes: number;
  /** Of one document about signatures: a list of them, a payload, a bundle. */
  readonly signatureBytes: number;
  /** Documents of one artifact and one form that are looked at. */
  readonly signatures: number;
  /** Of a list of what refers to an artifact. */
  readonly referrerPages: number;
  readonly connectMs: number;
  /** From the request to the end of the answer's head. */
  readonly headMs: number;
  /** Of one answer, from the request to its last byte. */
  readonly answerMs: number;
  /** In each span of `rateSpanMs` at least `rateBytes` have to come, or the answer is given up. */
  readonly rateSpanMs: number;
  readonly rateBytes: number;
  readonly redirects: number;
}

export const DEFAULT_FETCH_LIMITS: FetchLimits = {
  artifactBytes: 64 * 2 ** 20,
  manifestBytes: 2 ** 20,
  tokenBytes: 64 * 2 ** 10,
  signatureBytes: 256 * 2 ** 10,
  signatures: 16,
  referrerPages: 8,
  connectMs: 10_000,
  headMs: 20_000,
  answerMs: 240_000,
  rateSpanMs: 10_000,
  rateBytes: 32 * 2 ** 10,
  redirects: 3,
};
