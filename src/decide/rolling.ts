/**
 * How many replicas each side of a rolling rollout has.
 *
 * O1 What serves gives replicas away not before the weights that follow from it are in force; while they are on their
 *    way it keeps what it has. `maxUnavailable` of them it gives up beforehand, while the next ones are on their way.
 * O2 At least one of what serves stays until the switch: there is always something to go back to.
 * O3 Both sides together are never more than `maxSurge` above what is wanted: where replicas may be missing, none is
 *    started before those whose place it takes have ended.
 */
import type { EntryKey } from '../model/component.ts';
import type { Candidate, Release } from '../model/memory.ts';
import type { GroupId } from '../model/snapshot.ts';
import type { EntryDraft } from './memory.ts';
import { fullCount } from './scaling.ts';
import { stepOf } from './steps.ts';
import { groupOf, isInForce, type World } from './world.ts';

/** How many of what serves are to stand beside a rolling candidate; undefined: all. */
export function standing(world: World, key: EntryKey, entry: EntryDraft): number | undefined {
  const { serving, candidate } = entry;
  if (!serving || !candidate) return undefined;
  const { strategy } = candidate.release.entry.rollout.settings;
  if (strategy.type !== 'Rolling' || !isRollingOut(candidate)) return undefined;
  const all = fullCount(entry, serving.release);
  const missing = isBetweenSteps(candidate) ? (strategy.maxUnavailable ?? 0) : 0;
  const left = Math.max(1, Math.round((all * (100 - candidate.weight)) / 100) - missing);
  if (isInForce(world)) return left;
  return Math.max(left, Math.min(all, running(entry, groupOf(key, serving.release))));
}

/** How many the candidate is to have now; undefined: all. */
export function standingCandidate(key: EntryKey, entry: EntryDraft): number | undefined {
  const { serving, candidate } = entry;
  if (!candidate) return undefined;
  const replicas = candidate.replicas === undefined ? undefined : atScale(entry, candidate.release, candidate.replicas);
  if (!serving || !isRollingOut(candidate)) return replicas;
  const { strategy } = candidate.release.entry.rollout.settings;
  if (strategy.type !== 'Rolling' || !strategy.maxUnavailable) return replicas;
  const group = groupOf(key, serving.release);
  const beside = entry.replicas.filter((replica) => replica.group === group).length;
  const full = fullCount(entry, candidate.release);
  const all = Math.max(full, fullCount(entry, serving.release));
  const present = running(entry, groupOf(key, candidate.release));
  return Math.max(present, Math.min(replicas ?? full, all + strategy.maxSurge - beside));
}

/** Its steps count in `minReplicas`: where load asks for more, each of them is as much of more. */
export function atScale(entry: EntryDraft, release: Release, replicas: number): number {
  return Math.ceil((replicas * fullCount(entry, release)) / Math.max(1, release.entry.scaling.minReplicas));
}

/** It has a share, or walks towards its first one replica by replica: not at once, as an emergency does. */
function isRollingOut({ state, replicas }: Candidate): boolean {
  return state === 'Canary' || ((state === 'Warming' || state === 'Ready') && replicas !== undefined);
}

/** More replicas are asked for than its present share stands on. */
function isBetweenSteps(candidate: Candidate): boolean {
  return candidate.state !== 'Canary' || candidate.replicas !== stepOf(candidate)?.replicas;
}

/** Asked for and not asked to stop. */
export function running({ replicas }: EntryDraft, group: GroupId): number {
  return replicas.filter((replica) => replica.group === group && !replica.stopping && !replica.parked).length;
}
