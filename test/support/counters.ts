import { LATENCY_BUCKETS_US, type Counters } from '../../src/model/engine.ts';

/** What counts of an engine are at its start; the lists are its own. */
export function noCounts(): {
  -readonly [K in keyof Counters]: Counters[K] extends readonly number[] ? number[] : Counters[K];
} {
  return {
    requests: 0,
    failures: 0,
    status5xx: 0,
    traps: 0,
    deadlines: 0,
    status4xx: 0,
    clientAborts: 0,
    overloads: 0,
    latency: Array.from({ length: LATENCY_BUCKETS_US.length + 1 }, () => 0),
  };
}
