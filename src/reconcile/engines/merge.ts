/**
 * What several engines say → what one would say: `decide` sees one engine. Pure.
 *
 * M1 Counts are added up, with those of engines that have ended.
 * M2 The generation is the least of those that serve, or that may serve without our seeing it.
 * M3 A replica is as far as its slowest twin; its death on one engine is its death. A parked twin holds nobody up: the
 *    first call wakes it.
 * M4 An engine that is away, or that has nothing yet, is left out of M3: the others serve.
 */
import { addDropped } from '../../model/datagrams.ts';
import type {
  EngineMember,
  EngineObserved,
  GroupLoad,
  ReleaseSamples,
  RemoteCount,
  ReplicaObserved,
  ReplicaPhase,
} from '../../model/engine.ts';
import type { ProcessorStage } from '../../model/processor.ts';
import type { GroupId } from '../../model/snapshot.ts';
import { addLimitHits } from './limit-hits.ts';
import { addSamples, mapCounters, type EnginesState } from './state.ts';
import { HOME, hostsOf, isLive, servesNothing, type EngineView } from './view.ts';

/** Of twins that live: the earlier one is what all of them are. */
const SLOWEST_FIRST: readonly ReplicaPhase[] = ['Starting', 'Warming', 'Unhealthy', 'Ready', 'Parked'];
/** A replica is recycled on all engines where it uses too much on one. */
const STAGES: readonly ProcessorStage[] = ['Within', 'Lowered', 'Told', 'Recycle'];

export function mergeViews(views: readonly EngineView[], state: EnginesState): EngineObserved {
  const home = views[HOME]!.observed;
  const present = views.filter(({ state: now }) => now !== 'Away').map(({ observed }) => observed);
  const strictless = present.find(({ sandbox }) => !sandbox.strict);
  const remotes = remotesOf(present);
  const ejected = ejectedOf(present);
  const limitHits = addLimitHits(present.map(({ limitHits: hits = [] }) => hits));
  const dropped = addDropped(present.flatMap(({ droppedDatagrams = [] }) => droppedDatagrams));
  return {
    epoch: state.epoch,
    generation: generationOf(views),
    replicas: replicasOf(views, state),
    samples: samplesOf(views, state),
    syntheticRuns: home.syntheticRuns,
    ...(home.firings ? { firings: home.firings } : {}),
    ...(remotes.length > 0 ? { remotes } : {}),
    loads: loadsOf(views, state),
    ...(ejected.length > 0 ? { ejected } : {}),
    ...(limitHits.length > 0 ? { limitHits } : {}),
    ...(dropped.length > 0 ? { droppedDatagrams: dropped } : {}),
    sandbox: (strictless ?? home).sandbox,
    poolReady: present.reduce((sum, { poolReady }) => sum + poolReady, 0),
    engines: views.map(memberOf),
  };
}

function memberOf({ observed, state }: EngineView, index: number): EngineMember {
  const { epoch, generation, samples } = observed;
  const requests = samples.reduce((sum, { traffic }) => sum + traffic.requests, 0);
  return { name: String(index + 1), state, epoch, generation, requests };
}

/** M2. */
function generationOf(views: readonly EngineView[]): number {
  const serving = views.filter((_, index) => !servesNothing(views, index));
  return Math.min(...serving.map(({ observed }) => observed.generation));
}

/** M1. */
export function samplesOf(views: readonly EngineView[], { offsets }: EnginesState): readonly ReleaseSamples[] {
  const lists = views.map(({ observed, state }) =>
    state === 'Away'
      ? observed.samples.map((one) => ({ ...one, inFlight: 0, consecutiveFailures: 0 }))
      : observed.samples,
  );
  const reported = new Set(lists.flat().map(({ release }) => release));
  return addSamples([...lists, offsets.filter(({ release }) => reported.has(release)).map(still)]).map(notNegative);
}

/** What is added is of engines that have ended: nothing of it is under way. */
function still(samples: ReleaseSamples): ReleaseSamples {
  return { ...samples, inFlight: 0, consecutiveFailures: 0 };
}

function notNegative(samples: ReleaseSamples): ReleaseSamples {
  const { preview, mirrored } = samples;
  const atLeastNone = (count: number): number => Math.max(0, count);
  return {
    ...samples,
    traffic: mapCounters(samples.traffic, atLeastNone),
    synthetic: mapCounters(samples.synthetic, atLeastNone),
    ...(preview ? { preview: mapCounters(preview, atLeastNone) } : {}),
    ...(mirrored ? { mirrored: mapCounters(mirrored, atLeastNone) } : {}),
  };
}

/** In the order in which the engines name them, the first engine's first. */
function replicasOf(views: readonly EngineView[], { orphans, home }: EnginesState): readonly ReplicaObserved[] {
  const hidden = new Set(orphans);
  const homeGroups = new Set(home);
  const twins = new Map<string, ReplicaObserved[]>();
  views.forEach(({ observed, state }, index) => {
    if (state === 'Away') return;
    for (const replica of observed.replicas) {
      if (hidden.has(replica.id)) continue;
      const isIn = state === 'Serving' || (index === HOME && homeGroups.has(replica.group));
      if (!isIn) continue;
      twins.set(replica.id, [...(twins.get(replica.id) ?? []), replica]);
    }
  });
  return [...twins.values()].map((all) => {
    const hosts = hostsOf(all[0]!.group, homeGroups, views.length);
    const expected = hosts.filter((index) => views[index]!.state === 'Serving').length;
    return mergeTwins(all, all.length < expected);
  });
}

/** M3. `isMissing`: an engine that is to have one does not know it yet. */
function mergeTwins(twins: readonly ReplicaObserved[], isMissing: boolean): ReplicaObserved {
  const [first] = twins;
  const dead = twins.find(({ phase, end }) => phase === 'Ended' && end !== 'Stopped');
  if (dead) return dead;
  const live = twins.filter(isLive);
  if (live.length === 0) return twins.find(({ phase }) => phase === 'Draining') ?? first!;
  const phases = new Set(live.map(({ phase }) => phase));
  const phase = isMissing ? 'Starting' : SLOWEST_FIRST.find((one) => phases.has(one))!;
  const told = live.find((twin) => twin.problem !== undefined) ?? live.find((twin) => twin.phase === phase) ?? live[0]!;
  const { readyForMs: _, ...rest } = told;
  const since = live.flatMap(({ readyForMs }) => (readyForMs === undefined ? [] : [readyForMs]));
  const busiest = live
    .flatMap(({ processor }) => (processor ? [processor] : []))
    .sort((one, other) => STAGES.indexOf(other.stage) - STAGES.indexOf(one.stage) || other.used - one.used)[0];
  return {
    ...rest,
    phase,
    ageMs: Math.min(...live.map(({ ageMs }) => ageMs)),
    ...(phase === 'Ready' || phase === 'Unhealthy' ? { readyForMs: Math.min(...since) } : {}),
    inFlight: live.reduce((sum, { inFlight }) => sum + inFlight, 0),
    ...(busiest ? { processor: busiest } : {}),
  };
}

/** The mean of the engines that have the group: each has as many replicas as `decide` asks for. */
function loadsOf(views: readonly EngineView[], { home }: EnginesState): readonly GroupLoad[] {
  const homeGroups = new Set(home);
  const loads = new Map<GroupId, GroupLoad[]>();
  views.forEach(({ observed, state }, index) => {
    if (state !== 'Serving') return;
    for (const load of observed.loads ?? []) {
      if (index !== HOME && homeGroups.has(load.group)) continue;
      loads.set(load.group, [...(loads.get(load.group) ?? []), load]);
    }
  });
  return [...loads].map(([group, all]) => ({
    group,
    inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0) / all.length,
    idleMs: Math.min(...all.map(({ idleMs }) => idleMs)),
  }));
}

function remotesOf(engines: readonly EngineObserved[]): readonly RemoteCount[] {
  const sums = new Map<string, RemoteCount>();
  for (const one of engines.flatMap(({ remotes = [] }) => remotes)) {
    const key = `${one.from} ${one.to}`;
    const { calls = 0, failures = 0 } = sums.get(key) ?? {};
    sums.set(key, { ...one, calls: calls + one.calls, failures: failures + one.failures });
  }
  return [...sums.values()];
}

function ejectedOf(engines: readonly EngineObserved[]): NonNullable<EngineObserved['ejected']> {
  const longest = new Map<string, number>();
  for (const { replica, leftMs } of engines.flatMap(({ ejected = [] }) => ejected)) {
    longest.set(replica, Math.max(leftMs, longest.get(replica) ?? 0));
  }
  return [...longest].map(([replica, leftMs]) => ({ replica, leftMs }));
}
