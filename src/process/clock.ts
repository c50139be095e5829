import type { Clock } from '../kit/clock.ts';

/** The machine's own time; everything that decides gets a `Clock` so that tests and the simulator can bring theirs. */
export const systemClock: Clock = {
  now: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
