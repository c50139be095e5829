/**
 * `/metrics` for Prometheus. Everything that belongs to a component is read afresh at each scrape from the status and
 * the engine's counts, so that its series leave with it.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../kit/clock.ts';
import { short } from '../kit/digest.ts';
import type { Result } from '../kit/result.ts';
import { auditedOf } from '../model/audited.ts';
import type { ReleaseSamples } from '../model/engine.ts';
import type { SignatureOutcome } from '../model/signature.ts';
import type { ChannelStatus } from '../model/report.ts';
import type { Problem } from '../model/problem.ts';
import type { OfRoot, ScheduleStatus, Status } from '../model/status.ts';
import type { StatusSource } from '../reconcile/ports.ts';
import { CountedHistogram } from './counted-histogram.ts';
import { ENGINE_GAUGES } from './engine-gauges.ts';
import { ENTRY_COUNTERS } from './entry-counters.ts';
import { ENTRY_GAUGES } from './entry-gauges.ts';
import { arms, entryOf, outcomesOf } from './release-counts.ts';

/** `Use`, `Denial`, or `Audited`: denied but for an enforcement of Audit. */
export interface AccessCount {
  readonly entry: string;
  readonly kind: string;
  /** As in `spec.capabilities`. */
  readonly capability: string;
  readonly count: number;
}

export interface MetricsSource {
  /** Of the engine; a failure leaves the series out. */
  samples(): Promise<Result<readonly ReleaseSamples[], Problem>>;
  /** Calls of guests under grants since the daemon's start, as the audit has them. */
  access(): readonly AccessCount[];
  /** Bytes on disk by what they are for. */
  storage(): Promise<readonly StoredBytes[]>;
}

export interface StoredBytes extends OfRoot {
  /** `journal`, `audit`, `mirror`. */
  readonly store: string;
  readonly bytes: number;
}

interface View {
  readonly status: Status;
  readonly samples: readonly ReleaseSamples[];
  readonly storage: readonly StoredBytes[];
  readonly access: readonly AccessCount[];
}

type Fill<M> = (metric: M, view: View) => void;

/** Scrapes within this time share one text: whoever asks faster gets no more work out of the daemon. */
const MIN_SCRAPE_PERIOD_MS = 500;
const ROUND_BUCKETS_S = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

export class Metrics {
  readonly #statusSource: StatusSource;
  readonly #source: MetricsSource;
  readonly #clock: Clock;
  readonly #registry = new Registry();
  readonly #rounds: Counter<'outcome' | 'root'>;
  readonly #roundSeconds: Histogram<'root'>;
  readonly #signatures: Counter<'outcome'>;
  #view: View | undefined;
  #scrape: { readonly atMs: number; readonly text: Promise<string> } | undefined;

  constructor(statusSource: StatusSource, source: MetricsSource, clock: Clock) {
    this.#statusSource = statusSource;
    this.#source = source;
    this.#clock = clock;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#rounds = new Counter({
      name: 'headway_reconcile_rounds_total',
      help: 'Rounds of the reconcile loop',
      labelNames: ['outcome', 'root'],
      registers,
    });
    this.#signatures = new Counter({
      name: 'headway_artifact_signatures_total',
      help: 'Demands of Policies for signatures that were looked at; Audited: not met, and used all the same',
      labelNames: ['outcome'],
      registers,
    });
    this.#roundSeconds = new Histogram({
      name: 'headway_reconcile_duration_seconds',
      help: 'How long a round took',
      labelNames: ['root'],
      buckets: ROUND_BUCKETS_S,
      registers,
    });
    this.#registerDaemon();
    this.#registerEntries();
    this.#registerAccess();
    this.#registerReleases();
    this.#registerSchedules();
    this.#registerReports();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  signature(outcome: SignatureOutcome): void {
    this.#signatures.inc({ outcome });
  }

  /** Called by the loop after each round. */
  round(outcome: string, durationMs: number, root?: string): void {
    const labels = root === undefined ? {} : { root };
    this.#rounds.inc({ outcome, ...labels });
    this.#roundSeconds.observe(labels, durationMs / 1_000);
  }

  text(): Promise<string> {
    const atMs = this.#clock.now().monotonicMs;
    if (this.#scrape && atMs - this.#scrape.atMs < MIN_SCRAPE_PERIOD_MS) return this.#scrape.text;
    this.#scrape = { atMs, text: this.#render() };
    return this.#scrape.text;
  }

  close(): void {
    this.#registry.clear();
  }

  async #render(): Promise<string> {
    const [samples, storage] = await Promise.all([this.#source.samples(), this.#source.storage()]);
    const status = this.#statusSource.status();
    const keys = new Set<string>(status.entries.map(({ key }) => key));
    const known = samples.ok ? samples.value.filter(({ group }) => keys.has(entryOf(group))) : [];
    const access = this.#source.access().filter(({ entry }) => keys.has(entry));
    this.#view = { status, samples: known, storage, access };
    return this.#registry.metrics();
  }

  /** A gauge that is emptied and filled at each scrape. */
  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[], fill: Fill<Gauge<L>>): void {
    this.#registry.registerMetric(new Gauge({ name, help, labelNames, registers: [], collect: this.#filledBy(fill) }));
  }

  /** A counter whose values are somebody else's: they only grow, and start anew with the engine. */
  #counter<L extends string>(name: string, help: string, labelNames: readonly L[], fill: Fill<Counter<L>>): void {
    this.#registry.registerMetric(
      new Counter({ name, help, labelNames, registers: [], collect: this.#filledBy(fill) }),
    );
  }

  #filledBy<M extends { reset(): void }>(fill: Fill<M>): (this: M) => void {
    const view = (): View | undefined => this.#view;
    return function collect(this: M): void {
      this.reset();
      const present = view();
      if (present) fill(this, present);
    };
  }

  #registerDaemon(): void {
    this.#gauge('headway_build_info', 'Version of the daemon', ['version'], (gauge, { status }) =>
      gauge.set({ version: status.version }, 1),
    );
    this.#gauge('headway_ready', '1 when the last good state is in force', [], (gauge, { status }) =>
      gauge.set(status.ready ? 1 : 0),
    );
    this.#gauge('headway_engine_connected', '1 when the engine answers', [], (gauge, { status }) =>
      gauge.set(status.engine.connected ? 1 : 0),
    );
    this.#gauge('headway_engine_generation', 'Generation of the snapshot in force', [], (gauge, { status }) =>
      gauge.set(status.engine.generation),
    );
    this.#registerSources();
    this.#gauge('headway_diagnostics', 'Findings in the manifests', ['severity', 'root'], (gauge, { status }) => {
      for (const root of rootsOf(status)) {
        for (const severity of ['error', 'warning'] as const) {
          const found = status.diagnostics.filter((one) => one.severity === severity && one.root === root.root);
          gauge.set({ severity, ...root }, found.length);
        }
      }
    });
    this.#gauge('headway_storage_bytes', 'Disk used', ['store', 'root'], (gauge, { storage }) => {
      for (const { bytes, ...labels } of storage) gauge.set(labels, bytes);
    });
  }

  #registerSources(): void {
    this.#gauge(
      'headway_source_look_age_seconds',
      'Since the git server last answered',
      ['root'],
      (gauge, { status }) => {
        for (const { source, ...root } of sourcesOf(status)) {
          const { lastLookAt } = source;
          if (lastLookAt) gauge.set(root, Math.max(0, (Date.parse(status.now) - Date.parse(lastLookAt)) / 1_000));
        }
      },
    );
    this.#gauge(
      'headway_source_synced',
      '1 when the head of the ref is accepted',
      ['reason', 'root'],
      (gauge, { status }) => {
        for (const { source, ...root } of sourcesOf(status)) {
          const { condition } = source;
          gauge.set({ reason: condition.reason, ...root }, condition.status === 'True' ? 1 : 0);
        }
      },
    );
    this.#gauge('headway_root_ready', '1 when what the root has last is in force', ['root'], (gauge, { status }) => {
      for (const { name, ready } of status.roots ?? []) gauge.set({ root: name }, ready ? 1 : 0);
    });
    this.#gauge(
      'headway_root_namespace_info',
      '1 for each namespace of a root, to join with the namespace of an entry',
      ['root', 'namespace'],
      (gauge, { status }) => {
        for (const { name, namespaces } of status.roots ?? [])
          for (const namespace of namespaces) gauge.set({ root: name, namespace }, 1);
      },
    );
  }

  #registerEntries(): void {
    this.#gauge('headway_entries', 'Entries that are known', [], (gauge, { status }) =>
      gauge.set(status.entries.length),
    );
    this.#gauge('headway_candidates', 'Releases being tried', ['state'], (gauge, { status }) => {
      for (const { candidate } of status.entries) if (candidate) gauge.inc({ state: candidate.state });
    });
    this.#gauge(
      'headway_entry_condition',
      '1 true, 0 false, -1 unknown',
      ['entry', 'condition', 'reason'],
      (gauge, { status }) => {
        const VALUES = { True: 1, False: 0, Unknown: -1 } as const;
        for (const { key, conditions } of status.entries) {
          for (const { type, reason, status: value } of conditions) {
            gauge.set({ entry: key, condition: type, reason }, VALUES[value]);
          }
        }
      },
    );
    this.#gauge(
      'headway_release_weight_percent',
      'Share of the requests',
      ['entry', 'release', 'role'],
      (gauge, { status }) => {
        for (const { key, serving, candidate } of status.entries) {
          if (serving) gauge.set({ entry: key, release: short(serving.release), role: 'serving' }, serving.weight);
          if (candidate)
            gauge.set({ entry: key, release: short(candidate.release), role: 'candidate' }, candidate.weight);
        }
      },
    );
    for (const { name, help, labels, fill } of [...ENTRY_GAUGES, ...ENGINE_GAUGES]) {
      this.#gauge(name, help, labels, (gauge, { status }) => fill(gauge, status));
    }
    for (const { name, help, labels, fill } of ENTRY_COUNTERS) {
      this.#counter(name, help, labels, (counter, { status }) => fill(counter, status));
    }
  }

  #registerSchedules(): void {
    const each = (view: View): readonly ScheduleStatus[] =>
      view.status.entries.flatMap((entry) => entry.schedules ?? []);
    this.#counter(
      'headway_schedule_firings_total',
      'Firings by how they ended; counted by control, over its restarts',
      ['schedule', 'outcome'],
      (counter, view) => {
        for (const { schedule, counts } of each(view))
          for (const [outcome, count] of Object.entries(counts)) counter.inc({ schedule, outcome }, count);
      },
    );
    this.#gauge('headway_schedule_running', 'Firings in flight', ['schedule'], (gauge, view) => {
      for (const { schedule, running } of each(view)) gauge.set({ schedule }, running.length);
    });
    this.#gauge('headway_schedule_next_timestamp_seconds', 'When it fires next', ['schedule'], (gauge, view) => {
      for (const { schedule, next } of each(view)) if (next) gauge.set({ schedule }, Date.parse(next) / 1_000);
    });
    this.#gauge(
      'headway_schedule_last_success_timestamp_seconds',
      'Nominal time of the last firing that ended well, as far as it is remembered',
      ['schedule'],
      (gauge, view) => {
        for (const { schedule, ended } of each(view)) {
          const good = ended.find(({ outcome }) => outcome === 'Succeeded');
          if (good) gauge.set({ schedule }, Date.parse(good.nominal) / 1_000);
        }
      },
    );
  }

  #registerAccess(): void {
    this.#gauge(
      'headway_policy_audited',
      'What Policies in Audit would refuse of an entry',
      ['entry'],
      (gauge, { status }) => {
        for (const { key } of status.entries) gauge.set({ entry: key }, auditedOf(status.diagnostics, key).length);
      },
    );
    this.#counter(
      'headway_grant_calls_total',
      'Calls of guests that grants decide about: used, denied, or audited (denied but for an enforcement of Audit)',
      ['entry', 'capability', 'outcome'],
      (counter, { access }) => {
        for (const { entry, kind, capability, count } of access) {
          counter.inc({ entry, capability, outcome: kind.toLowerCase() }, count);
        }
      },
    );
  }

  #registerReports(): void {
    const channels = ({ status }: View): readonly ChannelStatus[] => status.report?.channels ?? [];
    this.#gauge('headway_report_backlog', 'Commits whose outcome waits to be told', ['channel'], (gauge, view) => {
      for (const { name, backlog } of channels(view)) gauge.set({ channel: name }, backlog);
    });
    this.#gauge('headway_report_refused', 'Reports that their receiver does not take', ['channel'], (gauge, view) => {
      for (const { name, refused } of channels(view)) gauge.set({ channel: name }, refused);
    });
    this.#counter(
      'headway_report_tries_total',
      'Tries to tell the outcome of a commit: delivered, retry (no answer, or to wait), refused',
      ['channel', 'outcome'],
      (counter, view) => {
        for (const { name, outcomes } of channels(view)) {
          for (const [outcome, count] of Object.entries(outcomes)) {
            counter.inc({ channel: name, outcome: outcome.toLowerCase() }, count);
          }
        }
      },
    );
  }

  #registerReleases(): void {
    const OF_RELEASE = ['entry', 'release', 'traffic'] as const;
    this.#counter(
      'headway_release_requests_total',
      'Requests by outcome; aborts and overloads are no answers',
      [...OF_RELEASE, 'outcome'],
      (counter, { samples }) => {
        for (const { labels, counts } of arms(samples)) {
          for (const [outcome, count] of outcomesOf(counts)) counter.inc({ ...labels, outcome }, count);
        }
      },
    );
    this.#counter(
      'headway_release_failures_total',
      'Failures that the component made, by kind',
      [...OF_RELEASE, 'kind'],
      (counter, { samples }) => {
        for (const { labels, counts } of arms(samples)) {
          counter.inc({ ...labels, kind: 'status5xx' }, counts.status5xx);
          counter.inc({ ...labels, kind: 'trap' }, counts.traps);
          counter.inc({ ...labels, kind: 'deadline' }, counts.deadlines);
        }
      },
    );
    this.#gauge('headway_release_in_flight', 'Requests being answered', ['entry', 'release'], (gauge, { samples }) => {
      for (const { group, release, inFlight } of samples) {
        gauge.inc({ entry: entryOf(group), release: short(release) }, inFlight);
      }
    });
    this.#registry.registerMetric(
      new CountedHistogram('headway_release_duration_seconds', 'Time to answer', () =>
        arms(this.#view?.samples ?? []).map(({ labels, counts }) => ({ labels, counts: counts.latency })),
      ) as unknown as Histogram,
    );
  }
}

/** The label of each root; where there is only one, no label. */
function rootsOf({ roots }: Status): readonly { readonly root?: string }[] {
  return roots ? roots.map(({ name }) => ({ root: name })) : [{}];
}

function sourcesOf({ roots, source }: Status): readonly (OfRoot & Pick<Status, 'source'>)[] {
  return roots ? roots.map((root) => ({ root: root.name, source: root.source })) : [{ source }];
}
