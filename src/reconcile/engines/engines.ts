/**
 * Several engine processes on one port as the one engine that the loop knows (ADR 0125).
 *
 * G1 A snapshot is in force when each engine has acknowledged it; one that is away is waited for, unless it comes back as
 *    another process, which serves nothing before it has the snapshot.
 * G2 What one engine has, each has: replicas, and the snapshot. What may exist once lives on the first (placement.ts).
 * G3 Another engine that ends takes nothing with it: the others serve, and it is given again what they have. While the first
 *    is away nothing is decided, as with one engine.
 * G4 Nothing is decided before each engine was seen once: who serves what would be a guess.
 */
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.ts';
import { Deferred } from '../../kit/deferred.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { EntryKey } from '../../model/component.ts';
import type { CellSpec, EngineObserved } from '../../model/engine.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { GroupId, Snapshot } from '../../model/snapshot.ts';
import type { ServingEngine } from '../ports.ts';
import { groupsOf, hasCaughtUp, isNeeded, mend, type Mending } from './mend.ts';
import { mergeViews, samplesOf } from './merge.ts';
import { homeReason } from './placement.ts';
import { MergedRecords } from './records.ts';
import { pruned, stateOf, type EnginesState } from './state.ts';
import { HOME, isLive, servesNothing, viewsOf, type EngineView } from './view.ts';

/** From when an engine that came back gets the snapshot, however far its replicas are. */
export const MAX_CATCH_UP_MS = 30_000;
/** Of any engine but the first: until then decisions wait for it. */
export const ANSWER_DEADLINE_MS = 2_000;
/** An orphan may end what it is at. */
const ORPHAN_DRAIN_MS = 30_000;
/** Codes of a link that is down: no answer of the engine's. */
const LINK_DOWN: readonly string[] = ['HW4115', 'HW4120', 'HW4123'];
/** Refusals for want of room. */
const NO_ROOM: readonly string[] = ['HW4101', 'HW4102'];

export interface EnginesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly newEpoch: () => string;
  /** What another control remembered; a file that cannot be read is none. */
  readonly remembered: EnginesState | undefined;
  readonly remember: (state: EnginesState) => void;
}

/** One process after the other: `epoch` is of the one that would get a call now. */
export interface OneEngine extends ServingEngine {
  readonly epoch: string | undefined;
}

/** `engines` are in the order of their numbers; there are two or more. */
export function createEngines(engines: readonly OneEngine[], options: EnginesOptions): ServingEngine {
  const all = new Engines(engines, options);
  const home = engines[HOME]!;
  return {
    observe: () => all.observe(),
    samples: () => all.samples(),
    inForce: () => all.inForce(),
    onChange: (listener) => {
      const ends = engines.map((engine) => engine.onChange(listener));
      return () => {
        for (const end of ends) end();
      };
    },
    start: (replica, cell) => all.start(replica, cell),
    stop: (replica, deadlineMs) => all.stop(replica, deadlineMs),
    forget: (replicas) => all.forget(replicas),
    publish: (snapshot) => all.publish(snapshot),
    records: (after) => all.records.take(after),
    stores: (order) => home.stores(order),
    synthesize: (run) => home.synthesize(run),
    fire: (firing) => home.fire(firing),
    stopFiring: (firing) => home.stopFiring(firing),
    forgetFirings: (firings) => home.forgetFirings(firings),
  };
}

class Engines {
  readonly records: MergedRecords;
  readonly #engines: readonly OneEngine[];
  readonly #options: EnginesOptions;
  readonly #cells = new Map<string, CellSpec>();
  #state: EnginesState | undefined;
  #seen: readonly (EngineObserved | undefined)[];
  #views: readonly EngineView[] = [];
  /** The newest that was decided; absent: not under this control. */
  #newest: Snapshot | undefined;
  /** Since the last look, which does not know of it. */
  readonly #toldToStop = new Set<string>();
  /** Since when an engine catches up, by its epoch. */
  readonly #catchingUp = new Map<string, number>();
  #looking: Promise<unknown> = Promise.resolve();

  constructor(engines: readonly OneEngine[], options: EnginesOptions) {
    this.#engines = engines;
    this.#options = options;
    this.#state = options.remembered;
    this.#seen = engines.map(() => undefined);
    this.records = new MergedRecords(engines);
  }

  /** One look at a time: several loops may share the engines. */
  observe(): Promise<Result<EngineObserved, Problem>> {
    const look = this.#looking.then(() => this.#observe());
    this.#looking = look.catch(() => undefined);
    return look;
  }

  async #observe(): Promise<Result<EngineObserved, Problem>> {
    const answers = await Promise.all(this.#engines.map((engine, index) => this.#inTime(index, engine.observe())));
    const views = viewsOf(
      answers.map((answer) => (answer.ok ? answer.value : undefined)),
      this.#seen,
    );
    const home = answers[HOME]!;
    if (!home.ok) return home;
    if (!views) {
      const missing = answers.findIndex((answer, index) => !answer.ok && this.#seen[index] === undefined);
      return err(problem('HW4130', `engine ${missing + 1} of ${this.#engines.length} was not seen yet`));
    }
    const before = this.#state;
    const state = pruned(stateOf(before, views, this.#seen, this.#options.newEpoch), views);
    this.records.seen(views.map(({ observed }) => observed.epoch));
    if (state.epoch !== before?.epoch) this.records.begin();
    this.#seen = views.map(({ observed }) => observed);
    this.#views = views;
    this.#toldToStop.clear();
    this.#keep(state);
    await this.#mend(views, state);
    // Who serves from now on has a say in what is decided now: what is not ready there is not ready.
    this.#views = await this.#bringBack(views);
    return ok(mergeViews(this.#views, this.#state!));
  }

  async samples(): ReturnType<ServingEngine['samples']> {
    const answers = await Promise.all(this.#engines.map((engine) => engine.samples()));
    const state = this.#state;
    if (!state || this.#views.length === 0) return err(problem('HW4130', 'the engines were not looked at yet'));
    const views = this.#views.map((view, index): EngineView => {
      const answer = answers[index]!;
      return answer.ok
        ? { ...view, observed: { ...view.observed, samples: answer.value } }
        : { ...view, state: 'Away' };
    });
    return ok(samplesOf(views, state));
  }

  async inForce(): ReturnType<ServingEngine['inForce']> {
    const serving = this.#views.findIndex(({ state }) => state === 'Serving');
    const inForce = await this.#engines[Math.max(HOME, serving)]!.inForce();
    if (!inForce.ok || !inForce.value) return inForce;
    const { elsewhere: _, ...snapshot } = inForce.value;
    return ok(snapshot);
  }

  /** G2. Refused by one is refused by all: what has started elsewhere ends. */
  async start(replica: string, cell: CellSpec): Promise<Result<void, Problem>> {
    const isHome = homeReason(cell) !== undefined;
    if (isHome) this.#lives(cell);
    this.#cells.set(replica, cell);
    // `decide` has not let go of it after all.
    this.#unorphan(replica);
    const hosts = isHome ? [HOME] : [...this.#engines.keys()];
    const results = await Promise.all(
      hosts.map(async (engine) => ({
        engine,
        result: await this.#engines[engine]!.start(replica, this.#for(engine, cell)),
      })),
    );
    const refused = results.find(({ result }) => !result.ok && !LINK_DOWN.includes(result.error.code));
    if (refused && !refused.result.ok) {
      const started = results.filter(({ result }) => result.ok);
      this.#cells.delete(replica);
      this.#orphan(started.length > 0 ? [replica] : []);
      await Promise.all(started.map(({ engine }) => this.#engines[engine]!.stop(replica, 0)));
      if (NO_ROOM.includes(refused.result.error.code)) await this.#makeRoom(refused.engine, cell.group);
      return err(this.#of(refused.engine, refused.result.error));
    }
    const first = results[HOME]!.result;
    return first.ok ? ok(undefined) : first;
  }

  /** One that is away may have it when it is back, together with a snapshot that leads to it. */
  #for(engine: number, cell: CellSpec): CellSpec {
    return this.#views[engine]?.state === 'Away' ? awaited(cell) : cell;
  }

  /**
   * An engine that was away may still serve with what has ended on the first, and start what took its place only now: there it goes
   * as an orphan, when the other is ready (mend.ts D3).
   */
  async stop(replica: string, deadlineMs: number): Promise<Result<void, Problem>> {
    this.#toldToStop.add(replica);
    const spared = new Set(this.#views.flatMap((view, index) => (this.#isSpared(replica, view, index) ? [index] : [])));
    this.#orphan(spared.size > 0 ? [replica] : []);
    return this.toEach((engine, index) =>
      spared.has(index) ? Promise.resolve(ok(undefined)) : engine.stop(replica, deadlineMs),
    );
  }

  #isSpared(id: string, { observed: { replicas } }: EngineView, index: number): boolean {
    const replica = replicas.find((one) => one.id === id);
    if (index === HOME || !replica || !isLive(replica) || !this.#newest) return false;
    const others = replicas.filter((one) => !this.#toldToStop.has(one.id));
    return isNeeded(replica, others, new Set(this.#state?.orphans), groupsOf(this.#newest));
  }

  /** An engine that is away has nothing to be told: it comes back without it, or is told again. */
  async toEach(
    order: (engine: ServingEngine, index: number) => Promise<Result<void, Problem>>,
  ): Promise<Result<void, Problem>> {
    const results = await Promise.all(this.#engines.map(order));
    const failed = results.find((result) => !result.ok && !LINK_DOWN.includes(result.error.code));
    return failed ?? results[HOME]!;
  }

  async forget(replicas: readonly string[]): Promise<Result<void, Problem>> {
    const held = new Set(
      this.#views
        .flatMap(({ observed }) => observed.replicas.filter(({ phase }) => phase !== 'Ended'))
        .map(({ id }) => id),
    );
    this.#orphan(replicas.filter((id) => held.has(id)));
    for (const id of replicas) this.#cells.delete(id);
    return this.toEach((engine) => engine.forget(replicas));
  }

  /** G1. */
  async publish(snapshot: Snapshot): Promise<Result<{ readonly generation: number }, Problem>> {
    if (!this.#newest || snapshot.generation >= this.#newest.generation) this.#newest = snapshot;
    const asked = [...this.#engines.keys()].filter((index) => !servesNothing(this.#views, index));
    const answers = await Promise.all(
      asked.map(async (index) => ({ index, result: await this.#publishTo(index, snapshot) })),
    );
    const failed = answers.find(({ result }) => !result.ok);
    if (failed && !failed.result.ok) {
      const { code, message } = failed.result.error;
      if (!LINK_DOWN.includes(code)) return failed.result;
      const who = `engine ${failed.index + 1} of ${this.#engines.length}`;
      return err(problem('HW4131', `${who} has not acknowledged generation ${snapshot.generation}: ${message}`));
    }
    return ok({ generation: snapshot.generation });
  }

  /** Never to a process that was not looked at: it has no replicas, and would listen. */
  async #publishTo(index: number, snapshot: Snapshot): ReturnType<ServingEngine['publish']> {
    const engine = this.#engines[index]!;
    if (engine.epoch === undefined || engine.epoch !== this.#views[index]?.observed.epoch) {
      return err(problem('HW4120', 'it is not there, or is another process than was looked at'));
    }
    const elsewhere = index === HOME ? [] : this.#elsewhere(snapshot);
    return this.#inTime(index, engine.publish(elsewhere.length > 0 ? { ...snapshot, elsewhere } : snapshot));
  }

  /** G3: one that hangs is as one that is away. The first is waited for as an only one is. */
  #inTime<Value>(index: number, answer: Promise<Result<Value, Problem>>): Promise<Result<Value, Problem>> {
    if (index === HOME) return answer;
    const late = new Deferred<Result<Value, Problem>>();
    const cancel = this.#options.clock.after(ANSWER_DEADLINE_MS, () => {
      late.resolve(err(problem('HW4120', `engine ${index + 1} gave no answer within ${ANSWER_DEADLINE_MS} ms`)));
    });
    return Promise.race([answer, late.promise]).finally(cancel);
  }

  /** Entries that have a group which lives on the first engine alone: all their requests go there. */
  #elsewhere(snapshot: Snapshot): readonly EntryKey[] {
    const home = new Set(this.#state?.home ?? []);
    const groups = [...groupsOf(snapshot)].filter((group) => home.has(group));
    return [...new Set(groups.map((group) => group.slice(0, group.indexOf('@')) as EntryKey))].sort();
  }

  /** mend.ts says what. */
  async #mend(views: readonly EngineView[], state: EnginesState): Promise<void> {
    const led = this.#newest && groupsOf(this.#newest);
    const { orders, orphans } = mend(views, state, (replica) => this.#cells.has(replica), led);
    // Before anything is told to go: another control must not take it for what `decide` asked for.
    const held = new Set<string>(views.flatMap(({ observed }) => observed.replicas).map(({ group }) => group));
    for (const { group } of this.#cells.values()) held.add(group);
    const home = state.home.filter((group) => held.has(group) || led?.has(group));
    if (!same(orphans, state.orphans) || !same(home, state.home)) this.#keep({ ...state, orphans, home });
    await Promise.all(orders.map((order) => this.#carryOut(order)));
  }

  async #carryOut(order: Mending): Promise<void> {
    const engine = this.#engines[order.engine]!;
    switch (order.type) {
      case 'Start': {
        const started = await engine.start(order.replica, awaited(this.#cells.get(order.replica)!));
        if (started.ok) return;
        this.#options.log.warn({ ...order, problem: started.error }, 'an engine did not take what the others have');
        return;
      }
      case 'Stop':
        await engine.stop(order.replica, ORPHAN_DRAIN_MS);
        return;
      case 'Forget':
        await engine.forget(order.replicas);
    }
  }

  /** D4 of mend.ts. Returns the views as they are with those that are back. */
  async #bringBack(views: readonly EngineView[]): Promise<readonly EngineView[]> {
    const withBack = [...views];
    const { monotonicMs } = this.#options.clock.now();
    const epochs = new Set(views.flatMap(({ observed, state: now }) => (now === 'CatchingUp' ? [observed.epoch] : [])));
    for (const epoch of this.#catchingUp.keys()) if (!epochs.has(epoch)) this.#catchingUp.delete(epoch);
    for (const [index, { observed, state }] of views.entries()) {
      if (state !== 'CatchingUp') continue;
      const sinceMs = this.#catchingUp.get(observed.epoch) ?? monotonicMs;
      this.#catchingUp.set(observed.epoch, sinceMs);
      if (!hasCaughtUp(views, this.#state!, index) && monotonicMs - sinceMs < MAX_CATCH_UP_MS) continue;
      const inForce = this.#newest ? ok(this.#newest) : await this.inForce();
      const snapshot = inForce.ok ? inForce.value : null;
      if (!snapshot) continue;
      const published = await this.#publishTo(index, snapshot);
      const { generation } = snapshot;
      const about = { engine: index + 1, generation };
      if (published.ok) {
        withBack[index] = { observed: { ...observed, generation }, state: 'Serving' };
        this.#options.log.info(about, 'an engine is back, with what the others have');
      } else this.#options.log.warn({ ...about, problem: published.error }, 'an engine did not take the snapshot');
    }
    return withBack;
  }

  /** One group's orphan may have the room that its successor needs. */
  async #makeRoom(engine: number, group: GroupId): Promise<void> {
    const orphans = new Set(this.#state?.orphans ?? []);
    const own = this.#views[engine]?.observed.replicas ?? [];
    for (const { id } of own.filter((replica) => replica.group === group && orphans.has(replica.id))) {
      await this.#engines[engine]!.stop(id, ORPHAN_DRAIN_MS);
    }
  }

  /** Whose numbers a refusal is about. */
  #of(engine: number, refusal: Problem): Problem {
    return { ...refusal, message: `engine ${engine + 1} of ${this.#engines.length}: ${refusal.message}` };
  }

  #lives({ group }: CellSpec): void {
    const state = this.#state;
    if (state && !state.home.includes(group)) this.#keep({ ...state, home: [...state.home, group] });
  }

  #orphan(ids: readonly string[]): void {
    const state = this.#state;
    const fresh = ids.filter((id) => !state?.orphans.includes(id));
    if (state && fresh.length > 0) this.#keep({ ...state, orphans: [...state.orphans, ...fresh] });
  }

  #unorphan(id: string): void {
    const state = this.#state;
    if (state?.orphans.includes(id)) this.#keep({ ...state, orphans: state.orphans.filter((one) => one !== id) });
  }

  #keep(state: EnginesState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.remember(state);
  }
}

/** The others have it, so the next snapshot may lead to it before it is ready here. */
function awaited(cell: CellSpec): CellSpec {
  return { ...cell, awaited: true };
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index]);
}
