import { hashOfJson } from '../kit/digest.ts';
import type { Supervision } from '../model/component.ts';
import type { ReplicaFailure } from '../model/memory.ts';
import type { GroupId } from '../model/snapshot.ts';

export function failuresWithin(
  failures: readonly ReplicaFailure[],
  group: GroupId,
  clockMs: number,
  windowMs: number,
): readonly ReplicaFailure[] {
  return failures.filter((failure) => failure.group === group && clockMs - failure.atMs <= windowMs);
}

/** More restarts within the window than the supervision allows: it will not get well by being started again. */
export function isCrashLoop(
  failures: readonly ReplicaFailure[],
  group: GroupId,
  supervision: Supervision,
  clockMs: number,
): boolean {
  const within = failuresWithin(failures, group, clockMs, supervision.windowMs);
  return within.filter((failure) => !failure.waiting).length > supervision.maxRestarts;
}

/** Failures older than this many times the longest back-off no longer count towards the delay. */
const FORGET_AFTER_BACKOFFS = 2;

/**
 * When the next replica of a group may be started, on `clockMs`: exponential back-off from the last failure, between
 * half and all of the delay, spread by the number that the replica will have so that many do not start at once.
 */
export function nextStartMs(
  failures: readonly ReplicaFailure[],
  group: GroupId,
  supervision: Supervision,
  clockMs: number,
  seed: number,
): number {
  const memoryMs = Math.max(supervision.windowMs, FORGET_AFTER_BACKOFFS * supervision.backoffMaxMs);
  const recent = failuresWithin(failures, group, clockMs, memoryMs);
  const last = recent.at(-1);
  if (!last) return clockMs;
  const doublings = Math.min(recent.length - 1, 30);
  const delayMs = Math.min(supervision.backoffMaxMs, supervision.backoffInitialMs * 2 ** doublings);
  return last.atMs + delayMs * (0.5 + 0.5 * fraction(group, seed));
}

/** A number in [0, 1) that is always the same for the same arguments: jitter without chance. */
export function fraction(name: string, seed: number): number {
  return Number.parseInt(hashOfJson([name, seed]).slice(0, 8), 16) / 2 ** 32;
}
