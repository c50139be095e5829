/** `wasi:clocks`: both clocks of the machine, and pollables that wait for the monotonic one. */
import type { Scope } from '../scope.ts';
import { Pollable } from './poll.ts';

const NANOSECONDS_PER_MS = 1e6;
/** What Node's clocks and timers tell apart, near enough. */
const WALL_RESOLUTION_NS = 1_000_000;
const MONOTONIC_RESOLUTION_NS = 1n;
const MAX_U64 = 2n ** 64n - 1n;

interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

function monotonicNow(): bigint {
  return BigInt(Math.round(performance.now() * NANOSECONDS_PER_MS));
}

/** An instant of the guest's clock on `performance.now()`; those beyond 2^53 ns (104 days) are rounded, and nobody waits for them. */
function dueMsOf(instant: bigint): number {
  return Number(instant) / NANOSECONDS_PER_MS;
}

function timerPollable(scope: Scope, instant: bigint): Pollable {
  const dueMs = dueMsOf(instant);
  return new Pollable(scope, { ready: () => performance.now() >= dueMs, dueMs });
}

export function monotonicClock(scope: Scope): object {
  return {
    now: monotonicNow,
    resolution: () => MONOTONIC_RESOLUTION_NS,
    subscribeInstant: (when: bigint) => timerPollable(scope, when),
    subscribeDuration(duration: bigint) {
      const instant = monotonicNow() + duration;
      return timerPollable(scope, instant > MAX_U64 ? MAX_U64 : instant);
    },
  };
}

export const wallClock: object = Object.freeze({
  now(): Datetime {
    const milliseconds = Date.now();
    return {
      seconds: BigInt(Math.floor(milliseconds / 1000)),
      nanoseconds: (milliseconds % 1000) * NANOSECONDS_PER_MS,
    };
  },
  resolution: (): Datetime => ({ seconds: 0n, nanoseconds: WALL_RESOLUTION_NS }),
});

/** Cells live in UTC: nothing of the machine's place shows. */
export const timezone: object = Object.freeze({
  display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
  utcOffset: () => 0,
});
