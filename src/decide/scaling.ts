/**
 * How many replicas an entry is to have, from the calls that it has in flight: more at once, fewer when less was enough
 * for a while.
 *
 * P1 The number stays within `scaling`, and within it follows the load of the entry as a whole: of what serves and of what
 *    is being tried together, so that a rollout changes shares and not the number.
 * P2 It never falls before the load was lower for `scaleDownAfter`, and then to the highest that was asked for meanwhile.
 * P3 It is 0 only where `minReplicas` is, where nothing called the entry for that time, and where nothing of it is being
 *    tried or watched: then one is parked, and the engine starts it with the first call, whoever else is away.
 * P4 While the engine is away, or has not said how much there is to do, it stays.
 */
import type { EntryKey } from '../model/component.ts';
import type { ReplicaPhase } from '../model/engine.ts';
import type { EntryMemory, Release } from '../model/memory.ts';
import { replicasFor, type ScaleMemory, type Scaling } from '../model/scaling.ts';
import type { ScalingStatus } from '../model/status.ts';
import { keep, type EntryDraft } from './memory.ts';
import { firingsOf } from './schedule/calls.ts';
import { groupOf, readyCount, replicasOf, type World } from './world.ts';

/** Phases of one that a call starts, before it is ready. */
const ON_CALL: ReadonlySet<ReplicaPhase> = new Set(['Parked', 'Starting', 'Warming']);

/** Replicas of a release at its full share. */
export function fullCount({ scale }: Pick<EntryMemory, 'scale'>, { entry }: Pick<Release, 'entry'>): number {
  return Math.max(1, clamp(entry.scaling, scale?.wanted ?? 0));
}

/** P3. */
export function isParked(entry: EntryMemory): boolean {
  const { scale, serving, candidate, leaving, judging, paused } = entry;
  if (scale?.wanted !== 0 || !serving || candidate || leaving || judging || paused) return false;
  return serving.bake?.state !== 'Watching';
}

/** Once in each decision, before cells are arranged. */
export function followLoad(world: World): void {
  if (!world.observed.engine) return;
  for (const [key, entry] of world.entries) {
    const woken = noteWoken(world, key, entry);
    const scaling = entry.serving?.release.entry.scaling;
    if (!scaling || !isRange(scaling)) {
      if (entry.scale) entry.scale = undefined;
      continue;
    }
    const asked = askedFor(world, key, entry);
    // Seen ready before its calls were counted: it is there because of one.
    const needed = woken && asked !== undefined ? Math.max(1, asked) : asked;
    const next = nextScale(scaling, needed, entry.scale, world.memory.clockMs);
    entry.scale = entry.scale ? keep(entry.scale, next) : next;
  }
}

/** Seen ready, it is a replica as any other. `true`: that is now. */
function noteWoken(world: World, key: EntryKey, entry: EntryDraft): boolean {
  if (!entry.replicas.some(({ parked }) => parked)) return false;
  const phases = new Map(world.engine.replicasOf(key).map(({ id, phase }) => [id, phase]));
  let woken = false;
  entry.replicas = entry.replicas.map((replica) => {
    const phase = phases.get(replica.id);
    if (!replica.parked || phase === undefined || ON_CALL.has(phase)) return replica;
    woken ||= phase === 'Ready' && !replica.stopping;
    const { parked: _, ...rest } = replica;
    return rest;
  });
  return woken;
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
  const wanted = clamp(scaling, before?.wanted ?? 1);
  if (asked === undefined) return { ...before, wanted };
  const needed = clamp(scaling, asked);
  // 0 is asked for where nothing came for the time: it has been waited for.
  if (needed >= wanted || needed === 0) return { wanted: needed };
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
    parked: replicasOf(world, key, groupOf(key, serving.release)).filter(({ phase }) => phase === 'Parked').length,
    inFlight: Math.round(10 * inFlightOf(world, key)) / 10,
  };
}

/** Of all its cells: of what serves and of what is being tried. */
function inFlightOf(world: World, key: EntryKey): number {
  return world.engine.loadsOf(key).reduce((sum, load) => sum + load.inFlight, 0);
}

/** P1, P3, P4. */
function askedFor(world: World, key: EntryKey, { serving, replicas, scale }: EntryMemory): number | undefined {
  const loads = world.engine.loadsOf(key);
  if (loads.length === 0 || !serving) return undefined;
  const { scaling, members } = serving.release.entry;
  const asked = replicasFor(inFlightOf(world, key), members[0].limits.concurrency);
  if (asked > 0 || scaling.minReplicas > 0) return asked;
  if (isCalledByClock(world, key) || isWoken(world, key, replicas)) return 1;
  const idleMs = Math.min(...loads.map((load) => load.idleMs));
  // What is parked stays so until it is called, also in another engine, which has just begun to look.
  return scale?.wanted === 0 || idleMs >= (scaling.scaleDownAfterMs ?? 0) ? 0 : 1;
}

/** A firing waits for a replica, or is under way. */
function isCalledByClock(world: World, key: EntryKey): boolean {
  const waits = Object.values(world.memory.schedules ?? {}).some(
    ({ entry, due }) => entry === key && due !== undefined,
  );
  return waits || firingsOf(world, key).length > 0;
}

function isWoken(world: World, key: EntryKey, replicas: EntryMemory['replicas']): boolean {
  const awake = new Set(
    world.engine.replicasOf(key).flatMap(({ id, phase }) => (phase === 'Parked' || phase === 'Ended' ? [] : [id])),
  );
  return replicas.some(({ id, parked, stopping }) => parked === true && !stopping && awake.has(id));
}

function clamp({ minReplicas, maxReplicas }: Scaling, count: number): number {
  return Math.min(Math.max(minReplicas, count), Math.max(1, maxReplicas));
}
