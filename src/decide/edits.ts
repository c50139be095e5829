/**
 * Edits during a rollout of the same release (rollouts.md §2): none of them raises exposure by itself.
 */
import { canonicalJson, type Json } from '../kit/json.ts';
import type { Candidate } from '../model/memory.ts';
import { EMPTY_PAIR, freshTrial } from './gate/tally.ts';
import { withCandidate, type EntryDraft } from './memory.ts';
import { headerText, stepOf, stepsOf, type Step } from './steps.ts';
import type { Target } from './world.ts';

export interface Edit {
  readonly change: Partial<Candidate>;
  readonly why: string;
}

/** What the edit does to the candidate; undefined when nothing about the attempt changed. */
export function editOf(candidate: Candidate, target: Target, clockMs: number): Edit | undefined {
  const before = candidate.release.entry;
  const after = target.entry;
  const [oldSteps, steps] = [stepsOf(before), stepsOf(after)];
  // The number of replicas is in no attempt, and a rolling strategy makes its steps of it.
  const stepsChanged = candidate.state === 'Canary' && !same(oldSteps, steps);
  if (candidate.attempt === target.attempt && !stepsChanged) return undefined;
  const [old, now] = [before.rollout.settings, after.rollout.settings];
  const restarted = isAfterReady(candidate)
    ? {
        state: 'Ready' as const,
        step: 0,
        weight: 0,
        sinceMs: clockMs,
        resumeStep: undefined,
        replicas: undefined,
        trial: freshTrial(clockMs),
      }
    : { trial: freshTrial(clockMs) };
  if (old.strategy.type !== now.strategy.type || !same(before.retries, after.retries)) {
    return { change: restarted, why: 'strategy type or retry changed: step 1 with the warm candidate' };
  }
  if (!same(before.probes, after.probes)) return { change: restarted, why: 'probes changed: ready again, then step 1' };
  const gateChanged = !same(old.gate, now.gate);
  const trial = gateChanged ? { ...freshTrial(clockMs), warmUp: candidate.trial.warmUp } : candidate.trial;
  if (stepsChanged && steps.length === 0) {
    return { change: restarted, why: 'no steps are left: it is switched to when all its replicas are ready' };
  }
  if (candidate.state === 'Canary' && (stepsChanged || !same(old.strategy, now.strategy))) {
    const step = stepsChanged ? steps.findLastIndex((next) => exposesNoMore(next, candidate)) + 1 : candidate.step;
    const change = {
      step,
      sinceMs: clockMs,
      trial: { ...trial, step: EMPTY_PAIR },
      weight: steps[step - 1]?.weight ?? candidate.weight,
      replicas: steps[step - 1]?.replicas ?? candidate.replicas,
    };
    return {
      change,
      why: stepsChanged
        ? `steps changed: goes on at step ${step}, the last that gives the candidate no more than it has`
        : 'strategy changed, not its steps: goes on where it is',
    };
  }
  return {
    change: { trial },
    why: gateChanged ? 'gate changed: stays at its weight, fresh samples' : 'approvals looked at again',
  };
}

/** Neither a larger share, nor requests of others by their header, nor more copies. */
function exposesNoMore({ weight, headers = [], mirror = 0 }: Step, candidate: Candidate): boolean {
  const present = stepOf(candidate);
  const own = new Set((present?.headers ?? []).map(headerText));
  return (
    weight <= candidate.weight &&
    headers.every((header) => own.has(headerText(header))) &&
    mirror <= (present?.mirror ?? 0)
  );
}

function isAfterReady(candidate: Candidate): boolean {
  return candidate.state === 'Ready' || candidate.state === 'Canary';
}

/** Follows the target: its facts in git that are in no attempt (approvals, scaling, drain) apply as they are. */
export function follow(entry: EntryDraft, target: Target, edit: Edit | undefined): void {
  withCandidate(entry, { release: target.release, attempt: target.attempt, ...edit?.change });
}

function same(one: unknown, other: unknown): boolean {
  return canonicalJson(one as Json) === canonicalJson(other as Json);
}
