/**
 * Singletons: one instance and never two, also while one release takes over from another. It is the one place where the
 * old ends before the new serves (docs/rollouts.md §4): the mailbox holds what comes, what serves drains, shuts down and
 * ends, then the new one starts. A rollback is the same the other way round.
 *
 * M1 No replica of the entry is started while another one of it has not ended.
 * M2 The mailbox of its rules is in force before the first replica is stopped for another: nothing is refused for it.
 * M3 A pause ends: each of its states has a deadline, the first failure of the new release ends it, and whatever holds
 *    the rollout (suspend, a freeze window, an invalid document) hands the mailbox back.
 */
import type { EntryKey } from '../model/component.ts';
import type { DesiredEntry } from '../model/desired.ts';
import type { Candidate, EntryMemory, Release } from '../model/memory.ts';
import type { GroupId } from '../model/snapshot.ts';
import { migrates } from './data.ts';
import type { World } from './world.ts';

type Runs = Pick<EntryMemory, 'serving' | 'candidate' | 'warm' | 'replicas' | 'data' | 'left'>;
type Known = Pick<EntryMemory, 'serving' | 'warm' | 'data' | 'left'>;

export function isSingleton({ members }: Pick<DesiredEntry, 'members'>): boolean {
  return members[0].instancePolicy === 'Singleton';
}

/**
 * Something of this entry must have no other beside it. What it goes back to counts: a rollback may not overlap either;
 * and so does a replica that has not ended, whatever became of its release.
 */
export function runsAlone(entry: Runs): boolean {
  const { serving, candidate, warm, replicas } = entry;
  // A migration is of what nobody writes to any more.
  if (candidate && migrates(entry, candidate.release) && isHandingOver(entry)) return true;
  const releases = [serving?.release, candidate?.release, ...warm];
  if (replicas.some(({ isSingleton: alone }) => alone === true)) return true;
  return releases.some((release) => release !== undefined && isSingleton(release.entry));
}

/**
 * The release would take over from other cells, and the two must not run at a time: one of them must be alone, or they
 * write their data in different forms. No steps, but a pause.
 */
export function takesOver(entry: Known, release: Release): boolean {
  const { serving } = entry;
  if (!serving || serving.release.revision === release.revision) return false;
  return isSingleton(serving.release.entry) || isSingleton(release.entry) || migrates(entry, release);
}

/** The mailbox is paused: what served is on its way out, or gone. */
export function isHandingOver(entry: Known & Pick<EntryMemory, 'candidate'>): boolean {
  const { candidate } = entry;
  return candidate !== undefined && takesOver(entry, candidate.release) && PAUSED.has(candidate.state);
}

/** Requests for it may wait while no replica of it is there: it is alone, or was stopped for a migration. */
export function holdsRequests(entry: Runs & Pick<EntryMemory, 'paused'>): boolean {
  return runsAlone(entry) || entry.paused === true;
}

const PAUSED: ReadonlySet<Candidate['state']> = new Set(['Handover', 'Copying', 'Warming', 'Ready']);

/** No replica of the entry but those of `group` is left, as far as engine and memory know. */
export function isAlone(world: World, key: EntryKey, group: GroupId): boolean {
  const asked = world.entries.get(key)?.replicas ?? [];
  const running = world.observed.engine?.replicas ?? [];
  return (
    asked.every((replica) => replica.group === group) &&
    running.every((replica) => replica.phase === 'Ended' || replica.group === group || !isOf(key, replica.group))
  );
}

export function isOf(key: EntryKey, group: GroupId): boolean {
  return group.startsWith(`${key}@`);
}

/** The longest that a mailbox waits: what serves drains, then the new release has one try. */
export function longestPauseMs(drainDeadlineMs: number, entry: DesiredEntry, defaultReadinessMs: number): number {
  return drainDeadlineMs + oneTryMs(entry, defaultReadinessMs);
}

export function oneTryMs({ probes, members }: DesiredEntry, defaultReadinessMs: number): number {
  const { limits, state } = members[0];
  return limits.startTimeoutMs + (state?.migrateTimeoutMs ?? 0) + (probes.readiness?.deadlineMs ?? defaultReadinessMs);
}
