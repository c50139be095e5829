/**
 * Time as an argument. `wallMs` is for cron, freeze windows, the age of history and signatures only; every duration is
 * measured with `monotonicMs`, which never goes back and means nothing in another process.
 */
export interface Now {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** Milliseconds since an arbitrary start; never decreases within a process. */
  readonly monotonicMs: number;
}

export interface Clock {
  now(): Now;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}
