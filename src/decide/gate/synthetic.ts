import type { Gate } from '../../model/rollout.ts';
import type { Trial } from '../../model/memory.ts';
import type { Probes, ProbeCall } from '../../model/component.ts';
import { missingSamples } from './trial.ts';

/** Real traffic gets this long, and the step's own duration, to bring the samples by itself. */
const PATIENCE_MS = 30_000;
/** Synthetic runs wait this long for real traffic to show itself. */
const FIRST_LOOK_MS = 2_000;
/** Runs per step: a revision that needs more samples than these does not get them from us. */
const MAX_RUNS_PER_STEP = 4;
const DEFAULT_REQUESTS = 300;

export interface SyntheticNeed {
  readonly requests: number;
  readonly call: ProbeCall;
}

/**
 * How many synthetic requests should be sent now, if any: the gate asks for them, nothing is in the air, and real
 * traffic at its present rate would not bring what is missing within the step's duration or half a minute.
 */
export function syntheticNeed(
  trial: Trial,
  gate: Gate,
  probes: Probes,
  step: { readonly elapsedMs: number; readonly durationMs: number; readonly takesRequests: boolean },
): SyntheticNeed | undefined {
  if (gate.insufficientData !== 'Synthesize' || trial.synthetic.run !== undefined) return undefined;
  const call = gate.synthetic?.call ?? probes.readiness?.call;
  // Where visitors do not meet it, no real traffic can show itself.
  if (!call || (step.takesRequests && step.elapsedMs < FIRST_LOOK_MS)) return undefined;

  const missing = missingSamples(trial, gate);
  const perRun = gate.synthetic?.requests ?? DEFAULT_REQUESTS;
  const left = MAX_RUNS_PER_STEP * perRun - trial.synthetic.sentInStep;
  if (missing === 0 || left <= 0) return undefined;

  const real = trial.step.candidate.requests - trial.step.candidate.synthetic;
  const patienceMs = Math.max(PATIENCE_MS, step.durationMs - step.elapsedMs);
  const expectedMs = real === 0 ? Number.POSITIVE_INFINITY : (missing / real) * step.elapsedMs;
  if (expectedMs <= patienceMs) return undefined;
  return { requests: Math.min(missing, perRun, left), call };
}
