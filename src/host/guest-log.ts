/**
 * What a guest says, as log lines. The cell limits the rate already; this is the second bound, against a cell that does
 * not: bytes by a bucket that holds one burst and refills with the rate of the component's own limit.
 */
import type { Logger } from 'pino';
import type { Denial } from '../wire/reports.ts';

/** Twice the limit: the cell's own bucket is not in step with this one. */
const HEADROOM = 2;
const MIN_BURST_BYTES = 64 * 1024;
const MAX_LINE_CHARACTERS = 8 * 1024;
/** What one denial counts as. */
const DENIAL_BYTES = 512;

const STREAMS = { 1: 'stdout', 2: 'stderr', 3: 'runtime' } as const;

export class GuestLog {
  readonly #log: Logger;
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #availableBytes: number;
  #filledAtMs = performance.now();
  #droppedBytes = 0;

  /** `log` carries the replica's identity already. */
  constructor(log: Logger, bytesPerSecond: number) {
    this.#log = log;
    this.#bytesPerSecond = bytesPerSecond * HEADROOM;
    this.#burstBytes = Math.max(MIN_BURST_BYTES, this.#bytesPerSecond);
    this.#availableBytes = this.#burstBytes;
  }

  write(stream: 1 | 2 | 3, droppedBytes: number, text: string): void {
    this.#droppedBytes += droppedBytes;
    if (!this.#take(text.length)) {
      this.#droppedBytes += text.length;
      return;
    }
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const dropped = this.#droppedBytes > 0 ? { droppedBytes: this.#droppedBytes } : {};
      this.#droppedBytes = 0;
      this.#log.info({ stream: STREAMS[stream], text: line.slice(0, MAX_LINE_CHARACTERS), ...dropped }, 'guest output');
    }
  }

  denied(denial: Denial): void {
    if (this.#take(DENIAL_BYTES)) this.#log.warn({ denial }, 'the guest called what it was not granted');
  }

  #take(bytes: number): boolean {
    const nowMs = performance.now();
    const refill = ((nowMs - this.#filledAtMs) / 1000) * this.#bytesPerSecond;
    this.#availableBytes = Math.min(this.#burstBytes, this.#availableBytes + refill);
    this.#filledAtMs = nowMs;
    if (bytes > this.#availableBytes) return false;
    this.#availableBytes -= bytes;
    return true;
  }
}
