/**
 * What is remembered of several engines beyond what they say themselves: plain data, kept in a file so that another control
 * goes on with it.
 *
 * S1 Counts of a release only grow within an epoch: what an engine had counted when it ended stays in the sum.
 * S2 The epoch is a new one where the first engine is (what lived there alone is gone), and where it is not known what one
 *    that ended had counted. Any other engine comes back without it.
 */
import type { Counters, EngineObserved, ReleaseSamples } from '../../model/engine.ts';
import type { GroupId } from '../../model/snapshot.ts';
import { HOME, isLive, type EngineView } from './view.ts';

export interface EnginesState {
  readonly epoch: string;
  /** The process that was seen last of each engine. */
  readonly members: readonly string[];
  /** By release: to add to what the engines say. Negative where they had counted before this epoch began. */
  readonly offsets: readonly ReleaseSamples[];
  /** Replicas that decide has let go of, because they ended on another engine: not shown, and stopped in time. */
  readonly orphans: readonly string[];
  /** Groups that live on the first engine alone. */
  readonly home: readonly GroupId[];
}

/** The state that goes with these views; `last` is what was seen of each before them. The same value where nothing changed. */
export function stateOf(
  before: EnginesState | undefined,
  views: readonly EngineView[],
  last: readonly (EngineObserved | undefined)[],
  newEpoch: () => string,
): EnginesState {
  const members = views.map(({ observed }) => observed.epoch);
  if (!before || before.members.length !== members.length) return begin(before, views, members, () => false, newEpoch);
  const replaced = (index: number): boolean => before.members[index] !== members[index];
  const isLost = (index: number): boolean => replaced(index) && last[index]?.epoch !== before.members[index];
  if (replaced(HOME) || members.some((_, index) => isLost(index))) {
    return begin(before, views, members, replaced, newEpoch);
  }
  const ended = members.flatMap((_, index) => (replaced(index) ? [last[index]!.samples] : []));
  if (ended.length === 0) return before;
  return { ...before, members, offsets: addSamples([before.offsets, ...ended]) };
}

/** S2. Counting begins anew, with what engines that went on have counted so far as nothing. */
function begin(
  before: EnginesState | undefined,
  views: readonly EngineView[],
  members: readonly string[],
  isNew: (index: number) => boolean,
  newEpoch: () => string,
): EnginesState {
  const counted = views.flatMap(({ observed }, index) => (isNew(index) ? [] : [observed.samples]));
  return {
    epoch: newEpoch(),
    members,
    offsets: addSamples(counted.map((samples) => samples.map(negative))),
    orphans: before?.orphans ?? [],
    home: before?.home ?? onlyAtHome(views),
  };
}

/** Where nobody remembers: what an engine that serves does not have was never sent to it. */
function onlyAtHome(views: readonly EngineView[]): readonly GroupId[] {
  const groupsOf = ({ observed }: EngineView) => observed.replicas.filter(isLive).map(({ group }) => group);
  const others = views.filter(({ state }, index) => index !== HOME && state === 'Serving');
  if (others.length === 0) return [];
  const elsewhere = new Set(others.flatMap(groupsOf));
  return [...new Set(groupsOf(views[HOME]!))].filter((group) => !elsewhere.has(group));
}

/** Forgets what nobody asks about any more. */
export function pruned(state: EnginesState, views: readonly EngineView[]): EnginesState {
  const releases = new Set(views.flatMap(({ observed }) => observed.samples.map(({ release }) => release)));
  const offsets = state.offsets.filter(({ release }) => releases.has(release));
  return offsets.length === state.offsets.length ? state : { ...state, offsets };
}

export function addSamples(lists: readonly (readonly ReleaseSamples[])[]): readonly ReleaseSamples[] {
  const sums = new Map<string, ReleaseSamples>();
  for (const one of lists.flat()) {
    const sum = sums.get(one.release);
    sums.set(one.release, sum ? sumOf(sum, one) : one);
  }
  return [...sums.values()];
}

function sumOf(one: ReleaseSamples, other: ReleaseSamples): ReleaseSamples {
  const preview = optionalSum(one.preview, other.preview);
  const mirrored = optionalSum(one.mirrored, other.mirrored);
  return {
    release: one.release,
    group: other.group,
    traffic: addCounters(one.traffic, other.traffic),
    synthetic: addCounters(one.synthetic, other.synthetic),
    ...(preview ? { preview } : {}),
    ...(mirrored ? { mirrored } : {}),
    // A run of failures is of one engine's requests, in their order: any engine that has one says so.
    consecutiveFailures: Math.max(one.consecutiveFailures, other.consecutiveFailures),
    inFlight: one.inFlight + other.inFlight,
  };
}

function optionalSum(one: Counters | undefined, other: Counters | undefined): Counters | undefined {
  return one && other ? addCounters(one, other) : (one ?? other);
}

function addCounters(one: Counters, other: Counters): Counters {
  return {
    requests: one.requests + other.requests,
    failures: one.failures + other.failures,
    status5xx: one.status5xx + other.status5xx,
    traps: one.traps + other.traps,
    deadlines: one.deadlines + other.deadlines,
    status4xx: one.status4xx + other.status4xx,
    clientAborts: one.clientAborts + other.clientAborts,
    overloads: one.overloads + other.overloads,
    latency: one.latency.map((count, bucket) => count + (other.latency[bucket] ?? 0)),
  };
}

function negative(samples: ReleaseSamples): ReleaseSamples {
  const { preview, mirrored } = samples;
  return {
    ...samples,
    traffic: mapCounters(samples.traffic, (count) => -count),
    synthetic: mapCounters(samples.synthetic, (count) => -count),
    ...(preview ? { preview: mapCounters(preview, (count) => -count) } : {}),
    ...(mirrored ? { mirrored: mapCounters(mirrored, (count) => -count) } : {}),
    consecutiveFailures: 0,
    inFlight: 0,
  };
}

export function mapCounters(counters: Counters, change: (count: number) => number): Counters {
  const { latency, ...rest } = counters;
  const numbers = Object.entries(rest).map(([name, count]) => [name, change(count)]);
  return { ...(Object.fromEntries(numbers) as Omit<Counters, 'latency'>), latency: latency.map(change) };
}
