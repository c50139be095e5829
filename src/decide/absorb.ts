/**
 * Takes what was observed into the drafts, before anything is decided: how replicas ended, what each release answered,
 * and what a new engine process means. Nothing here chooses; it only remembers.
 */
import type { EntryKey } from '../model/component.ts';
import type { EngineObserved, ReleaseSamples, ReplicaObserved } from '../model/engine.ts';
import type { CandidateState, ReplicaFailure, ReplicaMemory, SeenCounters, Tally } from '../model/memory.ts';
import type { Observed } from '../model/observed.ts';
import type { Problem } from '../model/problem.ts';
import { legible } from './ends.ts';
import { EMPTY_TALLY, NOTHING_SEEN, tallySince } from './gate/tally.ts';
import { keep, MAX_FAILURES, withBake, withCandidate, type EntryDraft, type MemoryDraft } from './memory.ts';

/** States in which cells have been asked for, or asked to go. */
const STARTED: ReadonlySet<CandidateState> = new Set(['Handover', 'Copying', 'Warming', 'Ready', 'Canary']);

/** Another engine process: replicas and counters of the one before are gone, and what was in the air with them. */
export function absorbEpoch(
  memory: MemoryDraft,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
  engine: EngineObserved,
): boolean {
  const last = memory.epoch;
  memory.epoch = engine.epoch;
  if (last === undefined || last === engine.epoch) return false;
  for (const entry of entries.values()) {
    entry.replicas = [];
    entry.counters = {};
    entry.leaving = undefined;
    forgetRuns(entry);
    const { candidate } = entry;
    if (candidate && STARTED.has(candidate.state)) {
      // Step 0 is no step to come back to: its weight was that of steps which are gone.
      const resumeStep = candidate.state === 'Canary' ? candidate.step || undefined : candidate.resumeStep;
      withCandidate(entry, { state: 'Prepared', step: 0, weight: 0, sinceMs: memory.clockMs, resumeStep });
    }
  }
  return true;
}

function forgetRuns(entry: EntryDraft): void {
  if (entry.candidate) {
    const { trial } = entry.candidate;
    withCandidate(entry, { trial: { ...trial, synthetic: { ...trial.synthetic, run: undefined } } });
  }
  const trial = entry.serving?.bake?.trial;
  if (trial) withBake(entry, { trial: { ...trial, synthetic: { ...trial.synthetic, run: undefined } } });
}

/**
 * Replicas that ended are no longer ours; those that we did not stop are failures of their group, unless their end is
 * excused: another's doing. So is the end of a process that a replica shared, unless it is the one that is known to have ended it.
 */
export function absorbReplicas(
  entry: EntryDraft,
  observed: Observed,
  replicas: readonly ReplicaObserved[],
  clockMs: number,
  excused: ReadonlySet<string>,
): void {
  const seen = new Map(replicas.map((replica) => [replica.id, replica]));
  const refused = new Map(observed.refusedStarts.map((start) => [start.replica, start.problem]));
  const failures: ReplicaFailure[] = [];
  const left = entry.replicas.filter((replica) => {
    const live = seen.get(replica.id);
    const problem = refused.get(replica.id);
    if (live?.phase !== 'Ended' && !problem)
      return observed.engine === undefined || live !== undefined || !replica.stopping;
    const isOthers = excused.has(replica.id) || live?.end === 'WithOthers';
    if (!replica.stopping && !isOthers) failures.push(failureOf(replica.group, live, problem, clockMs));
    return false;
  });
  const kept = left.map((replica): ReplicaMemory => {
    const live = seen.get(replica.id);
    if (replica.recycled || replica.stopping || live?.processor?.stage !== 'Recycle') return replica;
    // Which of those that share the processor used it up is not known.
    const isAlone = (live.sharedBy ?? 1) === 1;
    if (isAlone) failures.push({ ...failureOf(replica.group, live, undefined, clockMs), end: 'LimitExceeded' });
    return { ...replica, recycled: true };
  });
  if (kept.some((replica, index) => replica !== entry.replicas[index]) || kept.length !== entry.replicas.length)
    entry.replicas = kept;
  if (failures.length > 0) entry.failures = [...entry.failures, ...failures].slice(-MAX_FAILURES);
}

function failureOf(
  group: ReplicaFailure['group'],
  live: ReplicaObserved | undefined,
  refusal: Problem | undefined,
  atMs: number,
): ReplicaFailure {
  const end = live?.end && live.end !== 'Stopped' ? live.end : 'StartFailed';
  const problem = refusal ?? live?.problem;
  const waiting = problem?.policy === 'Waiting';
  const said = problem && (waiting ? `${problem.code}: ${problem.message}` : problem.message);
  const message = legible(said ?? `the replica ended: ${end}`);
  return { group, atMs, end, message, remedy: problem?.remedy, waiting };
}

/** What each release answered since the last look, counted once: the counters seen are part of the memory. */
export function absorbCounters(entry: EntryDraft, reported: readonly ReleaseSamples[]): ReadonlyMap<string, Tally> {
  const tallies = new Map<string, Tally>();
  const counters: { [release: string]: SeenCounters } = {};
  for (const samples of reported) {
    const now = sameCounts(entry.counters[samples.release], seenOf(samples));
    counters[samples.release] = now;
    const tally = tallySince(entry.counters[samples.release] ?? NOTHING_SEEN, now);
    if (tally.requests > 0) tallies.set(samples.release, tally);
  }
  entry.counters = keep(entry.counters, counters);
  return tallies;
}

/** The counts as they were, where nothing was answered since. */
function sameCounts(before: SeenCounters | undefined, now: SeenCounters): SeenCounters {
  return before ? keep(before, { ...now, latency: keep(before.latency, now.latency) }) : now;
}

function seenOf({ traffic, synthetic }: ReleaseSamples): SeenCounters {
  return {
    requests: traffic.requests,
    failures: traffic.failures,
    status4xx: traffic.status4xx,
    syntheticRequests: synthetic.requests,
    syntheticFailures: synthetic.failures,
    latency: traffic.latency,
  };
}

export function tallyOf(tallies: ReadonlyMap<string, Tally>, release: string | undefined): Tally {
  return (release !== undefined ? tallies.get(release) : undefined) ?? EMPTY_TALLY;
}
