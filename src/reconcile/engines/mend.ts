/**
 * What engines lack of each other, and what one of them has too much. Pure; every look asks again, so an order that was
 * lost is given again.
 *
 * D1 A replica that lives on one engine is started on each that is to have it, as the very same: `decide` asked for it once.
 * D2 What nobody remembers how to start is let go of: `decide` asks for another.
 * D3 An orphan serves on until another replica of its group is ready beside it, or nothing leads to the group any more; and
 *    for one look in any case.
 * D4 An engine that comes back gets the snapshot when its replicas are as far as those of the others, and only with the
 *    snapshot does it listen: whoever connects meanwhile meets one that serves.
 */
import type { ReplicaObserved } from '../../model/engine.ts';
import type { GroupId, Snapshot } from '../../model/snapshot.ts';
import type { EnginesState } from './state.ts';
import { HOME, hostsOf, isLive, type EngineView } from './view.ts';

export type Mending =
  | { readonly type: 'Start'; readonly engine: number; readonly replica: string }
  | { readonly type: 'Stop'; readonly engine: number; readonly replica: string }
  | { readonly type: 'Forget'; readonly engine: number; readonly replicas: readonly string[] };

export interface Mended {
  readonly orders: readonly Mending[];
  /** All that are hidden from now on. */
  readonly orphans: readonly string[];
}

/** `canStart`: it is remembered how. `led`: groups that the newest snapshot names; absent: not known. */
export function mend(
  views: readonly EngineView[],
  state: EnginesState,
  canStart: (replica: string) => boolean,
  led: ReadonlySet<GroupId> | undefined,
): Mended {
  const orphans = new Set(state.orphans);
  const orders: Mending[] = [];
  for (const { replica, engine } of missing(views, state, orphans)) {
    if (canStart(replica)) orders.push({ type: 'Start', engine, replica });
    else orphans.add(replica);
  }
  const held = new Set<string>();
  views.forEach(({ observed, state: now }, engine) => {
    const own = observed.replicas.filter(({ id }) => orphans.has(id));
    for (const { id } of own) held.add(id);
    if (now === 'Away') return;
    const ended = own.filter(({ phase }) => phase === 'Ended').map(({ id }) => id);
    if (ended.length > 0) orders.push({ type: 'Forget', engine, replicas: ended });
    for (const replica of own.filter(isLive)) {
      // `decide` may ask for it by its name in the very next step, as what it remembers and does not see.
      if (!state.orphans.includes(replica.id)) continue;
      if (isNeeded(replica, observed.replicas, orphans, led)) continue;
      orders.push({ type: 'Stop', engine, replica: replica.id });
    }
  });
  return { orders, orphans: [...orphans].filter((id) => held.has(id)) };
}

/** D1: what lives on an engine that serves, and neither died nor is on its way out on any. */
function missing(
  views: readonly EngineView[],
  { home }: EnginesState,
  orphans: ReadonlySet<string>,
): readonly { readonly replica: string; readonly engine: number }[] {
  const homeGroups = new Set(home);
  const present = views.map(({ observed, state }) =>
    state === 'Away' ? undefined : new Map(observed.replicas.map((replica) => [replica.id, replica])),
  );
  const wanted = new Map<string, GroupId>();
  const over = new Set<string>();
  for (const replicas of present) {
    for (const replica of replicas?.values() ?? []) {
      if (isLive(replica)) wanted.set(replica.id, replica.group);
      else over.add(replica.id);
    }
  }
  return [...wanted].flatMap(([replica, group]) => {
    if (over.has(replica) || orphans.has(replica)) return [];
    const hosts = hostsOf(group, homeGroups, views.length);
    return hosts
      .filter((engine) => present[engine] && !present[engine].has(replica))
      .map((engine) => ({ replica, engine }));
  });
}

/** D3: requests come to it on this engine, and nobody else there would take them. */
export function isNeeded(
  { group }: ReplicaObserved,
  beside: readonly ReplicaObserved[],
  orphans: ReadonlySet<string>,
  led: ReadonlySet<GroupId> | undefined,
): boolean {
  if (led && !led.has(group)) return false;
  return !beside.some((other) => other.group === group && other.phase === 'Ready' && !orphans.has(other.id));
}

/**
 * D4. It has what it is to have, each ready, parked, or over; and one that takes calls of each group of which the others have one. An
 * orphan is such a one, too: it is never started here, and what `decide` asks for in its place has to be ready first.
 */
export function hasCaughtUp(views: readonly EngineView[], state: EnginesState, engine: number): boolean {
  const orphans = new Set(state.orphans);
  const own = views[engine]!.observed.replicas;
  const phases = new Map(own.map(({ id, phase }) => [id, phase]));
  const homeGroups = new Set(state.home);
  const elsewhere = views
    .filter(({ state: now }) => now === 'Serving')
    .flatMap(({ observed }) => observed.replicas)
    .filter(({ group }) => engine !== HOME || !homeGroups.has(group))
    .filter(({ group }) => hostsOf(group, homeGroups, views.length).includes(engine));
  const hasEach = elsewhere
    .filter((replica) => isLive(replica) && !orphans.has(replica.id))
    .every(({ id, phase }) => {
      const mine = phases.get(id);
      // One that is still on its way on the others keeps this one from nothing.
      if (phase === 'Starting' || phase === 'Warming') return true;
      return mine !== undefined && mine !== 'Starting' && mine !== 'Warming';
    });
  const taken = new Set(own.filter(takesCalls).map(({ group }) => group));
  return hasEach && elsewhere.filter(takesCalls).every(({ group }) => taken.has(group));
}

function takesCalls({ phase }: ReplicaObserved): boolean {
  return phase === 'Ready' || phase === 'Parked';
}

/** Groups that a snapshot leads requests, calls or people to. */
export function groupsOf({ rules, previews = [], remotes = [] }: Snapshot): ReadonlySet<GroupId> {
  const named = [...rules, ...previews.flatMap((one) => one.rules)].flatMap(({ arms }) => arms);
  const called = remotes.flatMap(({ arms, pairs = [] }) => [...arms, ...pairs.map(({ arm }) => arm)]);
  return new Set([...named, ...called].map(({ group }) => group));
}
