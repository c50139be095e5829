import { describe, expect, it } from 'vitest';
import { absorbSamples, judge, lookAgain, nextStep } from '../../../src/decide/gate/trial.ts';
import { EMPTY_TALLY, FRESH_TRIAL } from '../../../src/decide/gate/tally.ts';
import { LATENCY_BUCKETS_US } from '../../../src/model/engine.ts';
import type { Tally, Trial } from '../../../src/model/memory.ts';
import type { Gate } from '../../../src/model/rollout.ts';
import { seeded } from '../../support/seeded.ts';

const GATE: Gate = {
  errors: { tolerable: 0.005, intolerable: 0.02, maxShiftOfClientErrors: 0.05 },
  latency: { percentile: 0.99, maxIncreaseOverStable: 0.2 },
  hardStops: { consecutiveErrors: 5, crashes: 2, windowMs: 60_000 },
  minSamples: 100,
  warmUp: { requests: 0, durationMs: 0 },
  insufficientData: 'Hold',
};

/** A release's behaviour: shares of failures and 4xx, and a log-normal latency with an optional slow share. */
interface Behaviour {
  readonly failures: number;
  readonly status4xx: number;
  readonly slow: number;
}

const HEALTHY: Behaviour = { failures: 0.002, status4xx: 0.02, slow: 0 };
/** Steps as (share of traffic, requests in all until the step may end); the last is the bake. */
const STEPS = [
  { weight: 0.1, requests: 6_000 },
  { weight: 0.5, requests: 2_000 },
  { weight: 1, requests: 3_000 },
];
const LOOK = 40;

function requests(count: number, behaviour: Behaviour, random: () => number): Tally {
  const latency = [...EMPTY_TALLY.latency];
  let failures = 0;
  let status4xx = 0;
  for (let index = 0; index < count; index++) {
    if (random() < behaviour.failures) failures++;
    else if (random() < behaviour.status4xx) status4xx++;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const us = 2_000 * Math.exp(0.5 * normal) * (random() < behaviour.slow ? 20 : 1);
    const bucket = Math.ceil(2 * Math.log2(us / LATENCY_BUCKETS_US[0]!));
    latency[Math.min(LATENCY_BUCKETS_US.length, Math.max(0, bucket))]!++;
  }
  return { requests: count, failures, synthetic: 0, status4xx, latency };
}

/** One whole rollout; the verdict and the candidate's samples at which it fell. */
function rollout(first: Behaviour, serving: Behaviour, random: () => number, inBake = first) {
  let trial: Trial = { ...FRESH_TRIAL, warmUp: { requests: 0, done: true } };
  let clockMs = 0;
  for (const { weight, requests: total } of STEPS) {
    trial = nextStep(trial);
    const candidate = weight < 1 ? first : inBake;
    for (let sent = 0; sent < total; sent += LOOK) {
      const mine = Math.round(LOOK * weight);
      clockMs += 100;
      trial = absorbSamples(trial, GATE, {
        candidate: requests(mine, candidate, random),
        control: requests(LOOK - mine, serving, random),
        clockMs,
        elapsedMs: 100,
        open: true,
      });
      const verdict = judge(trial, GATE, STEPS.length, sent + LOOK >= total);
      if (verdict.byPast && trial.doubtedAfterMs === undefined) {
        trial = lookAgain(trial, clockMs, verdict.evidence);
        sent = -LOOK;
      } else if (verdict.verdict === 'Fail')
        return { failed: true, why: verdict.why, samples: trial.whole.candidate.requests };
    }
  }
  return { failed: false, why: 'passed', samples: trial.whole.candidate.requests };
}

function shareFailed(candidate: Behaviour, serving: Behaviour, runs: number, seed: number): number {
  const random = seeded(seed);
  let failed = 0;
  for (let run = 0; run < runs; run++) if (rollout(candidate, serving, random).failed) failed++;
  return failed / runs;
}

// Thousands of rollouts: seconds, on a machine that does something else as well.
describe('the combined gate over all steps', { timeout: 120_000 }, () => {
  it('aborts at most 1.5 % of healthy rollouts', () => {
    expect(shareFailed(HEALTHY, HEALTHY, 600, 1)).toBeLessThanOrEqual(0.015);
  });

  it('does not hold a normal error rate of 1 % against a release that shares it with serving', () => {
    const noisy = { ...HEALTHY, failures: 0.01 };
    expect(shareFailed(noisy, noisy, 600, 2)).toBeLessThanOrEqual(0.015);
  });

  it('catches a half-broken release in a median of at most 20 samples', () => {
    const random = seeded(3);
    const samples: number[] = [];
    for (let run = 0; run < 300; run++) {
      const outcome = rollout({ ...HEALTHY, failures: 0.5 }, HEALTHY, random);
      expect(outcome.failed).toBe(true);
      samples.push(outcome.samples);
    }
    samples.sort((one, other) => one - other);
    expect(samples[150]).toBeLessThanOrEqual(20);
  });

  it('catches a fault that comes after a thousand good samples as well as one from the start', () => {
    const random = seeded(4);
    let trial: Trial = { ...FRESH_TRIAL, warmUp: { requests: 0, done: true } };
    const look = (behaviour: Behaviour, clockMs: number) => {
      trial = absorbSamples(trial, GATE, {
        candidate: requests(4, behaviour, random),
        control: requests(36, HEALTHY, random),
        clockMs,
        elapsedMs: 100,
        open: true,
      });
    };
    for (let index = 0; index < 250; index++) look({ ...HEALTHY, failures: 0 }, index * 100);
    expect(trial.errors.passed).toBe(true);
    let more = 0;
    while (judge(trial, GATE, 3, false).verdict !== 'Fail') {
      look({ ...HEALTHY, failures: 0.5 }, 100_000 + more * 100);
      more += 4;
      expect(more).toBeLessThan(80);
    }
  });

  it('catches a slow tail that serving does not have', () => {
    expect(shareFailed({ ...HEALTHY, slow: 0.06 }, HEALTHY, 60, 5)).toBeGreaterThan(0.95);
  });

  it('catches a slow tail that comes in the bake, where nothing serves beside it', () => {
    const random = seeded(7);
    const outcomes = Array.from({ length: 60 }, () => rollout(HEALTHY, HEALTHY, random, { ...HEALTHY, slow: 0.06 }));
    expect(outcomes.filter(({ why }) => why.endsWith('in a second look as well')).length).toBeGreaterThan(57);
  });

  it('catches a jump in client errors that serving does not have', () => {
    expect(shareFailed({ ...HEALTHY, status4xx: 0.2 }, HEALTHY, 60, 6)).toBeGreaterThan(0.95);
  });
});
