import type { Clock, Now } from '../../src/kit/clock.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that only moves when the driver says so. Timers of one instant run in the order in which they were set. */
export class VirtualClock {
  nowMs = 0;
  readonly #wallMs: number;
  readonly #timers = new Set<Timer>();
  #order = 0;

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  now(): Now {
    return { wallMs: this.#wallMs + this.nowMs, monotonicMs: this.nowMs };
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.nowMs + Math.max(0, delayMs), order: (this.#order += 1), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** The next timer that is due by `untilMs`, taken out; time moves to it. */
  next(untilMs: number): (() => void) | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > untilMs) continue;
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) first = timer;
    }
    if (!first) return undefined;
    this.#timers.delete(first);
    this.nowMs = Math.max(this.nowMs, first.atMs);
    return first.run;
  }

  /** A clock for one life of control: its timers die with it, and its monotonic time starts anew. */
  lifeOf(isDead: () => boolean): Clock {
    const bornMs = this.nowMs;
    return {
      now: () => ({ wallMs: this.#wallMs + this.nowMs, monotonicMs: this.nowMs - bornMs + 17 }),
      after: (delayMs, run) => this.after(delayMs, () => void (isDead() || run())),
    };
  }
}
