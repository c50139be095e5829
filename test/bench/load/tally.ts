/** What a load run counts. */
export interface LoadReport {
  /** Requests written to a connection. Each ends as exactly one answer or one loss. */
  readonly sent: number;
  readonly answers: number;
  /** Written, and no complete response: by what happened instead. I1 allows none for a planned change. */
  readonly lost: Readonly<Record<string, number>>;
  readonly lostTotal: number;
  /** Answers, or bytes, beyond the one that a request may have. */
  readonly duplicated: number;
  /** Answers that carry the id of another request, or a body that is not the one that was sent. */
  readonly mismatched: number;
  /** Times that a connection could not be made; no request was sent. */
  readonly refused: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly status5xx: number;
  /** By `x-headway-release`; `-` where an answer has none. */
  readonly byRelease: Readonly<Record<string, number>>;
  /** `release status` → count: whose failures they are. */
  readonly byReleaseAndStatus: Readonly<Record<string, number>>;
  /** `release label` → count, for the header that was asked for: a release should have one label. */
  readonly labels: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly answersPerSecond: number;
  /** From when a request was due (fixed rate) or written (closed loop) to its last byte. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
}

export interface Answer {
  readonly status: number;
  readonly release: string;
  readonly label: string | undefined;
  readonly latencyMs: number;
}

/** Buckets that grow by 1 %, from 1 µs to beyond an hour: a quantile is at most 1 % off. */
const GROWTH = Math.log(1.01);
const BUCKETS = 2300;

export class LoadTally {
  readonly #histogram = new Uint32Array(BUCKETS);
  readonly #lost = new Map<string, number>();
  readonly #byStatus = new Map<string, number>();
  readonly #byRelease = new Map<string, number>();
  readonly #byReleaseAndStatus = new Map<string, number>();
  readonly #labels = new Map<string, number>();
  #answers = 0;
  #maxMs = 0;
  sent = 0;
  duplicated = 0;
  mismatched = 0;
  refused = 0;

  answer(answer: Answer): void {
    this.#answers += 1;
    add(this.#byStatus, String(answer.status));
    add(this.#byRelease, answer.release);
    add(this.#byReleaseAndStatus, `${answer.release} ${answer.status}`);
    if (answer.label !== undefined) add(this.#labels, `${answer.release} ${answer.label}`);
    this.#maxMs = Math.max(this.#maxMs, answer.latencyMs);
    const bucket = Math.floor(Math.log(Math.max(1, answer.latencyMs * 1000)) / GROWTH);
    this.#histogram[Math.min(bucket, BUCKETS - 1)]! += 1;
  }

  lose(reason: string): void {
    add(this.#lost, reason);
  }

  report(seconds: number): LoadReport {
    const statuses = [...this.#byStatus];
    return {
      sent: this.sent,
      answers: this.#answers,
      lost: Object.fromEntries(this.#lost),
      lostTotal: [...this.#lost.values()].reduce((sum, count) => sum + count, 0),
      duplicated: this.duplicated,
      mismatched: this.mismatched,
      refused: this.refused,
      byStatus: Object.fromEntries(statuses),
      status5xx: statuses.reduce((sum, [status, count]) => sum + (status.startsWith('5') ? count : 0), 0),
      byRelease: Object.fromEntries(this.#byRelease),
      byReleaseAndStatus: Object.fromEntries(this.#byReleaseAndStatus),
      labels: Object.fromEntries(this.#labels),
      seconds,
      answersPerSecond: seconds > 0 ? this.#answers / seconds : 0,
      latencyMs: {
        p50: this.#quantile(0.5),
        p90: this.#quantile(0.9),
        p99: this.#quantile(0.99),
        max: this.#maxMs,
      },
    };
  }

  #quantile(share: number): number {
    let left = Math.ceil(share * this.#answers);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#histogram[bucket]!;
      if (left <= 0) return Math.min(Math.exp((bucket + 1) * GROWTH) / 1000, this.#maxMs);
    }
    return this.#maxMs;
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
