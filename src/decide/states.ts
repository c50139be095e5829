/**
 * The states of a candidate on its way to `Ready`, as a table: what it waits for, how long, and what happens when that
 * does not come. `Canary` and the bake have deadlines of their own (walk.ts, trials.ts): they depend on the step.
 */
import type { CandidateState } from '../model/memory.ts';
import type { EntryKey } from '../model/component.ts';
import type { Preparation } from '../model/observed.ts';
import type { Problem } from '../model/problem.ts';
import { formatDuration } from '../kit/units.ts';
import { needsNoFetch, type EntryContext } from './context.ts';
import { migrates, othersWith, unreadable } from './data.ts';
import { fact } from './gate/hard-stops.ts';
import { failed, refused, waiting, waitingFor, type Ending } from './ends.ts';
import type { EntryDraft } from './memory.ts';
import { isAlone, oneTryMs, takesOver } from './singleton.ts';
import { groupOf, readyCount, replicasOf, type World } from './world.ts';

export const FETCH_DEADLINE_MS = 600_000;
export const PREPARE_DEADLINE_MS = 300_000;
/** Of a few gigabytes on a slow disk; requests wait for it as long as their own deadlines let them. */
export const COPY_DEADLINE_MS = 300_000;
export const PARTY_DEADLINE_MS = 900_000;
/** The engine ends a replica that is not ready by its own deadline; this one is for an engine that does not say so. */
const WARMING_SLACK_MS = 30_000;
export const DEFAULT_READINESS_MS = 30_000;
const DEFAULT_DRAIN_MS = 30_000;

export type Edge = { readonly to: CandidateState } | { readonly end: Ending } | undefined;

export interface StateRow {
  readonly state: CandidateState;
  /** The edge that can be taken now. */
  next(step: StateContext): Edge;
  /** How long it may stay; undefined: what it waits for has a deadline of its own (a slot). */
  readonly deadlineMs?: (step: StateContext) => number;
  /** The failure edge. */
  readonly late?: (step: StateContext, elapsed: string) => Ending | undefined;
}

export interface StateContext {
  readonly context: EntryContext;
  readonly world: World;
  readonly key: EntryKey;
  readonly entry: EntryDraft;
  readonly candidate: NonNullable<EntryDraft['candidate']>;
  readonly preparation: Preparation | undefined;
  readonly slot: boolean;
  /** It goes first and needs no admission: it was admitted before and its bytes are local. */
  readonly fast: boolean;
}

export const STATES: readonly StateRow[] = [
  {
    state: 'Pending',
    next: ({ slot, fast, context, key, entry, candidate }) => {
      const unread = unreadable(key, entry, candidate.release);
      if (unread) return { end: refused(unread) };
      if (!slot) return undefined;
      return { to: fast && needsNoFetch(context.world, context.wish.target!) ? 'Prepared' : 'Fetching' };
    },
  },
  {
    state: 'Fetching',
    next: ({ preparation }) => {
      if (preparation?.state === 'Failed') return { end: refusedOrWaiting(preparation.problem) };
      return preparation && preparation.state !== 'Fetching' ? { to: 'Verified' } : undefined;
    },
    deadlineMs: () => FETCH_DEADLINE_MS,
    late: (_, elapsed) => waiting(`its bytes did not come within ${elapsed}`, 'Waiting'),
  },
  {
    state: 'Verified',
    next: ({ preparation }) => {
      if (preparation?.state === 'Failed') return { end: refusedOrWaiting(preparation.problem) };
      return preparation?.state === 'Prepared' ? { to: 'Prepared' } : undefined;
    },
    deadlineMs: () => PREPARE_DEADLINE_MS,
    late: (_, elapsed) => waiting(`its preparation did not finish within ${elapsed}`, 'Waiting'),
  },
  {
    state: 'Prepared',
    // A singleton begins its pause when all others of its party are through: walk.ts says when.
    next: ({ world, key, entry, candidate }) => {
      if (takesOver(entry, candidate.release)) return undefined;
      if (!migrates(entry, candidate.release)) return { to: 'Warming' };
      return othersWith(world, key, candidate.release).length > 0 ? undefined : { to: 'Copying' };
    },
    deadlineMs: () => PREPARE_DEADLINE_MS,
    late: ({ world, key, entry, candidate }, elapsed) => {
      const others = migrates(entry, candidate.release) ? othersWith(world, key, candidate.release) : [];
      if (others.length === 0) return undefined;
      return waiting(`its stores were in use by ${others.join(', ')} for ${elapsed}`, 'Waiting');
    },
  },
  {
    state: 'Handover',
    next: ({ world, key, entry, candidate }) =>
      isAlone(world, key, groupOf(key, candidate.release))
        ? { to: migrates(entry, candidate.release) ? 'Copying' : 'Warming' }
        : undefined,
    deadlineMs: ({ entry }) => drainOf(entry) + WARMING_SLACK_MS,
    late: (_, elapsed) => waiting(`what serves did not end within ${elapsed}; its mailbox is handed back`, 'Waiting'),
  },
  {
    state: 'Copying',
    next: ({ candidate: { copy } }) => {
      if (copy?.problem) return { end: refusedOrWaiting(copy.problem) };
      return copy?.isThere ? { to: 'Warming' } : undefined;
    },
    deadlineMs: () => COPY_DEADLINE_MS,
    late: (_, elapsed) => waiting(`its stores were not copied within ${elapsed}`, 'Waiting'),
  },
  {
    state: 'Warming',
    next: ({ world, key, entry, candidate }) => {
      if (isReadyAgain(world, key, candidate)) return { to: 'Ready' };
      return isInterrupted(entry, candidate) ? { end: waiting('its migration was interrupted', 'Waiting') } : undefined;
    },
    deadlineMs: ({ entry, candidate }) => {
      const { supervision } = candidate.release.entry;
      // A mailbox that waits gets one try.
      const tries = takesOver(entry, candidate.release) ? 1 : 1 + supervision.maxRestarts;
      return oneTryMs(candidate.release.entry, DEFAULT_READINESS_MS) * tries + WARMING_SLACK_MS;
    },
    late: ({ candidate }, elapsed) =>
      failed(candidate.release, `not ready within ${elapsed}`, [
        fact('start', `not ready after ${elapsed}`, 'a ready replica before the deadline', 1),
      ]),
  },
  {
    state: 'Ready',
    next: ({ world, key, candidate }) =>
      readyCount(world, key, candidate.release) === 0 ? { to: 'Warming' } : undefined,
    deadlineMs: ({ entry, candidate }) =>
      migrates(entry, candidate.release)
        ? oneTryMs(candidate.release.entry, DEFAULT_READINESS_MS) + WARMING_SLACK_MS
        : PARTY_DEADLINE_MS,
    late: (_, elapsed) =>
      waiting(`the others of its group, or its other replicas, were not ready within ${elapsed}`, 'Waiting'),
  },
];

/** Enough ready replicas to take the first request; the weight rises by their number, not by their promise. */
function isReadyAgain(world: World, key: EntryKey, { release }: StateContext['candidate']): boolean {
  const replicas = replicasOf(world, key, groupOf(key, release));
  return replicas.some((replica) => replica.phase === 'Ready');
}

/** What was asked of the cells that serve when they were told to go. */
function drainOf({ desired }: EntryDraft): number {
  return desired?.drainDeadlineMs ?? DEFAULT_DRAIN_MS;
}

/** The replica that migrates is gone, and nobody saw it fail: half of a migration is never gone on with. */
function isInterrupted({ replicas }: EntryDraft, { copy }: StateContext['candidate']): boolean {
  if (!copy || copy.isMigrated || copy.replica === undefined) return false;
  return !replicas.some(({ id, stopping }) => id === copy.replica && !stopping);
}

function refusedOrWaiting(problem: Problem): Ending {
  if (problem.policy === 'Terminal') return refused(problem);
  return waitingFor(`${problem.code}: ${problem.message}`, problem.remedy);
}

export function deadlineEnding(row: StateRow, step: StateContext): Ending | undefined {
  const deadlineMs = row.deadlineMs?.(step);
  if (deadlineMs === undefined || !row.late) return undefined;
  const elapsedMs = step.world.memory.clockMs - step.candidate.sinceMs;
  return elapsedMs >= deadlineMs ? row.late(step, formatDuration(elapsedMs)) : undefined;
}
