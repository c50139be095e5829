/**
 * Which replicas should run, compared with those that do. Level-triggered: every decision compares all of it, so a lost
 * start or stop is simply decided again.
 *
 * R1 Nothing is stopped while the snapshot in force may still send it requests.
 * R2 A replica's id is given out once and never again.
 * R3 What serves starts before anything else does.
 * R4 Beside a singleton nothing of its entry runs (singleton.ts): what goes is waited for, what is held is in its mailbox.
 * R5 Replicas of another token, of another toolchain's bundles, or over their processor time are replaced one by one, each after the new one is ready.
 * R6 Of what is parked nothing runs, and nothing of it is stopped before what a call can start is there.
 */
import { hashOfJson } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import type { EntryKey } from '../model/component.ts';
import type { Action, CellPlan } from '../model/decision.ts';
import type { ReplicaObserved } from '../model/engine.ts';
import type { CandidateState, Release, ReplicaMemory } from '../model/memory.ts';
import type { GroupId } from '../model/snapshot.ts';
import { changesData, dataPlanOf, isMigrating } from './data.ts';
import { isolationOf } from './isolation.ts';
import { withCandidate, type EntryDraft } from './memory.ts';
import { isOutdated, regressionOf } from './pins.ts';
import { fullCount, isParked } from './scaling.ts';
import { firingsOf, isIdle } from './schedule/calls.ts';
import { holdsRequests, isAlone, isHandingOver, isSingleton, runsAlone } from './singleton.ts';
import { running, standing, standingCandidate } from './rolling.ts';
import { isRolling } from './steps.ts';
import { nextStartMs } from './supervise.ts';
import { entryOf, groupOf, isInForce, type World } from './world.ts';

const DEFAULT_DRAIN_MS = 30_000;
/** States of a candidate in which its cells run. */
const STARTED: ReadonlySet<CandidateState> = new Set(['Warming', 'Ready', 'Canary']);

interface Wanted {
  readonly release: Release;
  readonly count: number;
  /** Replicas with another token are replaced one by one; undefined: any will do. */
  readonly token: string | undefined;
  readonly purpose: 'serving' | 'candidate' | 'warm';
  /** Without a process. */
  readonly parked?: boolean;
}

/** Starts, stops and forgets for all entries; returns the soonest time on `clockMs` at which a start is due. */
export function arrangeCells(world: World): number | undefined {
  const { engine } = world.observed;
  if (!engine) return undefined;
  const live = new Map(engine.replicas.map((replica) => [replica.id, replica]));
  noteIds(world, engine.replicas);
  adoptOrphans(world);
  const starts: (Extract<Action, { type: 'Start' }> & { readonly purpose: Wanted['purpose'] })[] = [];
  let dueMs: number | undefined;
  for (const key of [...world.entries.keys()].sort()) {
    const entry = entryOf(world, key);
    const wanted = wantedOf(world, key, entry);
    for (const want of wanted.values()) {
      const due = fill(world, key, want, live, (action) => starts.push({ ...action, purpose: want.purpose }));
      if (due !== undefined) dueMs = Math.min(dueMs ?? due, due);
    }
    stopUnwanted(world, key, wanted, live);
  }
  const serving = starts.filter(({ purpose }) => purpose === 'serving');
  const chosen = serving.length > 0 ? serving : starts;
  for (const { purpose: _, ...action } of chosen) world.actions.push(action);
  if (chosen.length < starts.length)
    unask(
      world,
      starts.filter((start) => !chosen.includes(start)).map(({ replica }) => replica),
    );
  stopOrphans(world, engine.replicas);
  return dueMs;
}

/** Serving, candidate and what is kept warm, one line per group: releases that share their cells share the line. */
function wantedOf(world: World, key: EntryKey, entry: EntryDraft): ReadonlyMap<GroupId, Wanted> {
  const wanted = new Map<GroupId, Wanted>();
  const add = (release: Release, purpose: Wanted['purpose'], token: string | undefined, most?: number) => {
    const group = groupOf(key, release);
    const count = Math.max(1, most ?? fullCount(entry, release), wanted.get(group)?.count ?? 0);
    wanted.set(group, { purpose, token, release, ...wanted.get(group), count });
  };
  const restartToken = entry.desired?.restartToken;
  const { serving, candidate, leaving } = entry;
  const first = candidate && isMigrating(candidate) ? 1 : undefined;
  if (runsAlone(entry)) {
    const one = theOne(world, key, entry);
    if (one)
      add(
        one.release,
        one.purpose,
        tokenOf(one.release, restartToken),
        one.purpose === 'candidate' ? first : undefined,
      );
    return wanted;
  }
  if (serving && !isIdle(world, key, entry)) {
    const group = groupOf(key, serving.release);
    const token = tokenOf(serving.release, restartToken);
    if (isParked(entry))
      wanted.set(group, { purpose: 'serving', token, release: serving.release, count: 1, parked: true });
    else add(serving.release, 'serving', token, standing(world, key, entry));
  }
  // What is on its way out keeps what it has; nothing new is started beside it.
  const left = leaving ? running(entry, groupOf(key, leaving.release)) : 0;
  if (leaving && left > 0) add(leaving.release, 'warm', undefined, left);
  if (candidate && !leaving && STARTED.has(candidate.state)) {
    add(
      candidate.release,
      'candidate',
      tokenOf(candidate.release, restartToken),
      first ?? standingCandidate(key, entry),
    );
  }
  // A rolling release has taken their places: one is kept, so that there is something to go back to at once.
  const isOne = serving?.bake !== undefined && isRolling(serving.release);
  for (const release of entry.warm)
    add(release, 'warm', undefined, isOne && !changesData(entry, release) ? 1 : warmCount(key, entry, release));
  return wanted;
}

/** What it had when it served, and no more of it. */
function warmCount(key: EntryKey, entry: EntryDraft, release: Release): number {
  const present = running(entry, groupOf(key, release));
  return Math.max(release.entry.scaling.minReplicas, Math.min(present, fullCount(entry, release)));
}

/** R4: who may run now; nobody between the end of one and the start of the next. */
function theOne(world: World, key: EntryKey, entry: EntryDraft): Pick<Wanted, 'release' | 'purpose'> | undefined {
  const { serving, candidate } = entry;
  if (candidate && isHandingOver(entry)) {
    return !STARTED.has(candidate.state) ? undefined : { release: candidate.release, purpose: 'candidate' };
  }
  if (serving && !isIdle(world, key, entry)) return { release: serving.release, purpose: 'serving' };
  const isStarted = candidate && STARTED.has(candidate.state);
  return isStarted ? { release: candidate.release, purpose: 'candidate' } : undefined;
}

/** What a replica is started with besides its revision; a change replaces replicas without a rollout. */
function tokenOf({ entry }: Release, restartToken: string | undefined): string {
  return hashOfJson({ token: restartToken ?? entry.restartToken, probes: entry.probes as unknown as Json }).slice(
    0,
    16,
  );
}

function planOf(world: World, key: EntryKey, release: Release, token: string | undefined): CellPlan {
  const [first] = release.entry.members;
  const group = groupOf(key, release);
  const entry = entryOf(world, key);
  const pinned = regressionOf(world, entry, group) && entry.bundles![group]!.digests;
  return {
    group,
    entry: key,
    revision: release.revision,
    members: release.entry.members,
    limits: first.limits,
    isolation: isolationOf(release.entry.members),
    probes: release.entry.probes,
    restartToken: token ?? tokenOf(release, undefined),
    ...dataPlanOf(entry, release),
    ...(pinned ? { bundles: pinned } : {}),
  };
}

/** Starts what is missing, asks again for what the engine does not know, replaces what has an old token. */
function fill(
  world: World,
  key: EntryKey,
  want: Wanted,
  live: ReadonlyMap<string, ReplicaObserved>,
  start: (action: Extract<Action, { type: 'Start' }>) => void,
): number | undefined {
  const entry = entryOf(world, key);
  const parked = want.parked === true ? ({ parked: true } as const) : {};
  const plan = { ...planOf(world, key, want.release, want.token), ...parked };
  const [mine, others] = ofKind(entry, plan, live);
  for (const replica of mine) {
    if (live.has(replica.id)) continue;
    const cell = { ...plan, restartToken: replica.token };
    start({ type: 'Start', replica: replica.id, cell, why: 'the engine does not know it yet' });
  }
  const alone = runsAlone(entry);
  const stale = mine.filter((replica) => {
    if (replica.recycled || (want.token !== undefined && replica.token !== want.token)) return true;
    const seen = live.get(replica.id);
    // A singleton would have to end first: it gets the newest bundles with its next start.
    return !alone && want.purpose === 'serving' && seen !== undefined && isOutdated(world, entry, want.release, seen);
  });
  if (alone && stale.length > 0 && isInForce(world)) {
    return void stop(world, key, stale, 'replaced by a newer one, which starts when it has ended', live);
  }
  const there = mine.filter(isThere(want, live));
  const allReady = there.length === mine.length;
  if (there.length >= want.count && others.length > 0) {
    stop(world, key, others, want.parked ? 'nothing called it for a while' : 'it is not needed any more', live);
  }
  const missing = want.count - mine.length + (stale.length > 0 && allReady && mine.length <= want.count ? 1 : 0);
  if (missing <= 0) return void stopSurplus(world, key, want, mine, stale, live);
  if (alone && !isRoomFor(world, key, plan.group)) return undefined;

  // A migration that was begun and did not end is taken up by nobody (states.ts ends it).
  if (plan.migrate && entry.candidate?.copy?.replica !== undefined) return undefined;
  const { supervision } = want.release.entry;
  const { clockMs } = world.memory;
  const dueMs = nextStartMs(entry.failures, plan.group, supervision, clockMs, world.memory.nextReplica);
  if (dueMs > clockMs) return dueMs;
  for (let count = 0; count < missing; count++) {
    const id = `${plan.group}#${world.memory.nextReplica}`;
    world.memory.nextReplica += 1;
    const one = isSingleton(want.release.entry) ? { isSingleton: true as const } : {};
    const replica = { id, group: plan.group, token: plan.restartToken, stopping: false, ...one, ...parked };
    entry.replicas = [...entry.replicas, replica];
    if (plan.migrate) withCandidate(entry, { copy: { ...entry.candidate!.copy!, replica: id } });
    start({ type: 'Start', replica: id, cell: plan, why: whyStarted(want, mine.length) });
  }
  return undefined;
}

function whyStarted({ purpose, count, parked }: Wanted, present: number): string {
  return parked ? 'parked: the first call starts it' : `${purpose}: ${present} of ${count} run`;
}

/** Of a group: those of the kind that is wanted, with a process or without, and the others. */
function ofKind(
  { replicas }: EntryDraft,
  { group, parked }: Pick<CellPlan, 'group' | 'parked'>,
  live: ReadonlyMap<string, ReplicaObserved>,
): readonly [readonly ReplicaMemory[], readonly ReplicaMemory[]] {
  const all = replicas.filter((replica) => replica.group === group && !replica.stopping);
  const isKind = ({ id, parked: asked }: ReplicaMemory) =>
    (asked === true && (live.get(id)?.phase ?? 'Parked') === 'Parked') === (parked === true);
  return [all.filter(isKind), all.filter((replica) => !isKind(replica))];
}

function isThere({ parked }: Wanted, live: ReadonlyMap<string, ReplicaObserved>) {
  return ({ id }: ReplicaMemory): boolean => live.get(id)?.phase === (parked ? 'Parked' : 'Ready');
}

/** R4: whatever else ran for this entry has ended, and so has what is being replaced. */
function isRoomFor(world: World, key: EntryKey, group: GroupId): boolean {
  return isAlone(world, key, group) && entryOf(world, key).replicas.every(({ stopping }) => !stopping);
}

/** Starts that wait for serving's own are not asked for yet: their numbers are lost, which harms nobody. */
function unask(world: World, ids: readonly string[]): void {
  for (const entry of world.entries.values()) {
    if (entry.replicas.some(({ id }) => ids.includes(id)))
      entry.replicas = entry.replicas.filter(({ id }) => !ids.includes(id));
    const copy = entry.candidate?.copy;
    if (copy?.replica !== undefined && ids.includes(copy.replica))
      withCandidate(entry, { copy: { ...copy, replica: undefined } });
  }
}

function stopSurplus(
  world: World,
  key: EntryKey,
  want: Wanted,
  mine: readonly ReplicaMemory[],
  stale: readonly ReplicaMemory[],
  live: ReadonlyMap<string, ReplicaObserved>,
): void {
  if (mine.length <= want.count) return;
  const isReady = isThere(want, live);
  // Never the old before the new is ready, and never the new one while it warms: that would go round for ever.
  const enough = mine.filter(isReady).length;
  const old = stale.length > 0 ? stale : mine;
  const idle = old.find((replica) => !isReady(replica) && enough >= want.count);
  // Replaced ones go one by one; what is too many goes at once.
  const most = stale.length > 0 ? Math.min(1, enough - want.count) : enough - want.count;
  const victims = idle ? [idle] : old.filter(isReady).slice(0, Math.max(0, most));
  if (victims.length === 0) return;
  stop(world, key, victims, stale.length > 0 ? 'replaced by a newer one' : 'more replicas than wanted', live);
}

function stopUnwanted(
  world: World,
  key: EntryKey,
  wanted: ReadonlyMap<GroupId, Wanted>,
  live: ReadonlyMap<string, ReplicaObserved>,
): void {
  const asked = new Set(world.actions.map((action) => (action.type === 'Stop' ? action.replica : undefined)));
  const gone = entryOf(world, key).replicas.filter(
    (replica) => !asked.has(replica.id) && (!wanted.has(replica.group) || replica.stopping),
  );
  // What is held for a singleton needs no other replica: the mailbox is in force (R4).
  const entry = entryOf(world, key);
  const isHeld = holdsRequests(entry) && isInForce(world);
  const free = gone.filter((replica) => replica.stopping || isHeld || isOutOfRoutes(world, replica.group));
  stop(world, key, free, 'nothing wants it any more', live);
}

/** R1: the engine has the snapshot decided last, and that does not name the group. */
function isOutOfRoutes(world: World, group: GroupId): boolean {
  return isInForce(world) && !world.memory.snapshot.groups.includes(group);
}

function stop(
  world: World,
  key: EntryKey,
  replicas: readonly ReplicaMemory[],
  why: string,
  live: ReadonlyMap<string, ReplicaObserved>,
): void {
  if (replicas.length === 0) return;
  const entry = entryOf(world, key);
  const deadlineMs = Math.max(entry.desired?.drainDeadlineMs ?? DEFAULT_DRAIN_MS, firingsLeftMs(world, key, replicas));
  const ids = new Set(replicas.map(({ id }) => id));
  for (const id of ids) {
    const phase = live.get(id)?.phase;
    if (phase === undefined || phase === 'Draining' || phase === 'Ended') continue;
    world.actions.push({ type: 'Stop', replica: id, deadlineMs, why });
  }
  if (replicas.every((replica) => replica.stopping)) return;
  entry.replicas = entry.replicas.map((replica) => (ids.has(replica.id) ? { ...replica, stopping: true } : replica));
}

/** A firing in flight ends on its own release: its cell drains for as long as it may still run. */
function firingsLeftMs(world: World, key: EntryKey, replicas: readonly ReplicaMemory[]): number {
  const groups = new Set(replicas.map(({ group }) => group));
  const left = firingsOf(world, key)
    .filter(({ group, stopping }) => groups.has(group) && stopping === undefined)
    .map(({ startedMs, deadlineMs }) => startedMs + deadlineMs - world.memory.clockMs);
  return Math.max(0, ...left);
}

/** R2 after a lost journal: no number that the engine has seen is given out again. */
function noteIds(world: World, replicas: readonly ReplicaObserved[]): void {
  for (const { id } of replicas) {
    const number = Number(id.slice(id.lastIndexOf('#') + 1));
    if (Number.isSafeInteger(number) && number >= world.memory.nextReplica) world.memory.nextReplica = number + 1;
  }
}

/** After a lost journal: replicas of a wanted group go on under this memory instead of being started twice. */
function adoptOrphans(world: World): void {
  const known = knownIds(world);
  for (const [key, entry] of world.entries) {
    const unknown = world.engine
      .replicasOf(key)
      .filter(({ id, phase }) => !known.has(id) && phase !== 'Ended' && phase !== 'Draining');
    if (unknown.length === 0) continue;
    const wanted = wantedOf(world, key, entry);
    const found = unknown.filter(({ group }) => wanted.has(group));
    if (found.length === 0) continue;
    const adopted = found.map(({ id, group, restartToken, phase }): ReplicaMemory => ({
      id,
      group,
      token: restartToken,
      stopping: false,
      ...(phase === 'Parked' ? { parked: true } : {}),
    }));
    entry.replicas = [...entry.replicas, ...adopted];
  }
}

function stopOrphans(world: World, replicas: readonly ReplicaObserved[]): void {
  const known = knownIds(world);
  const ended = replicas.filter(({ id, phase }) => phase === 'Ended' && !known.has(id)).map(({ id }) => id);
  if (ended.length > 0)
    world.actions.push({ type: 'Forget', replicas: ended, why: 'they ended and that is written down' });
  for (const { id, group, phase } of replicas) {
    if (known.has(id) || phase === 'Ended' || phase === 'Draining' || !isOutOfRoutes(world, group)) continue;
    world.actions.push({ type: 'Stop', replica: id, deadlineMs: DEFAULT_DRAIN_MS, why: 'no memory of it' });
  }
}

function knownIds(world: World): ReadonlySet<string> {
  return new Set([...world.entries.values()].flatMap((entry) => entry.replicas.map(({ id }) => id)));
}
