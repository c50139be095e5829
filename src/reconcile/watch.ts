/**
 * When to look at git: at the environment's interval with jitter, at once after a hint, and with back-off while the
 * server does not answer. A hint carries nothing; any number of them while a look is under way is one more look.
 */
import type { Clock } from '../kit/clock.ts';
import { hashOfJson } from '../kit/digest.ts';

/** From the end of a look to the next: however many hints there are, a server is not asked more often. */
export const MIN_LOOK_GAP_MS = 50;
const FAILED_LOOK_MS = 1_000;
const MAX_FAILED_LOOK_MS = 60_000;

export interface Watch {
  start(): void;
  hint(): void;
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly interval: () => { readonly intervalMs: number; readonly jitter: number };
  /** True: the look went through. */
  readonly look: (isHinted: boolean) => Promise<boolean>;
}

export function createWatch({ clock, interval, look }: WatchOptions): Watch {
  let cancel: (() => void) | undefined;
  let flight: Promise<void> | undefined;
  let again = false;
  let hinted = false;
  let stopped = false;
  let looks = 0;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;

  function schedule(delayMs: number): void {
    cancel?.();
    cancel = stopped ? undefined : clock.after(delayMs, fly);
  }

  function fly(): void {
    cancel = undefined;
    if (stopped || flight) return;
    flight = lookOnce();
  }

  async function lookOnce(): Promise<void> {
    const isHinted = hinted;
    again = false;
    hinted = false;
    const went = await look(isHinted);
    flight = undefined;
    lookedAtMs = clock.now().monotonicMs;
    looks += 1;
    failures = went ? 0 : failures + 1;
    schedule(again ? gapMs() : nextLookMs());
  }

  /** A lone hint waits for nothing. */
  function gapMs(): number {
    return Math.max(0, lookedAtMs + MIN_LOOK_GAP_MS - clock.now().monotonicMs);
  }

  function nextLookMs(): number {
    const { intervalMs, jitter } = interval();
    // Jitter without chance: the same run looks at the same times.
    const spread = (Number.parseInt(hashOfJson(['look', looks]).slice(0, 8), 16) / 2 ** 32) * 2 - 1;
    const regularMs = intervalMs * (1 + jitter * spread);
    return failures === 0 ? regularMs : Math.min(MAX_FAILED_LOOK_MS, FAILED_LOOK_MS * 2 ** Math.min(failures - 1, 10));
  }

  return {
    start: () => schedule(0),
    hint() {
      hinted = true;
      if (flight) again = true;
      else schedule(gapMs());
    },
    async stop() {
      stopped = true;
      cancel?.();
      await flight;
    },
  };
}
