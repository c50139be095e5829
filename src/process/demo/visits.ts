/** What the visitor counted, as it tells a program: one line of JSON, totals since its start. */
export interface Visits {
  readonly answers: number;
  /** Promised and not given: no answer, or one that broke off. */
  readonly lost: number;
  readonly byRelease: { readonly [release: string]: ReleaseVisits };
}

export interface ReleaseVisits {
  readonly answers: number;
  /** Answers of 500 and above. */
  readonly failures: number;
  /** Wall clock, milliseconds: the first answer by this release. */
  readonly firstAtMs: number;
}

export const NO_VISITS: Visits = { answers: 0, lost: 0, byRelease: {} };

/** What came between two reports. */
export function visitsSince(now: Visits, before: Visits): Visits {
  const byRelease = Object.entries(now.byRelease).map(([release, visits]) => {
    const earlier = before.byRelease[release];
    return [
      release,
      {
        ...visits,
        answers: visits.answers - (earlier?.answers ?? 0),
        failures: visits.failures - (earlier?.failures ?? 0),
      },
    ] as const;
  });
  return {
    answers: now.answers - before.answers,
    lost: now.lost - before.lost,
    byRelease: Object.fromEntries(byRelease.filter(([, { answers }]) => answers > 0)),
  };
}

/** For a person: rate, who answered, what failed. */
export function visitsLine({ answers, lost, byRelease }: Visits, seconds: number): string {
  const releases = Object.entries(byRelease).sort((a, b) => b[1].answers - a[1].answers);
  const shares = releases.map(([release, visits]) => `${release} ${Math.round((visits.answers / answers) * 100)} %`);
  const failures = releases.reduce((sum, [, visits]) => sum + visits.failures, 0);
  return `visitor  ${Math.round(answers / seconds)} req/s   ${shares.join(' · ') || 'no answers'}   5xx ${failures}   lost ${lost}`;
}
