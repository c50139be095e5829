/**
 * How figures are made: every subject is measured once per round, in turn (A B C A B C …), so that what the machine does
 * beside it falls on all of them; medians over the rounds; ratios of medians of the same run.
 */
export type Metrics = Readonly<Record<string, number>>;

export interface Subject {
  readonly name: string;
  measure(): Promise<Metrics>;
}

/** `subject.metric ÷ other.metric`, or the metric itself where there is no other, and what is wanted of it. */
export type Ratio = {
  readonly subject: string;
  readonly to?: string;
  readonly metric: string;
} & ({ readonly atLeast: number } | { readonly atMost: number });

/** The most that a duration may be, in 95 of 100 cases. */
export interface Limit {
  readonly subject: string;
  readonly p95AtMostMs: number;
}

/** What a figure of a subject may be at most, or has to be at least; with `minus`, what it has over another subject in the same round. */
export interface Bound {
  readonly subject: string;
  readonly minus?: string;
  readonly metric: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/**
 * Judged by its median, as all else. `best` is of its best round, to tell what a busy machine took: other work only ever
 * takes. A difference has none, for the best one of those is luck.
 */
export interface JudgedBound extends Bound {
  readonly value: number;
  readonly best: number;
  readonly met: boolean;
}

export interface SectionResult {
  readonly title: string;
  /** What was held fixed, for whoever repeats it. */
  readonly conditions: string;
  readonly rounds: number;
  readonly subjects: readonly {
    readonly name: string;
    readonly medians: Metrics;
    /** (largest − smallest) ÷ median of each metric: how much to believe. */
    readonly spread: Metrics;
  }[];
  readonly ratios: readonly (Ratio & { readonly value: number; readonly met: boolean })[];
  readonly limits: readonly (Limit & { readonly value: number; readonly met: boolean })[];
  readonly bounds?: readonly JudgedBound[];
}

export async function measureInTurn(
  subjects: readonly Subject[],
  rounds: number,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void = () => undefined,
): Promise<ReadonlyMap<string, readonly Metrics[]>> {
  const measured = new Map<string, Metrics[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const subject of subjects) {
      const metrics = await subject.measure();
      measured.get(subject.name)!.push(metrics);
      onMeasured(round, subject.name, metrics);
    }
  }
  return measured;
}

export function summarise(
  title: string,
  conditions: string,
  measured: ReadonlyMap<string, readonly Metrics[]>,
  ratios: readonly Ratio[],
  bounds: readonly Bound[] = [],
): SectionResult {
  const subjects = [...measured].map(([name, rounds]) => ({
    name,
    medians: overRounds(rounds, median),
    spread: overRounds(rounds, spreadOf),
  }));
  const medianOf = (name: string, metric: string): number =>
    subjects.find((subject) => subject.name === name)?.medians[metric] ?? Number.NaN;
  return {
    title,
    conditions,
    rounds: Math.max(0, ...[...measured.values()].map((rounds) => rounds.length)),
    subjects,
    ratios: ratios.map((ratio) => {
      const of = ratio.to === undefined ? 1 : medianOf(ratio.to, ratio.metric);
      const value = medianOf(ratio.subject, ratio.metric) / of;
      return { ...ratio, value, met: 'atLeast' in ratio ? value >= ratio.atLeast : value <= ratio.atMost };
    }),
    limits: [],
    bounds: bounds.map((bound) => judge(bound, measured)),
  };
}

export function judge(bound: Bound, measured: ReadonlyMap<string, readonly Metrics[]>): JudgedBound {
  const { subject, minus, metric, atMost, atLeast } = bound;
  const less = minus === undefined ? undefined : (measured.get(minus) ?? []);
  const values = (measured.get(subject) ?? []).map(
    (round, index) => (round[metric] ?? Number.NaN) - (less === undefined ? 0 : (less[index]?.[metric] ?? Number.NaN)),
  );
  const value = median(values);
  const best = minus !== undefined ? value : atMost === undefined ? Math.max(...values) : Math.min(...values);
  return { ...bound, value, best, met: value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity) };
}

/** The middle one; the mean of the middle two; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

/** Nothing differs where all are 0. */
function spreadOf(values: readonly number[]): number {
  const spread = Math.max(...values) - Math.min(...values);
  return spread === 0 ? 0 : spread / median(values);
}

function overRounds(rounds: readonly Metrics[], combine: (values: readonly number[]) => number): Metrics {
  const metrics = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(metrics.map((metric) => [metric, combine(rounds.map((round) => round[metric]!))]));
}
