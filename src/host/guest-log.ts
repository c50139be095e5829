/**
 * What a guest says, as log lines. The cell limits the rate already; this is the second bound, against a cell that does
 * not: bytes by a bucket that holds one burst and refills with the rate of the members' limits together. What either of them
 * drops is a line of its own, at most one in `SAY_DROPPED_MS`, and told at once to whoever counts.
 */
import type { Logger } from 'pino';
import type { Member } from '../model/component.ts';
import type { Denial } from '../wire/reports.ts';

/** Twice the limit: the cell's own bucket is not in step with this one. */
const HEADROOM = 2;
const MIN_BURST_BYTES = 64 * 1024;
const SAY_DROPPED_MS = 1_000;
const MAX_LINE_CHARACTERS = 8 * 1024;
/** What one denial counts as, without what was asked. */
const DENIAL_BYTES = 512;

const STREAMS = { 1: 'stdout', 2: 'stderr', 3: 'runtime' } as const;

export class GuestLog {
  readonly #log: Logger;
  /** By member. */
  readonly #logs: readonly Logger[];
  readonly #bytesPerSecond: number;
  readonly #burstBytes: number;
  #availableBytes: number;
  #filledAtMs = performance.now();
  readonly #onDropped: (bytes: number) => void;
  /** Not said yet; of all members. */
  #droppedBytes = 0;
  #saying: NodeJS.Timeout | undefined;

  /** `log` carries the replica's identity already; lines of a cell of several members name the member. */
  constructor(
    log: Logger,
    members: readonly Pick<Member, 'key' | 'limits'>[],
    onDropped: (bytes: number) => void = () => undefined,
  ) {
    this.#log = log;
    this.#onDropped = onDropped;
    this.#logs = members.length === 1 ? [log] : members.map(({ key }) => log.child({ member: key }));
    const bytesPerSecond = members.reduce((sum, { limits }) => sum + limits.logBytesPerSecond, 0);
    this.#bytesPerSecond = bytesPerSecond * HEADROOM;
    this.#burstBytes = Math.max(MIN_BURST_BYTES, this.#bytesPerSecond);
    this.#availableBytes = this.#burstBytes;
  }

  write(stream: 1 | 2 | 3, member: number, droppedBytes: number, text: string): void {
    if (droppedBytes > 0) this.#drop(droppedBytes);
    if (!this.#take(text.length)) {
      this.#drop(text.length);
      return;
    }
    for (const line of text.split('\n')) {
      if (line === '') continue;
      this.#of(member).info({ stream: STREAMS[stream], text: line.slice(0, MAX_LINE_CHARACTERS) }, 'guest output');
    }
  }

  #drop(bytes: number): void {
    this.#onDropped(bytes);
    this.#droppedBytes += bytes;
    if (!this.#saying) this.#sayDropped();
  }

  #sayDropped(): void {
    const droppedBytes = this.#droppedBytes;
    this.#droppedBytes = 0;
    this.#saying = setTimeout(() => {
      this.#saying = undefined;
      if (this.#droppedBytes > 0) this.#sayDropped();
    }, SAY_DROPPED_MS).unref();
    this.#log.warn({ droppedBytes, limit: 'limits.logBytesPerSecond' }, 'guest output was dropped');
  }

  denied(denial: Denial): void {
    const { member, ...said } = denial;
    if (this.#take(DENIAL_BYTES + said.asked.length))
      this.#of(member).warn({ denial: said }, 'the guest called what it was not granted');
  }

  /** A cell may claim any position; one that there is not is the entry's. */
  #of(member: number): Logger {
    return this.#logs[member] ?? this.#logs[0]!;
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
