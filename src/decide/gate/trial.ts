import type { ArmPair, Tally, Trial } from '../../model/memory.ts';
import type { Gate, RolloutSettings } from '../../model/rollout.ts';
import type { Evidence } from '../../model/status.ts';
import { judgeClientErrors } from './client-errors.ts';
import { judgeLatency, MIN_TAIL_SAMPLES } from './latency.ts';
import { percent } from './percent.ts';
import {
  advanceRatio,
  FAIL_BOUNDARY,
  hypotheses,
  PASS_BOUNDARY,
  successesToPass,
  type Hypotheses,
} from './sequential.ts';
import { addTally, EMPTY_PAIR, EMPTY_TALLY, fade, isOutage } from './tally.ts';

export interface Samples {
  /** What both arms answered since the last look. */
  readonly candidate: Tally;
  readonly control: Tally;
  readonly clockMs: number;
  readonly elapsedMs: number;
  /** Whether the candidate's arm takes requests now: its warm-up runs from then on. */
  readonly open: boolean;
}

/** Takes one look's samples into the trial. The candidate's warm-up is thrown away; the control's samples never are. */
export function absorbSamples(trial: Trial, gate: Gate, samples: Samples): Trial {
  const warmUp = warm(trial.warmUp, gate, samples);
  const candidate = trial.warmUp.done ? samples.candidate : EMPTY_TALLY;
  const whole = {
    candidate: addTally(trial.whole.candidate, candidate),
    control: addTally(trial.whole.control, samples.control),
  };
  const ratio = advanceRatio(
    trial.errors.ratio,
    candidate.requests,
    candidate.failures,
    relativeHypotheses(gate, whole.control),
  );
  return {
    ...trial,
    whole,
    step: {
      candidate: addTally(trial.step.candidate, candidate),
      control: addTally(trial.step.control, samples.control),
    },
    recent: {
      candidate: fade(trial.recent.candidate, samples.elapsedMs, samples.candidate),
      control: fade(trial.recent.control, samples.elapsedMs, samples.control),
    },
    errors: { ratio, passed: trial.errors.passed || ratio <= PASS_BOUNDARY },
    warmUp,
  };
}

function warm(warmUp: Trial['warmUp'], gate: Gate, samples: Samples): Trial['warmUp'] {
  if (warmUp.done || !samples.open) return warmUp;
  const sinceMs = warmUp.sinceMs ?? samples.clockMs;
  const requests = warmUp.requests + samples.candidate.requests;
  const done = requests >= gate.warmUp.requests || samples.clockMs - sinceMs >= gate.warmUp.durationMs;
  return { requests, sinceMs, done };
}

export function relativeHypotheses(gate: Gate, control: Tally): Hypotheses {
  return hypotheses(gate.errors, control, gate.minSamples);
}

/** The next step, or the bake, looks at its own samples; the test itself goes on. */
export function nextStep(trial: Trial): Trial {
  return {
    ...trial,
    step: EMPTY_PAIR,
    synthetic: { ...trial.synthetic, sentInStep: 0 },
    approvalSinceMs: undefined,
    doubtedAfterMs: undefined,
    verdict: 'Continue',
  };
}

/** A second look has samples of its own: those that raised the doubt came while nothing told whose they were. */
export function lookAgain(trial: Trial, elapsedMs: number, evidence: readonly Evidence[]): Trial {
  return { ...nextStep(trial), approvalSinceMs: trial.approvalSinceMs, doubtedAfterMs: elapsedMs, evidence };
}

/** When a bake is looked at as a whole: at its end, and after a doubt once more, as long after it but by its deadline. */
export function lookAfterMs({ doubtedAfterMs }: Trial, bake: RolloutSettings['bake']): number {
  if (doubtedAfterMs === undefined) return bake.durationMs;
  return Math.max(doubtedAfterMs, Math.min(doubtedAfterMs + bake.durationMs, bake.deadlineMs));
}

export interface Verdict {
  readonly verdict: 'Pass' | 'Fail' | 'Continue';
  /** It failed by a hard stop: traffic leaves at once. */
  readonly hard?: boolean;
  /** It failed by a comparison with what served before, not with what serves now. */
  readonly byPast?: boolean | undefined;
  readonly evidence: readonly Evidence[];
  /** `Fail`: the sentence; `Continue`: what is still missing. */
  readonly why: string;
}

/**
 * Pass: every configured check passes. Fail: any fails. Else continue. `looks` is how many steps (and a bake) the whole
 * rollout has; checks that look once per step share their error probability among them, and only look at the step's end.
 */
export function judge(trial: Trial, gate: Gate, looks: number, stepOver: boolean): Verdict {
  const errors = errorEvidence(trial, gate);
  if (trial.errors.ratio >= FAIL_BOUNDARY) {
    const why = `${errors.metric} ${errors.observed} against ${errors.threshold} after ${errors.samples} samples`;
    return { verdict: 'Fail', evidence: [errors], why };
  }
  const evidence: Evidence[] = [errors];
  const inStep = trial.step.candidate.requests;
  if (inStep < gate.minSamples || !stepOver) {
    const why = `${inStep} of at least ${gate.minSamples} samples in this step`;
    return { verdict: 'Continue', evidence, why };
  }
  if (!trial.errors.passed || trial.errors.ratio > 0) {
    const missing = successesToPass(trial.errors.ratio, relativeHypotheses(gate, trial.whole.control));
    const why = `the error test is undecided after ${errors.samples} samples; ${missing} more good ones would pass it`;
    return { verdict: 'Continue', evidence, why };
  }
  const { candidate, control, byPast, again } = comparable(trial);
  const tail = gate.latency && judgeLatency(gate.latency, candidate, control, looks);
  const shift =
    gate.errors.maxShiftOfClientErrors !== undefined
      ? judgeClientErrors(gate.errors.maxShiftOfClientErrors, candidate, control, looks)
      : undefined;
  for (const check of [tail, shift]) {
    if (check) evidence.push(check.evidence);
    if (!check?.failed) continue;
    const { metric, observed, threshold, samples } = check.evidence;
    const why = `${metric} ${observed} against ${threshold} after ${samples} samples${again}`;
    return { verdict: 'Fail', evidence, why, byPast };
  }
  return { verdict: 'Pass', evidence, why: `every check passed after ${inStep} samples in this step` };
}

/**
 * Both arms of the step, where both answered. In a bake nothing serves beside it, and what was measured before the switch
 * is the measure. A second look has samples of its own, and where they are too few the first one's word stands.
 */
function comparable({ step, whole, doubtedAfterMs }: Trial): ArmPair & Pick<Verdict, 'byPast'> & { again: string } {
  if (step.control.requests > 0) return { ...step, again: '' };
  const past = { control: whole.control, byPast: true };
  if (doubtedAfterMs === undefined) return { ...past, candidate: whole.candidate, again: '' };
  const { requests, synthetic } = step.candidate;
  return requests - synthetic >= MIN_TAIL_SAMPLES
    ? { ...past, candidate: step.candidate, again: ', in a second look as well' }
    : { ...past, candidate: whole.candidate, again: ', and a second look had too few to say otherwise' };
}

export function errorEvidence(trial: Trial, gate: Gate): Evidence {
  const { requests, failures, synthetic } = trial.whole.candidate;
  const { p0, p1 } = relativeHypotheses(gate, trial.whole.control);
  return {
    metric: errorMetric(gate),
    observed: requests === 0 ? 'none seen' : `${percent(failures / requests)} (${failures} of ${requests})`,
    threshold: `${percent(p0)} normal, ${percent(p1)} intolerable`,
    samples: requests,
    synthetic,
  };
}

/** Says which statuses are counted, where it is not what everybody expects. */
function errorMetric({ errors: { statuses } }: Gate): string {
  return statuses ? `errors (${statuses.join(', ')})` : 'errors';
}

/** Both arms are bad at once: what is broken is not the candidate. */
export function isShared(trial: Trial, gate: Gate): boolean {
  return isOutage(trial.recent.control, gate.errors.intolerable);
}

/** Samples that are still missing for a pass if every one of them is good. */
export function missingSamples(trial: Trial, gate: Gate): number {
  const toStep = gate.minSamples - trial.step.candidate.requests;
  const open = trial.errors.passed && trial.errors.ratio <= 0;
  const toPass = open ? 0 : successesToPass(trial.errors.ratio, relativeHypotheses(gate, trial.whole.control));
  const toWarm = trial.warmUp.done ? 0 : gate.warmUp.requests - trial.warmUp.requests;
  return Math.max(0, toStep, toPass) + Math.max(0, toWarm);
}
