/**
 * The sequential probability ratio test for an error rate (A. Wald, "Sequential Tests of Statistical Hypotheses",
 * Annals of Mathematical Statistics 16 (1945), 117-186), with two changes:
 *
 * - clamped: the ratio never falls below its pass boundary, so that a fault that comes late is still found as fast as
 *   one that was there from the start (Page's cumulative sum, Biometrika 41 (1954), 100-115, with Wald's boundaries);
 * - relative: the hypotheses move with what serving does in the same window, so that a service whose normal error rate
 *   is above `tolerable` can still be changed.
 *
 * One test is carried across all steps and the bake. A test restarted in each step would add up its false alarms.
 */
export const ERROR_PROBABILITY = 0.01;

/** ln((1 − β) / α) ≈ 4.6 and ln(β / (1 − α)) ≈ −4.6 for α = β = 1 %. */
export const FAIL_BOUNDARY = Math.log((1 - ERROR_PROBABILITY) / ERROR_PROBABILITY);
export const PASS_BOUNDARY = Math.log(ERROR_PROBABILITY / (1 - ERROR_PROBABILITY));

/** Above this share of failures serving itself is broken and says nothing about what is normal. */
const HIGHEST_NORMAL_RATE = 0.9;

export interface Hypotheses {
  /** A healthy release fails this share of requests. */
  readonly p0: number;
  /** A broken one at least this. */
  readonly p1: number;
}

/**
 * p0 = max(tolerable, serving's rate), p1 = p0 + (intolerable − tolerable). Serving's rate is pulled towards
 * `tolerable` as if `pseudoSamples` more requests had been answered at exactly that rate: the first few requests of a
 * window must not make any error rate look normal. Where it is above `tolerable`, its standard error is added: an
 * estimate that happens to be low must not make a normal rate look broken.
 */
export function hypotheses(
  bounds: { readonly tolerable: number; readonly intolerable: number },
  control: { readonly requests: number; readonly failures: number },
  pseudoSamples: number,
): Hypotheses {
  const weight = control.requests + pseudoSamples;
  const estimate = weight === 0 ? 0 : (control.failures + bounds.tolerable * pseudoSamples) / weight;
  const error = weight === 0 ? 0 : Math.sqrt((estimate * (1 - estimate)) / weight);
  const rate = estimate > bounds.tolerable ? estimate + error : estimate;
  // A tolerable of 0 % would make a single failure infinitely unlikely: one in ten thousand is as strict as it gets.
  const p0 = Math.min(HIGHEST_NORMAL_RATE, Math.max(bounds.tolerable, rate, 1e-4));
  const p1 = Math.min(1 - 1e-4, Math.max(p0 + bounds.intolerable - bounds.tolerable, p0 * 1.01));
  return { p0, p1 };
}

/** Whole numbers of failures that one call can spread; beyond it the boundary has been passed long before. */
const MAX_SPREAD_FAILURES = 10_000;

/**
 * The ratio after `requests` more of which `failures` failed. Their order within one look is unknown: the failures are
 * taken as evenly spread. The fail boundary holds: once reached, nothing brings the ratio back.
 */
export function advanceRatio(ratio: number, requests: number, failures: number, { p0, p1 }: Hypotheses): number {
  if (ratio >= FAIL_BOUNDARY) return ratio;
  const perFailure = Math.log(p1 / p0);
  const perSuccess = Math.log((1 - p1) / (1 - p0));
  const runs = Math.min(failures, MAX_SPREAD_FAILURES);
  const successesPerRun = (requests - failures) / (runs + 1);
  let next = Math.max(PASS_BOUNDARY, ratio + successesPerRun * perSuccess);
  for (let failure = 0; failure < runs; failure++) {
    next += perFailure;
    if (next >= FAIL_BOUNDARY) return next;
    next = Math.max(PASS_BOUNDARY, next + successesPerRun * perSuccess);
  }
  return next;
}

/** How many straight successes bring the ratio to its pass boundary: what the test still needs to pass. */
export function successesToPass(ratio: number, { p0, p1 }: Hypotheses): number {
  const perSuccess = Math.log((1 - p1) / (1 - p0));
  return ratio <= PASS_BOUNDARY ? 0 : Math.ceil((PASS_BOUNDARY - ratio) / perSuccess);
}
