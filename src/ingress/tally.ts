/** Counts of one release: typed arrays, so that counting costs no object; read out as plain data. */
import { LATENCY_BUCKETS_US, type Counters, type ReleaseSamples } from '../model/engine.ts';
import type { GroupId, SnapshotRule } from '../model/snapshot.ts';
import { failingStatuses } from './failing.ts';

const SMALLEST_BUCKET_US = LATENCY_BUCKETS_US[0]!;
const LARGEST_BUCKET_US = LATENCY_BUCKETS_US.at(-1)!;

/** The index of the first bucket that holds the latency; buckets are a half power of two apart, so it is one or two steps off the exponent. */
export function latencyBucket(microseconds: number): number {
  if (microseconds > LARGEST_BUCKET_US) return LATENCY_BUCKETS_US.length;
  const exponent = 31 - Math.clz32(microseconds / SMALLEST_BUCKET_US);
  let index = exponent <= 0 ? 0 : 2 * exponent;
  while (microseconds > LATENCY_BUCKETS_US[index]!) index++;
  return index;
}

export class Tally {
  requests = 0;
  failures = 0;
  status5xx = 0;
  traps = 0;
  deadlines = 0;
  status4xx = 0;
  clientAborts = 0;
  overloads = 0;
  readonly #latency = new Float64Array(LATENCY_BUCKETS_US.length + 1);

  get isEmpty(): boolean {
    return this.requests + this.clientAborts + this.overloads === 0;
  }

  latency(elapsedMs: number): void {
    this.#latency[latencyBucket(elapsedMs * 1000)]!++;
  }

  read(): Counters {
    return {
      requests: this.requests,
      failures: this.failures,
      status5xx: this.status5xx,
      traps: this.traps,
      deadlines: this.deadlines,
      status4xx: this.status4xx,
      clientAborts: this.clientAborts,
      overloads: this.overloads,
      latency: [...this.#latency],
    };
  }
}

const EVERY_5XX = failingStatuses();

export class ReleaseTally {
  readonly release: string;
  readonly group: GroupId;
  readonly traffic = new Tally();
  readonly synthetic = new Tally();
  readonly preview = new Tally();
  readonly mirrored = new Tally();
  /** Copies of requests that it has now (copies.ts). */
  copies = 0;
  /** Statuses of its guest that are failures (failing.ts). */
  failing: Uint8Array = EVERY_5XX;
  consecutiveFailures = 0;
  /** From the choice of the arm to the end of the call: what a drain waits for. */
  inFlight = 0;

  constructor(release: string, group: GroupId) {
    this.release = release;
    this.group = group;
  }

  read(): ReleaseSamples {
    return {
      release: this.release,
      group: this.group,
      traffic: this.traffic.read(),
      synthetic: this.synthetic.read(),
      ...(this.preview.isEmpty ? {} : { preview: this.preview.read() }),
      ...(this.mirrored.isEmpty ? {} : { mirrored: this.mirrored.read() }),
      consecutiveFailures: this.consecutiveFailures,
      inFlight: this.inFlight,
    };
  }
}

/** Releases that no snapshot names any more are kept for their readers up to this number, the oldest leave first. */
const MAX_PAST_RELEASES = 256;
/** A run of failures is reported at this length, and then each time that it has doubled. */
const FIRST_REPORTED_RUN = 3;

export class Tallies {
  readonly #releases = new Map<string, ReleaseTally>();
  readonly #onFailureRun: (release: string, run: number) => void;

  constructor(onFailureRun: (release: string, run: number) => void) {
    this.#onFailureRun = onFailureRun;
  }

  of(release: string, group: GroupId): ReleaseTally {
    const known = this.#releases.get(release);
    if (known !== undefined) return known;
    const tally = new ReleaseTally(release, group);
    this.#releases.set(release, tally);
    return tally;
  }

  /** What counts as a failure from now on, by the arms of a snapshot; its previews count although nobody may see them. */
  judgeBy(rules: readonly SnapshotRule[]): void {
    for (const { release, group, failureStatuses } of rules.flatMap((rule) => rule.arms)) {
      this.of(release, group).failing = failureStatuses ? failingStatuses(failureStatuses) : EVERY_5XX;
    }
  }

  succeeded(tally: ReleaseTally): void {
    tally.consecutiveFailures = 0;
  }

  failed(tally: ReleaseTally): void {
    const run = ++tally.consecutiveFailures;
    const quotient = run / FIRST_REPORTED_RUN;
    if (Number.isInteger(quotient) && (quotient & (quotient - 1)) === 0) this.#onFailureRun(tally.release, run);
  }

  /** Lets the oldest past releases go. `present` are those that a snapshot names. */
  retain(present: ReadonlySet<string>): void {
    const past = [...this.#releases.values()].filter(
      ({ release, inFlight }) => !present.has(release) && inFlight === 0,
    );
    for (const { release } of past.slice(0, Math.max(0, past.length - MAX_PAST_RELEASES)))
      this.#releases.delete(release);
  }

  read(): readonly ReleaseSamples[] {
    return [...this.#releases.values()].map((tally) => tally.read());
  }
}
