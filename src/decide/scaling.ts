/**
 * How many replicas an entry is to have, from the calls that it has in flight: more at once, fewer when less was enough
 * for a while.
 *
 * P1 The number stays within `scaling`, and within it follows the load of the entry as a whole: of what serves and of what
 *    is being tried together, so that a rollout changes shares and not the number.
 * P2 It never falls before the load was lower for `scaleDownAfter`, and then to the highest that was asked for meanwhile.
 * P3 While the engine is away, or has not said how much there is to do, it stays.
 */
import type { EntryKey } from '../model/component.ts';
import type { EntryMemory, Release } from '../model/memory.ts';
import { replicasFor, type ScaleMemory, type Scaling } from '../model/scaling.ts';
import type { ScalingStatus } from '../model/status.ts';
import { keep } from './memory.ts';
import { readyCount, type World } from './world.ts';

/** Replicas of a release at its full share. */
export function fullCount({ scale }: Pick<EntryMemory, 'scale'>, { entry }: Pick<Release, 'entry'>): number {
  return clamp(entry.scaling, scale?.wanted ?? 0);
}

/** Once in each decision, before cells are arranged. */
export function followLoad(world: World): void {
  if (!world.observed.engine) return;
  for (const [key, entry] of world.entries) {
    const scaling = entry.serving?.release.entry.scaling;
    if (!scaling || !isRange(scaling)) {
      if (entry.scale) entry.scale = undefined;
      continue;
    }
    const next = nextScale(scaling, askedFor(world, key, entry), entry.scale, world.memory.clockMs);
    entry.scale = entry.scale ? keep(entry.scale, next) : next;
  }
}

export function isRange({ minReplicas, maxReplicas }: Scaling): boolean {
  return maxReplicas > minReplicas;
}

/** P2. `asked` undefined: nobody knows. */
export function nextScale(
  scaling: Scaling,
  asked: number | undefined,
  before: ScaleMemory | undefined,
  clockMs: number,
): ScaleMemory {
  const wanted = clamp(scaling, before?.wanted ?? 0);
  if (asked === undefined) return { ...before, wanted };
  const needed = clamp(scaling, asked);
  if (needed >= wanted) return { wanted: needed };
  const sinceMs = before?.fallingSinceMs ?? clockMs;
  const most = Math.max(before?.mostSince ?? 0, needed);
  if (clockMs - sinceMs < (scaling.scaleDownAfterMs ?? 0)) return { wanted, fallingSinceMs: sinceMs, mostSince: most };
  return needed < most ? { wanted: most, fallingSinceMs: clockMs, mostSince: needed } : { wanted: most };
}

/** For people. */
export function scalingOf(world: World, key: EntryKey, { serving, scale }: EntryMemory): ScalingStatus | undefined {
  const scaling = serving?.release.entry.scaling;
  if (!scaling || !scale) return undefined;
  return {
    min: scaling.minReplicas,
    max: scaling.maxReplicas,
    wanted: scale.wanted,
    ready: readyCount(world, key, serving.release),
    inFlight: Math.round(10 * inFlightOf(world, key)) / 10,
  };
}

/** Of all its cells: of what serves and of what is being tried. */
function inFlightOf(world: World, key: EntryKey): number {
  return world.engine.loadsOf(key).reduce((sum, load) => sum + load.inFlight, 0);
}

/** P1, P3. */
function askedFor(world: World, key: EntryKey, { serving }: Pick<EntryMemory, 'serving'>): number | undefined {
  if (world.engine.loadsOf(key).length === 0 || !serving) return undefined;
  return replicasFor(inFlightOf(world, key), serving.release.entry.members[0].limits.concurrency);
}

function clamp({ minReplicas, maxReplicas }: Scaling, count: number): number {
  return Math.min(Math.max(1, minReplicas, count), Math.max(1, maxReplicas));
}
