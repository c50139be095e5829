/**
 * What guests write to stdout and stderr, and what the cell itself has to say, as `Log` frames.
 *
 * Invariants
 * L1 No more than `logBytesPerSecond` of guests' and `RUNTIME_BYTES_PER_SECOND` of the runtime's own leaves, with one
 *    second's worth as the burst; the rest is dropped and counted. How much is said with the next text, at the latest
 *    `TELL_DROPPED_MS` later.
 * L2 A frame holds whole lines, except where one line is longer than `MAX_LINE_BYTES`.
 */
import type { ByteSink } from './wasi/streams.ts';

export const LogStream = { Stdout: 1, Stderr: 2, Runtime: 3 } as const;
export type LogStreamNumber = (typeof LogStream)[keyof typeof LogStream];

/** A line that has not ended by then leaves in pieces. */
export const MAX_LINE_BYTES = 8 * 1024;
const LINE_FEED = 0x0a;

export type SendLog = (stream: LogStreamNumber, droppedBytes: number, text: Uint8Array) => void;

const TELL_DROPPED_MS = 1_000;
const NOTHING = new Uint8Array(0);

/** The runtime's own lines have a rate of their own: a guest cannot use it up, nor flood the log by what it makes us say. */
export const RUNTIME_BYTES_PER_SECOND = 16 * 1024;

class Bucket {
  readonly #bytesPerSecond: number;
  #tokens: number;
  #refilledMs = performance.now();

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = bytesPerSecond;
  }

  take(bytes: number): boolean {
    const nowMs = performance.now();
    const refill = ((nowMs - this.#refilledMs) / 1000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#bytesPerSecond, this.#tokens + refill);
    this.#refilledMs = nowMs;
    if (bytes > this.#tokens) return false;
    this.#tokens -= bytes;
    return true;
  }
}

/** The rate of the whole cell: one bucket for all instances and both streams, one for the runtime. */
export class LogRate {
  readonly #guests: Bucket;
  readonly #runtime = new Bucket(RUNTIME_BYTES_PER_SECOND);
  readonly #send: SendLog;
  #dropped = 0;
  #isTelling = false;

  constructor(bytesPerSecond: number, send: SendLog) {
    this.#guests = new Bucket(bytesPerSecond);
    this.#send = send;
  }

  offer(stream: LogStreamNumber, text: Uint8Array): void {
    const bucket = stream === LogStream.Runtime ? this.#runtime : this.#guests;
    if (!bucket.take(text.length)) {
      this.#dropped = Math.min(this.#dropped + text.length, 0xffff_ffff);
      if (!this.#isTelling) setTimeout(() => this.#tellDropped(), TELL_DROPPED_MS).unref();
      this.#isTelling = true;
      return;
    }
    this.#send(stream, this.#dropped, text);
    this.#dropped = 0;
  }

  /** Nothing that could carry it may come for long. */
  #tellDropped(): void {
    this.#isTelling = false;
    if (this.#dropped === 0) return;
    this.#send(LogStream.Runtime, this.#dropped, NOTHING);
    this.#dropped = 0;
  }

  /** A line of the runtime's own. */
  say(line: string): void {
    this.offer(LogStream.Runtime, Buffer.from(`${line}\n`));
  }
}

/** One stream of one instance: gathers lines. Never full, never ended: what is too much is dropped by the rate. */
export class LineSink implements ByteSink {
  readonly dueMs = Number.POSITIVE_INFINITY;
  readonly ended = undefined;
  readonly #rate: LogRate;
  readonly #stream: LogStreamNumber;
  #line: Buffer | undefined;
  #used = 0;

  constructor(rate: LogRate, stream: LogStreamNumber) {
    this.#rate = rate;
    this.#stream = stream;
  }

  ready(): boolean {
    return true;
  }

  room(): number {
    return 64 * 1024;
  }

  put(bytes: Uint8Array): void {
    const lastLineFeed = bytes.lastIndexOf(LINE_FEED);
    let at = 0;
    if (lastLineFeed !== -1 && this.#used === 0 && lastLineFeed < MAX_LINE_BYTES) {
      this.#rate.offer(this.#stream, bytes.subarray(0, lastLineFeed + 1));
      at = lastLineFeed + 1;
    }
    while (at < bytes.length) at += this.#gather(bytes, at, lastLineFeed);
  }

  /** What there is of an unfinished line leaves: the instance is over. */
  flush(): void {
    if (this.#used === 0) return;
    this.#rate.offer(this.#stream, this.#line!.subarray(0, this.#used));
    this.#line = undefined;
    this.#used = 0;
  }

  /** Takes bytes into the line buffer, up to the last line feed or the buffer's end, and says how many. */
  #gather(bytes: Uint8Array, at: number, lastLineFeed: number): number {
    this.#line ??= Buffer.allocUnsafeSlow(MAX_LINE_BYTES);
    const end = at <= lastLineFeed ? lastLineFeed + 1 : bytes.length;
    const taken = Math.min(end - at, MAX_LINE_BYTES - this.#used);
    this.#line.set(bytes.subarray(at, at + taken), this.#used);
    this.#used += taken;
    if (this.#used === MAX_LINE_BYTES || at + taken === lastLineFeed + 1) this.flush();
    return taken;
  }
}
