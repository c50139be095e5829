/**
 * How a candidate loses its traffic before its switch. Most lose it in the decision that takes them down, because what
 * serves still has all its replicas. A rolling one has taken some of their places: its share goes back only as fast as
 * they come back, so that nothing is sent to replicas that are not there.
 *
 * B1 A hard stop waits for nothing: what serves has at least one replica, and a queue is better than a broken answer.
 * B2 A share on its way back never rises, ends with its last ready replica, and has a deadline.
 */
import type { EntryKey } from '../model/component.ts';
import type { Leaving, Release } from '../model/memory.ts';
import { samplesOf } from './context.ts';
import { changesData } from './data.ts';
import { fullCount } from './scaling.ts';
import { runsAlone } from './singleton.ts';
import { isRolling } from './steps.ts';
import { entryOf, readyCount, type World } from './world.ts';

/** What serves gets its replicas back by then, or goes on with those that it has. */
export const RETREAT_DEADLINE_MS = 10_000;

/** The attempt is over, whatever ended it. */
export function takeDown(world: World, key: EntryKey, { atOnce = false } = {}): void {
  const entry = entryOf(world, key);
  const { candidate } = entry;
  entry.candidate = undefined;
  if (candidate && !atOnce) leave(world, key, candidate.release, candidate.weight);
}

/** A release that had `weight` percent of the traffic, and has it no longer by right. */
export function leave(world: World, key: EntryKey, release: Release, weight: number): void {
  // Where only one may run, there is nothing to go back slowly from.
  const entry = entryOf(world, key);
  if (weight === 0 || !isRolling(release) || runsAlone(entry)) return;
  // What it writes is set aside: it gets no request more than it must.
  if (changesData(entry, release)) return;
  entry.leaving = { release, weight, sinceMs: world.memory.clockMs };
}

/** Once in each decision, before the routes are made from it. */
export function retreat(world: World): void {
  if (!world.observed.engine) return;
  for (const [key, entry] of world.entries) {
    if (!entry.leaving) continue;
    const weight = weightLeft(world, key, entry.leaving, entry.serving?.release);
    entry.leaving = weight > 0 ? { ...entry.leaving, weight } : undefined;
  }
}

function weightLeft(world: World, key: EntryKey, { release, weight, sinceMs }: Leaving, serving: Release | undefined) {
  if (!serving || serving.revision === release.revision) return 0;
  const { consecutiveErrors } = release.entry.rollout.settings.gate.hardStops;
  const run = samplesOf(world, release.release)?.consecutiveFailures ?? 0;
  if (run >= consecutiveErrors || readyCount(world, key, release) === 0) return 0;
  if (world.memory.clockMs - sinceMs >= RETREAT_DEADLINE_MS) return 0;
  const wanted = fullCount(entryOf(world, key), serving);
  const ready = Math.min(wanted, readyCount(world, key, serving));
  return Math.min(weight, 100 - Math.floor((100 * ready) / wanted));
}
