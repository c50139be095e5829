import { LATENCY_BUCKETS_US } from '../../model/engine.ts';
import type { ArmPair, FadingCount, SeenCounters, Tally, Trial } from '../../model/memory.ts';

const BUCKETS = LATENCY_BUCKETS_US.length + 1;

export const EMPTY_TALLY: Tally = {
  requests: 0,
  failures: 0,
  synthetic: 0,
  status4xx: 0,
  latency: Array.from({ length: BUCKETS }, () => 0),
};

export const EMPTY_PAIR: ArmPair = { candidate: EMPTY_TALLY, control: EMPTY_TALLY };
const NOTHING: FadingCount = { requests: 0, failures: 0 };

/** A trial in which nothing has been seen yet; `freshTrial` says since when. */
export const FRESH_TRIAL: Trial = {
  startedMs: 0,
  whole: EMPTY_PAIR,
  step: EMPTY_PAIR,
  recent: { candidate: NOTHING, control: NOTHING },
  errors: { ratio: 0, passed: false },
  warmUp: { requests: 0, done: false },
  synthetic: { sentInStep: 0 },
  verdict: 'Continue',
  evidence: [],
};

export function freshTrial(startedMs: number): Trial {
  return { ...FRESH_TRIAL, startedMs };
}

export const NOTHING_SEEN: SeenCounters = {
  requests: 0,
  failures: 0,
  status4xx: 0,
  syntheticRequests: 0,
  syntheticFailures: 0,
  latency: EMPTY_TALLY.latency,
};

export function addTally(one: Tally, other: Tally): Tally {
  return {
    requests: one.requests + other.requests,
    failures: one.failures + other.failures,
    synthetic: one.synthetic + other.synthetic,
    status4xx: one.status4xx + other.status4xx,
    latency: one.latency.map((count, bucket) => count + (other.latency[bucket] ?? 0)),
  };
}

/** What came since `seen`. Counters only grow within an epoch; anything else is a new epoch that was not noticed. */
export function tallySince(seen: SeenCounters, now: SeenCounters): Tally {
  const more = (before: number, after: number) => (after >= before ? after - before : after);
  const synthetic = more(seen.syntheticRequests, now.syntheticRequests);
  return {
    requests: more(seen.requests, now.requests) + synthetic,
    failures: more(seen.failures, now.failures) + more(seen.syntheticFailures, now.syntheticFailures),
    synthetic,
    status4xx: more(seen.status4xx, now.status4xx),
    latency: now.latency.map((count, bucket) => more(seen.latency[bucket] ?? 0, count)),
  };
}

const HALF_LIFE_MS = 10_000;

export function fade(count: FadingCount, elapsedMs: number, tally: Tally): FadingCount {
  const left = 0.5 ** (elapsedMs / HALF_LIFE_MS);
  return { requests: count.requests * left + tally.requests, failures: count.failures * left + tally.failures };
}

/** Counts of a bad window: enough requests to say so, and a share that no gate would call normal. */
const OUTAGE_REQUESTS = 5;
const OUTAGE_FAILURES = 3;
const OUTAGE_RATE = 0.05;

/** Is this release, in this window, so bad that it can be nobody's measure? */
export function isOutage(recent: FadingCount, intolerable: number): boolean {
  const rate = recent.requests === 0 ? 0 : recent.failures / recent.requests;
  return (
    recent.requests >= OUTAGE_REQUESTS &&
    recent.failures >= OUTAGE_FAILURES &&
    rate >= Math.max(OUTAGE_RATE, 2 * intolerable)
  );
}
