import { readFileSync } from 'node:fs';
import type { Clock } from '../kit/clock.ts';

/** The machine's own time; everything that decides gets a `Clock` so that tests and the simulator can bring theirs. */
export const systemClock: Clock = {
  now: () => ({ wallMs: Date.now(), monotonicMs: performance.now() }),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const SKIP_LOOK_MS = 20;

/**
 * The machine's time and what was skipped of it, for trials: `file` holds how many milliseconds that are, and is replaced
 * as a whole. Whoever waits waits so much less; durations stay what they are.
 */
export function skippingClock(file: string): Clock {
  interface Waiting {
    readonly run: () => void;
    dueMs: number;
    timer: NodeJS.Timeout;
  }
  const waiting = new Set<Waiting>();
  let skippedMs = skippedIn(file) ?? 0;
  const arm = ({ dueMs }: Pick<Waiting, 'dueMs'>, run: () => void): NodeJS.Timeout =>
    setTimeout(run, Math.max(0, dueMs - performance.now()));
  const ring = (one: Waiting): void => {
    waiting.delete(one);
    one.run();
  };
  setInterval(() => {
    const moreMs = (skippedIn(file) ?? skippedMs) - skippedMs;
    if (moreMs === 0) return;
    skippedMs += moreMs;
    for (const one of waiting) {
      clearTimeout(one.timer);
      one.dueMs -= moreMs;
      one.timer = arm(one, () => ring(one));
    }
  }, SKIP_LOOK_MS).unref();
  return {
    now: () => ({ wallMs: Date.now() + skippedMs, monotonicMs: performance.now() }),
    after(delayMs, run) {
      const dueMs = performance.now() + delayMs;
      const one: Waiting = { run, dueMs, timer: arm({ dueMs }, () => ring(one)) };
      waiting.add(one);
      return () => {
        waiting.delete(one);
        clearTimeout(one.timer);
      };
    },
  };
}

/** Undefined: the trial's folder is gone, and its end is near. */
function skippedIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
