import { LATENCY_BUCKETS_US } from '../../model/engine.ts';
import type { Tally } from '../../model/memory.ts';
import type { Gate } from '../../model/rollout.ts';
import type { Evidence } from '../../model/status.ts';
import { binomialTail } from './binomial.ts';
import { ERROR_PROBABILITY } from './sequential.ts';

/** Fewer requests than this in either arm cannot say anything about a tail. */
export const MIN_TAIL_SAMPLES = 50;

/** The `share` quantile of a histogram in microseconds, interpolated within its bucket; undefined when it is empty. */
export function quantile(histogram: readonly number[], share: number): number | undefined {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (let bucket = 0; bucket < histogram.length; bucket++) {
    const count = histogram[bucket]!;
    if (below + count >= share * total && count > 0) {
      const low = bucket === 0 ? 0 : LATENCY_BUCKETS_US[bucket - 1]!;
      const high = LATENCY_BUCKETS_US[bucket] ?? low * Math.SQRT2;
      return low + ((share * total - below) / count) * (high - low);
    }
    below += count;
  }
  return LATENCY_BUCKETS_US.at(-1);
}

/** Requests that certainly took longer than `boundUs`: those in buckets that lie wholly above it. */
function above(histogram: readonly number[], boundUs: number): number {
  const first = LATENCY_BUCKETS_US.findIndex((upper) => upper >= boundUs);
  return first < 0 ? 0 : histogram.slice(first + 1).reduce((sum, count) => sum + count, 0);
}

/**
 * Does the candidate exceed serving's percentile, stretched by what is allowed, more often than the percentile permits?
 * Two exact tests have to agree: its own share against 1 − percentile (binomial), and its part of all such requests
 * against its part of the traffic (binomial given the total, R. A. Fisher's conditioning), because serving's percentile
 * is itself an estimate. `looks` is how often the rollout looks in all: the error probability is divided by it.
 */
export function judgeLatency(
  gate: NonNullable<Gate['latency']>,
  candidate: Tally,
  control: Tally,
  looks: number,
): { readonly failed: boolean; readonly evidence: Evidence } | undefined {
  const requests = candidate.requests - candidate.synthetic;
  const controlRequests = control.requests - control.synthetic;
  const stable = quantile(control.latency, gate.percentile);
  const observed = quantile(candidate.latency, gate.percentile);
  if (stable === undefined || observed === undefined) return undefined;
  if (Math.min(requests, controlRequests) < MIN_TAIL_SAMPLES) return undefined;

  const boundUs = stable * (1 + gate.maxIncreaseOverStable);
  const slow = above(candidate.latency, boundUs);
  const slowInAll = slow + above(control.latency, boundUs);
  const level = ERROR_PROBABILITY / looks;
  const failed =
    binomialTail(requests, slow, 1 - gate.percentile) < level &&
    binomialTail(slowInAll, slow, requests / (requests + controlRequests)) < level;
  return {
    failed,
    evidence: {
      metric: `latency p${Number((gate.percentile * 100).toFixed(2))}`,
      observed: milliseconds(observed),
      threshold: `≤ ${milliseconds(boundUs)} (serving ${milliseconds(stable)})`,
      samples: requests,
      synthetic: 0,
    },
  };
}

function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(microseconds < 10_000 ? 2 : 0)} ms`;
}
