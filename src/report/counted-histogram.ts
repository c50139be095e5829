import { LATENCY_BUCKETS_US } from '../model/engine.ts';

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName: string;
}

export interface CountedSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** One more than `LATENCY_BUCKETS_US`. */
  readonly counts: readonly number[];
}

/** Every other bucket: powers of two are fine enough for a graph, and a scrape is half the size. */
const STRIDE = 2;

/**
 * A histogram for prom-client whose buckets were counted elsewhere: in the engine, where the requests are. It has no
 * `_sum`, because the engine keeps none; quantiles need none.
 */
export class CountedHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #read: () => readonly CountedSeries[];

  constructor(name: string, help: string, read: () => readonly CountedSeries[]) {
    this.name = name;
    this.help = help;
    this.#read = read;
  }

  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: readonly Sample[] }> {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values: this.#read().flatMap((series) => this.#samples(series)),
    });
  }

  reset(): void {
    // The counts are not ours.
  }

  #samples({ labels, counts }: CountedSeries): Sample[] {
    const samples: Sample[] = [];
    let total = 0;
    for (const [index, count] of counts.entries()) {
      total += count;
      const bound = LATENCY_BUCKETS_US[index];
      if (bound === undefined || index % STRIDE !== 0) continue;
      samples.push({ value: total, labels: { ...labels, le: bound / 1e6 }, metricName: `${this.name}_bucket` });
    }
    samples.push({ value: total, labels: { ...labels, le: '+Inf' }, metricName: `${this.name}_bucket` });
    samples.push({ value: total, labels, metricName: `${this.name}_count` });
    return samples;
  }
}
