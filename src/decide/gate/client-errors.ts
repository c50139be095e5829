import type { Tally } from '../../model/memory.ts';
import type { Evidence } from '../../model/status.ts';
import { percent } from './percent.ts';

/** One-sided standard normal quantiles for 1 % divided by 1 to 10 looks. */
const CRITICAL = [2.326, 2.576, 2.713, 2.807, 2.878, 2.935, 2.983, 3.023, 3.059, 3.09];
/** Requests in each arm below which two shares are not compared. */
const MIN_SHARE_SAMPLES = 30;

/**
 * Is the candidate's share of 4xx answers more than `maxShift` above serving's? A one-sided test for the difference of
 * two shares (normal approximation with Agresti and Caffo's two added samples, The American Statistician 54 (2000)).
 */
export function judgeClientErrors(
  maxShift: number,
  candidate: Tally,
  control: Tally,
  looks: number,
): { readonly failed: boolean; readonly evidence: Evidence } | undefined {
  const requests = candidate.requests - candidate.synthetic;
  const controlRequests = control.requests - control.synthetic;
  if (Math.min(requests, controlRequests) < MIN_SHARE_SAMPLES) return undefined;

  const share = (candidate.status4xx + 1) / (requests + 2);
  const normal = (control.status4xx + 1) / (controlRequests + 2);
  const variance = (share * (1 - share)) / (requests + 2) + (normal * (1 - normal)) / (controlRequests + 2);
  const critical = CRITICAL[Math.min(looks, CRITICAL.length) - 1]!;
  const plain = candidate.status4xx / requests;
  const plainNormal = control.status4xx / controlRequests;
  return {
    failed: plain - plainNormal > maxShift && (share - normal - maxShift) / Math.sqrt(variance) > critical,
    evidence: {
      metric: 'share of 4xx',
      observed: percent(plain),
      threshold: `≤ ${percent(plainNormal + maxShift)} (serving ${percent(plainNormal)})`,
      samples: requests,
      synthetic: 0,
    },
  };
}
