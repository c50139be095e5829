/**
 * The loop: observe → decide → write down what is about to be done → do it → write down what came of it.
 *
 * L1 Level-triggered: a change of anything only says "look again". One flight at a time, and a dirty flag.
 * L2 Nothing is done that is not in the journal first; when it cannot be written, nothing is done (I4).
 * L3 Git, preparations and starts run beside the loop: publishing, and with it a rollback, never waits for them.
 * L4 It serves from the journal before git answers (I6, I14).
 */
import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.ts';
import type { TrustSettings } from '../model/trust.ts';
import type { Json } from '../kit/json.ts';
import { decide, IDLE_LOOK_MS, type DecideOptions } from '../decide/index.ts';
import type { IdentityCache } from '../decide/identity.ts';
import type { AccessRecord } from '../model/audit.ts';
import type { Action, Decision } from '../model/decision.ts';
import type { Desired } from '../model/desired.ts';
import type { EngineObserved } from '../model/engine.ts';
import type { Memory } from '../model/memory.ts';
import { partsOf } from '../model/memory-parts.ts';
import type { CommitSeen, Observed } from '../model/observed.ts';
import type { Status } from '../model/status.ts';
import { createAccess, type Access } from './access.ts';
import { createBundles, type Bundles } from './bundles.ts';
import { createEffects, intentOf, type Effects } from './effects.ts';
import { createCollector, type Collector } from './collector.ts';
import { cellsInUse, originsInUse } from './keep.ts';
import { createMending, type Mending } from './mending.ts';
import type { ReconcilerPorts, StatusSource } from './ports.ts';
import { preparing, servedIn } from './progress.ts';
import { desiredOf, memoryOf } from './resume.ts';
import { createSource, type Source, type SourceLook } from './source.ts';
import { SourceRecord, type SourceView } from './source-status.ts';
import { statusOf } from './status.ts';
import { logTold, toldBy } from './told.ts';
import { trustInForce } from './trust.ts';
import { createWatch, type Watch } from './watch.ts';

/** The memory is written at least so often while its clocks and samples move, and at every event and action. */
const WRITE_EVERY_MS = 5_000;
/** Uses that wait for a decision: after a long time without one the oldest go first. */
const MAX_USES_WAITING = 10_000;
const JOURNAL_RETRY_MS = 1_000;
const BUG_RETRY_MS = 5_000;
const TIMELINE_LENGTH = 200;
const DEFAULT_SYNC = { intervalMs: 15_000, jitter: 0.1 };

export interface ReconcilerOptions {
  readonly version: string;
  readonly source: SourceView;
  /** A rewritten history is accepted from this accepted commit. Only the host's own configuration may allow it. */
  readonly allowNonFastForwardFrom?: string;
  /** The host's own trust settings; they take the place of those in the repository. */
  readonly trust?: TrustSettings;
  /** Of several roots: what is remembered of other namespaces is no longer this one's. */
  readonly namespaces?: readonly string[];
  /** The engine is never looked at more often than this; 100 ms where nothing else is said. */
  readonly minLookMs?: number;
  /** Told of each round of the loop, for metrics. */
  readonly onRound?: (outcome: 'ok' | 'failed', durationMs: number) => void;
  /** For tests of the table itself. */
  readonly table?: DecideOptions['table'];
}

export interface Reconciler {
  start(): void;
  /** Finishes the flight that is under way; what runs goes on running. */
  stop(): Promise<void>;
  /** Look at git now. Carries nothing. */
  hint(): void;
  readonly statusSource: StatusSource;
  /** The last decided memory, for `explain` and for tests. */
  readonly memory: () => Memory;
  /** The accepted state, from the journal at first. */
  readonly desired: () => Desired | undefined;
}

export function createReconciler(
  ports: ReconcilerPorts,
  clock: Clock,
  log: Logger,
  options: ReconcilerOptions,
): Reconciler {
  return new Loop(ports, clock, log, options);
}

class Loop implements Reconciler {
  readonly #ports: ReconcilerPorts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: ReconcilerOptions;
  readonly #source: Source;
  readonly #watch: Watch;
  readonly #bundles: Bundles;
  readonly #effects: Effects;
  readonly #record: SourceRecord;
  readonly #collector: Collector;
  readonly #mending: Mending;
  readonly #access: Access | undefined;
  readonly #startedAt: string;
  readonly #life: string;
  readonly #listeners = new Set<() => void>();

  #memory: Memory;
  #desired: Desired | undefined;
  #identities: IdentityCache = new WeakMap();
  /** Commits that no durable decision has seen yet. */
  #news: readonly CommitSeen[] = [];
  /** That no durable decision has seen yet. */
  #uses: readonly AccessRecord[] = [];
  #engine: EngineObserved | undefined;
  #decision: Decision | undefined;
  /** The engine process in which everything that should serve has once been seen to serve. */
  #servedIn: string | undefined;
  #flights = 0;
  #flight: Promise<void> | undefined;
  #dirty = false;
  #stopped = false;
  #cancel: (() => void) | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #unlisten: (() => void) | undefined;

  constructor(ports: ReconcilerPorts, clock: Clock, log: Logger, options: ReconcilerOptions) {
    const now = clock.now();
    this.#ports = ports;
    this.#clock = clock;
    this.#log = log;
    this.#options = options;
    this.#startedAt = new Date(now.wallMs).toISOString();
    this.#life = Math.floor(now.wallMs).toString(36);
    this.#memory = memoryOf(ports.journal, options.namespaces);
    this.#desired = desiredOf(ports.journal, options.namespaces);
    this.#record = new SourceRecord(options.source, this.#desired?.commit, now);
    this.#source = createSource(ports, {
      allowNonFastForwardFrom: options.allowNonFastForwardFrom,
      trust: options.trust,
      nowMs: () => this.#clock.now().wallMs,
      rehearse: (desired) => void this.#decide(desired, new WeakMap()),
    });
    this.#mending = createMending(ports, {
      origins: () => originsInUse(this.#memory, this.#desired),
      mended: () => this.#poke(),
      log,
    });
    this.#bundles = createBundles(
      ports,
      () => this.#poke(),
      (problem) => this.#mending.note(problem),
    );
    this.#effects = createEffects(ports.engine, this.#bundles, () => this.#poke());
    this.#collector = createCollector(ports, clock, log);
    this.#access = ports.audit && createAccess(ports.engine, ports.audit, log, (records) => this.#took(records));
    this.#watch = createWatch({
      clock,
      interval: () => this.#desired?.environment.sync ?? DEFAULT_SYNC,
      look: (isHinted) => this.#lookSafely(isHinted),
    });
  }

  readonly statusSource: StatusSource = {
    status: () => this.#status(),
    onChange: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  readonly memory = (): Memory => this.#memory;

  readonly desired = (): Desired | undefined => this.#desired;

  start(): void {
    this.#unlisten = this.#ports.engine.onChange(() => this.#poke());
    this.#poke();
    this.#watch.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten?.();
    this.#cancel?.();
    this.#bundles.stop();
    await this.#watch.stop();
    await this.#flight;
    await this.#mending.stop();
    await this.#access?.idle();
  }

  hint(): void {
    this.#watch.hint();
  }

  /** L1. */
  #poke(): void {
    this.#dirty = true;
    if (this.#stopped || this.#flight) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#flight = this.#fly();
  }

  async #fly(): Promise<void> {
    let wakeInMs = IDLE_LOOK_MS;
    // Looked at again until nothing says so any more; each round waits for its own effects.
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false;
      wakeInMs = await this.#reconcileSafely();
    }
    // In the same turn as the last look at the flag: whoever pokes from here on starts the next flight.
    this.#flight = undefined;
    if (this.#stopped) return;
    const delayMs = Math.max(wakeInMs, this.#options.minLookMs ?? 0);
    this.#cancel = this.#clock.after(delayMs, () => this.#poke());
  }

  /** A bug in a decision must not take down what serves (I11): it is said, and looked at again later. */
  async #reconcileSafely(): Promise<number> {
    const startedMs = this.#clock.now().monotonicMs;
    const tell = (outcome: 'ok' | 'failed'): void =>
      this.#options.onRound?.(outcome, this.#clock.now().monotonicMs - startedMs);
    try {
      const wakeInMs = await this.#reconcile();
      tell('ok');
      return wakeInMs;
    } catch (cause) {
      this.#log.error({ cause }, 'a round failed: this is a bug; what serves goes on serving');
      tell('failed');
      return BUG_RETRY_MS;
    }
  }

  /** Returns after how long to look again. */
  async #reconcile(): Promise<number> {
    const observed = await this.#ports.engine.observe();
    this.#engine = observed.ok ? observed.value : undefined;
    if (this.#engine) this.#access?.look(this.#engine.epoch);
    const desired = this.#desired;
    if (!desired) {
      this.#changed();
      return IDLE_LOOK_MS;
    }
    for (const members of cellsInUse(this.#memory, desired)) await this.#bundles.learn(members);
    // What was accepted meanwhile is decided on, with its story, in the round that it has asked for.
    if (this.#stopped || this.#desired !== desired) return IDLE_LOOK_MS;
    const refusedStarts = this.#effects.refusedStarts();
    const stores = this.#effects.storesOutcomes();
    const [news, uses] = [this.#news, this.#uses];
    const decision = this.#decide(desired, this.#identities);
    const actions = this.#effects.fresh(decision.actions);
    const id = `${this.#life}-${(this.#flights += 1)}`;
    if (!this.#write(id, decision, actions)) return JOURNAL_RETRY_MS;

    this.#memory = decision.memory;
    this.#decision = decision;
    this.#servedIn = servedIn(this.#servedIn, decision.memory, this.#engine);
    this.#effects.forgetRefused(refusedStarts);
    this.#effects.forgetOutcomes(stores);
    if (this.#news === news) this.#news = [];
    this.#uses = this.#uses === uses ? [] : this.#uses.filter((record) => !uses.includes(record));
    this.#bundles.settle(preparing(decision.memory));
    await this.#act(id, actions);
    if (decision.events.length > 0 || actions.length > 0) this.#changed();
    this.#collector.afterRound(decision, this.#desired);
    return decision.wakeInMs;
  }

  /** What would be decided now; changes nothing. */
  #decide(desired: Desired, identities: IdentityCache): Decision {
    const seen: Observed = {
      engine: this.#engine,
      preparations: this.#bundles.preparations,
      local: this.#bundles.local,
      toolchain: this.#ports.components.toolchain,
      current: this.#bundles.current,
      refusedStarts: this.#effects.refusedStarts(),
      stores: this.#effects.storesOutcomes(),
      uses: this.#uses,
      commits: this.#news,
    };
    const { table } = this.#options;
    return decide(desired, seen, this.#memory, this.#clock.now(), { identities, ...(table ? { table } : {}) });
  }

  /** Written down; what was used is news for the next decision. */
  #took(records: readonly AccessRecord[]): void {
    this.#uses = [...this.#uses, ...records.filter(({ needs }) => needs !== undefined)].slice(-MAX_USES_WAITING);
    this.#poke();
  }

  /** L2. Clocks and samples alone are written now and then: what is lost of them is counted again by the engine. */
  #write(id: string, decision: Decision, actions: readonly Action[]): boolean {
    const now = this.#clock.now();
    const important =
      decision.events.length > 0 || actions.length > 0 || decision.memory.commit !== this.#memory.commit;
    if (!important && now.monotonicMs - this.#writtenAtMs < WRITE_EVERY_MS) return true;
    const at = new Date(now.wallMs).toISOString();
    const written = this.#ports.journal.write({
      reconcileId: id,
      memory: partsOf(decision.memory as unknown as { readonly [field: string]: Json }),
      intents: actions.map(intentOf),
      events: toldBy(decision, at, id),
    });
    if (!written.ok) {
      this.#log.error(
        { reconcileId: id, problem: written.error },
        'the journal cannot be written: nothing is done until it can',
      );
      return false;
    }
    this.#writtenAtMs = now.monotonicMs;
    logTold(this.#log, decision, id);
    return true;
  }

  async #act(id: string, actions: readonly Action[]): Promise<void> {
    if (actions.length === 0) return;
    const { settled } = await this.#effects.run(actions);
    void this.#noteOutcome(id, settled);
  }

  async #noteOutcome(id: string, settled: Promise<readonly Json[]>): Promise<void> {
    const results = await settled;
    if (this.#stopped) return;
    const written = this.#ports.journal.outcome(id, results);
    if (!written.ok) this.#log.warn({ reconcileId: id, problem: written.error }, 'an outcome was not written');
  }

  /** A port that throws is a bug; the next look is another try. */
  async #lookSafely(isHinted: boolean): Promise<boolean> {
    try {
      return await this.#look(isHinted);
    } catch (cause) {
      this.#log.error({ cause }, 'a look at git failed: this is a bug; what serves goes on serving');
      return false;
    }
  }

  /** One look at git; its outcome changes nothing but the desired state. */
  async #look(isHinted: boolean): Promise<boolean> {
    await this.#catchUp();
    const look = await this.#source.look(this.#desired, isHinted);
    if (this.#stopped) return true;
    const before = this.#record.condition;
    const accepted = look.type === 'Accepted' ? this.#accept(look) : true;
    if (accepted) this.#record.note(look, this.#clock.now());
    const { condition } = this.#record;
    if (condition.reason !== before.reason || condition.status !== before.status) {
      this.#log[condition.status === 'False' ? 'warn' : 'info']({ condition }, 'the source changed its condition');
    }
    this.#changed();
    return look.type !== 'Unavailable' && accepted;
  }

  /** A crash between accepting a commit and deciding about it loses its story, never the commit. */
  async #catchUp(): Promise<void> {
    const commit = this.#desired?.commit;
    if (commit === undefined || commit === this.#memory.commit || this.#news.length > 0) return;
    this.#news = [await this.#source.describe(commit)];
  }

  #accept(look: Extract<SourceLook, { type: 'Accepted' }>): boolean {
    const written = this.#ports.journal.writeDesired(look.desired);
    if (!written.ok) {
      this.#log.error({ commit: look.head, problem: written.error }, 'the accepted commit cannot be written');
      return false;
    }
    this.#desired = look.desired;
    this.#identities = new WeakMap();
    const named = new Set(look.commits.map(({ commit }) => commit));
    this.#news = [...look.commits, ...this.#news.filter(({ commit }) => !named.has(commit))];
    this.#log.info(
      { commit: look.head, entries: look.desired.entries.size, invalid: look.desired.invalid.length },
      'accepted a commit',
    );
    this.#poke();
    return true;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #status(): Status {
    const source = this.#record.status();
    const trust = trustInForce(this.#options.trust, this.#desired);
    return statusOf({
      version: this.#options.version,
      startedAt: this.#startedAt,
      nowWallMs: this.#clock.now().wallMs,
      memory: this.#memory,
      desired: this.#desired,
      decision: this.#decision,
      engine: this.#engine,
      servedIn: this.#servedIn,
      source: { ...source, ...(trust ? { trust: { by: trust.by, mode: trust.settings.mode } } : {}) },
      timeline: this.#ports.journal.timeline(TIMELINE_LENGTH),
    });
  }
}
