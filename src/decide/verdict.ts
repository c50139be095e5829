/** The gate, the hard stops and the outage, asked about one attempt of one entry. */
import type { EntryKey } from '../model/component.ts';
import type { Release, ReplicaFailure, Trial } from '../model/memory.ts';
import type { Evidence } from '../model/status.ts';
import { samplesOf } from './context.ts';
import { waiting, type Ending } from './ends.ts';
import { hardStop } from './gate/hard-stops.ts';
import { percent } from './gate/percent.ts';
import { judge, type Verdict } from './gate/trial.ts';
import { stepsOf } from './steps.ts';
import { entryOf, groupOf, type World } from './world.ts';

export function gateOf(release: Release) {
  return release.entry.rollout.settings.gate;
}

/** How often the rollout of a release looks at the checks that look once: each step, and the bake. */
function looksOf(release: Release): number {
  return stepsOf(release.entry).length + 1;
}

/** What no sample size excuses, of this attempt alone. */
function stopOf(world: World, key: EntryKey, release: Release, { warmUp, whole, startedMs }: Trial) {
  const entry = entryOf(world, key);
  const group = groupOf(key, release);
  return hardStop({
    gate: gateOf(release),
    probes: release.entry.probes,
    group,
    samples: samplesOf(world, release.release),
    answered: warmUp.requests + whole.candidate.requests,
    failures: since(entry.failures, startedMs),
    clockMs: world.memory.clockMs,
  });
}

export function since(failures: readonly ReplicaFailure[], startedMs: number): readonly ReplicaFailure[] {
  return failures.filter((failure) => failure.atMs >= startedMs);
}

export function sharedOutage(why: string, evidence: readonly Evidence[]): Ending {
  return waiting(
    `${why}; but serving fails as well in the same window, so it is not this revision`,
    'SharedOutage',
    evidence,
  );
}

/** What came of the copies that this release got: shown, and judged by nothing, because they may reach nothing. */
export function mirroredEvidence(world: World, release: Release): Evidence | undefined {
  const mirrored = samplesOf(world, release.release)?.mirrored;
  if (!mirrored || mirrored.requests === 0) return undefined;
  const { requests, failures } = mirrored;
  const observed = `${percent(failures / requests)} failed (${failures} of ${requests})`;
  return { metric: 'copies of requests', observed, threshold: 'not judged', samples: requests, synthetic: 0 };
}

export function stopVerdict(world: World, key: EntryKey, release: Release, trial: Trial): Verdict | undefined {
  const stop = stopOf(world, key, release, trial);
  return stop && { verdict: 'Fail', hard: true, why: stop.why, evidence: [stop.evidence] };
}

/** What is said of an attempt now: a hard stop before anything else, then the tests of its gate. */
export function verdictOf(world: World, key: EntryKey, release: Release, trial: Trial, stepOver: boolean): Verdict {
  return stopVerdict(world, key, release, trial) ?? judge(trial, gateOf(release), looksOf(release), stepOver);
}
