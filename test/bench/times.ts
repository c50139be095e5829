/** Sections that measure how long something takes, many times over: percentiles instead of medians of rounds. */
import type { Limit, SectionResult } from './harness.ts';

/** The value that at least `share` of the values do not exceed; NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** `times`: milliseconds, by what took them. */
export function summariseTimes(
  title: string,
  conditions: string,
  times: ReadonlyMap<string, readonly number[]>,
  limits: readonly Limit[],
): SectionResult {
  const subjects = [...times].map(([name, values]) => {
    const p50 = percentile(values, 0.5);
    return {
      name,
      medians: {
        'p50 ms': p50,
        'p95 ms': percentile(values, 0.95),
        'least ms': percentile(values, 0),
        'most ms': percentile(values, 1),
      },
      spread: { 'p50 ms': (percentile(values, 1) - percentile(values, 0)) / p50 },
    };
  });
  return {
    title,
    conditions,
    rounds: Math.max(0, ...[...times.values()].map((values) => values.length)),
    subjects,
    ratios: [],
    limits: limits.map((limit) => {
      const value = percentile(times.get(limit.subject) ?? [], 0.95);
      return { ...limit, value, met: value <= limit.p95AtMostMs };
    }),
  };
}
