/** `wasi:clocks`: both clocks of the instance, and pollables that wait for the monotonic one. */
import type { Scope } from '../scope.ts';
import type { Clock, Datetime } from './ambient.ts';
import { Pollable } from './poll.ts';

/** What Node's clocks and timers tell apart, near enough. */
const WALL_RESOLUTION_NS = 1_000_000;
const MONOTONIC_RESOLUTION_NS = 1n;
const MAX_U64 = 2n ** 64n - 1n;

function timerPollable(scope: Scope, clock: Clock, instant: bigint): Pollable {
  const dueMs = clock.dueMs(instant);
  const ready = (): boolean => {
    if (performance.now() < dueMs) return false;
    clock.reached(instant);
    return true;
  };
  return new Pollable(scope, { ready, dueMs });
}

export function monotonicClock(scope: Scope, clock: Clock): object {
  return {
    now: () => clock.monotonicNs(),
    resolution: () => MONOTONIC_RESOLUTION_NS,
    subscribeInstant: (when: bigint) => timerPollable(scope, clock, when),
    subscribeDuration(duration: bigint) {
      const instant = clock.monotonicNs() + duration;
      return timerPollable(scope, clock, instant > MAX_U64 ? MAX_U64 : instant);
    },
  };
}

export function wallClock(clock: Clock): object {
  return {
    now: () => clock.wall(),
    resolution: (): Datetime => ({ seconds: 0n, nanoseconds: WALL_RESOLUTION_NS }),
  };
}

/** Cells live in UTC: nothing of the machine's place shows. */
export const timezone: object = Object.freeze({
  display: () => ({ utcOffset: 0, name: 'UTC', inDaylightSavingTime: false }),
  utcOffset: () => 0,
});
