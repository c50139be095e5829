import { missingSamples } from '../../decide/gate/trial.ts';
import { FRESH_TRIAL } from '../../decide/gate/tally.ts';
import { PASS_BOUNDARY } from '../../decide/gate/sequential.ts';
import { callsOf } from '../../decide/schedule/calls.ts';
import { GOOD_FIRINGS } from '../../decide/schedule/verdict.ts';
import { isSingleton, longestPauseMs } from '../../decide/singleton.ts';
import { COPY_DEADLINE_MS, DEFAULT_READINESS_MS } from '../../decide/states.ts';
import { headerText, stepsOf } from '../../decide/steps.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import { migrationOf, type PlannedMigration } from './migration.ts';
import type { Change } from './plan.ts';

/** One stage of a rollout: the share of the traffic, and the least that must pass before the next. */
export interface PlannedStep {
  readonly stage: 'Readiness' | 'Preview' | 'Step' | 'Handover' | 'Bake';
  /** Percent. */
  readonly weight: number;
  /** Of the candidate, where the strategy replaces them one by one. */
  readonly replicas?: number;
  /** Requests with any one of these go to the candidate, as `name: value`. */
  readonly headers?: readonly string[];
  /** Percent of the safe requests to what serves that are copied. */
  readonly mirror?: number;
  readonly leastMs: number;
  /** Answers (where only the clock calls it: firings) of the candidate, all of them good; one bad one makes it more. */
  readonly leastSamples: number;
  readonly deadlineMs: number;
  /** Somebody has to approve in git before this step ends. */
  readonly approval?: string;
}

export interface PlannedWalk {
  readonly strategy: string;
  readonly steps: readonly PlannedStep[];
  /** Until it serves everything, and until it is proven; requests must come fast enough. */
  readonly leastMsToServing: number;
  readonly leastMsToProven: number;
  /** What happens when traffic does not bring the samples. */
  readonly insufficientData: string;
  /** Absent: it works on the data that is there. */
  readonly migration?: PlannedMigration;
}

/** The stages that the daemon would go through if everything went well, from the daemon's own gate. */
export function walkOf(entry: DesiredEntry, change: Change, before?: DesiredEntry): PlannedWalk {
  const { strategy, gate, bake } = entry.rollout.settings;
  const steps: PlannedStep[] = [];
  const readiness = entry.probes.readiness;
  // One of the two must be alone: requests wait while the old ends and the new starts, and there are no steps.
  const migration = change === 'Retrigger' ? undefined : migrationOf(before, entry);
  const pauses =
    change === 'Replace' &&
    before !== undefined &&
    (isSingleton(before) || isSingleton(entry) || migration !== undefined);
  if (pauses) {
    const copyMs = migration ? COPY_DEADLINE_MS : 0;
    const deadlineMs = longestPauseMs(entry.drainDeadlineMs, entry, DEFAULT_READINESS_MS) + copyMs;
    steps.push({ stage: 'Handover', weight: 0, leastMs: 0, leastSamples: 0, deadlineMs });
  } else if (change !== 'Retrigger') {
    const deadlineMs = readiness?.deadlineMs ?? entry.members[0].limits.startTimeoutMs;
    steps.push({ stage: 'Readiness', weight: 0, leastMs: 0, leastSamples: 0, deadlineMs });
  }
  // What serves nobody yet takes everything at readiness: there is nothing to compare it with.
  const byClock = callsOf(entry) === 'Firings';
  const walked = change === 'Replace' && !pauses ? stepsOf(entry) : [];
  let trial = FRESH_TRIAL;
  for (const step of walked) {
    steps.push({
      stage: strategy.type === 'BlueGreen' || byClock ? 'Preview' : 'Step',
      weight: step.weight,
      ...(step.replicas === undefined ? {} : { replicas: step.replicas }),
      ...(step.headers === undefined ? {} : { headers: step.headers.map(headerText) }),
      ...(step.mirror === undefined ? {} : { mirror: step.mirror }),
      leastMs: step.minDurationMs,
      leastSamples: byClock ? 0 : missingSamples(trial, gate),
      deadlineMs: step.deadlineMs,
      ...(step.approval ? { approval: step.approval.name } : {}),
    });
    // The test is carried: what the first step has passed, the others only have to keep.
    trial = { ...trial, errors: { ratio: PASS_BOUNDARY, passed: true }, warmUp: { requests: 0, done: true } };
  }
  const leastMsToServing = steps.reduce((sum, step) => sum + step.leastMs, 0);
  steps.push({
    stage: 'Bake',
    weight: 100,
    leastMs: byClock ? 0 : bake.durationMs,
    leastSamples: byClock ? GOOD_FIRINGS : missingSamples(trial, gate),
    deadlineMs: bake.deadlineMs,
  });
  return {
    strategy: strategy.type,
    steps,
    leastMsToServing,
    leastMsToProven: leastMsToServing + (byClock ? 0 : bake.durationMs),
    insufficientData: gate.insufficientData,
    ...(migration ? { migration } : {}),
  };
}
