import type { CellPlan } from '../../src/model/decision.ts';
import {
  LATENCY_BUCKETS_US,
  type BundlesInUse,
  type EngineObserved,
  type GroupLoad,
  type ReplicaEnd,
  type ReplicaPhase,
  type SyntheticRun,
} from '../../src/model/engine.ts';
import type { LimitHits } from '../../src/model/limits.ts';
import type { Result } from '../../src/kit/result.ts';
import type { StoreOrder, StoresDone } from '../../src/model/edition.ts';
import type { FiringOrder } from '../../src/model/firing.ts';
import { matchKey } from '../../src/model/route.ts';
import type { ProcessorUse } from '../../src/model/processor.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { GroupId, Snapshot, SnapshotRule } from '../../src/model/snapshot.ts';
import { together } from './cell-behaviour.ts';
import { FiringsModel } from './firings-model.ts';
import { StoresModel } from './stores-model.ts';
import { UsesModel } from './uses-model.ts';
import { noCounts } from '../support/counters.ts';

/** How the cells of one artifact behave. Times in milliseconds from the replica's start, shares between 0 and 1. */
export interface Behaviour {
  readonly readyAfterMs: number | 'never';
  readonly failures: number;
  readonly crashesAfterMs?: number;
  /** Share of failures from this age of the release's first request on. */
  readonly failuresLater?: { readonly afterMs: number; readonly share: number };
  readonly latencyUs?: number;
  readonly status4xx?: number;
  /** How long it takes to end when it is told to; 0: at the next look. */
  readonly drainsForMs?: number;
  /** With bundles of these toolchains it does not even load. */
  readonly failsUnder?: readonly string[];
  /** How long a firing takes; a second where nothing else is said. `failures` is also their share. */
  readonly runMs?: number;
}

export const GOOD: Behaviour = { readyAfterMs: 200, failures: 0 };

interface Replica {
  readonly id: string;
  readonly cell: CellPlan;
  readonly bundles: BundlesInUse | undefined;
  phase: ReplicaPhase;
  ageMs: number;
  readyForMs: number;
  drainingMs: number;
  drainDeadlineMs: number;
  end?: ReplicaEnd;
  problem?: Problem | undefined;
  processor?: ProcessorUse;
  sharedBy?: number;
}

type Live = ReturnType<typeof noCounts>;

interface Arm {
  readonly group: GroupId;
  readonly traffic: Live;
  readonly synthetic: Live;
  readonly mirrored: Live;
  consecutive: number;
  ageMs: number;
}

const PROBE_DEADLINE_FALLBACK_MS = 5_000;
/** Share of the visitors who send the header that a step names. */
const NAMED_SHARE = 0.2;

/** The engine as control sees it, in memory and in virtual time: replicas, a snapshot, and what traffic made of it. */
export class EngineModel {
  epoch: string;
  generation = 0;
  snapshot: Snapshot | undefined;
  readonly replicas = new Map<string, Replica>();
  readonly runs = new Map<string, { run: SyntheticRun; sent: number }>();
  /** Requests that found an arm but no ready replica, or no rule: what clients would have seen as 503 and 404. */
  unanswered = 0;
  /** Requests that each release has answered, over all epochs. */
  readonly answered: Map<string, number>;
  /** Requests that waited in a mailbox, and that found it full. */
  held = 0;
  /** Parked replicas that a request has started. */
  woken = 0;
  overflown = 0;
  readonly limitHits: LimitHits[] = [];
  /** Since a call of each group. */
  readonly #idle = new Map<GroupId, number>();
  readonly #mailboxes = new Map<string, number>();
  #arms = new Map<string, Arm>();
  #epochs = 1;
  readonly #name: string;
  /** Requests per second to each rule. */
  rate = 200;
  /** Everything fails: a shared outage of something behind all releases. */
  outage = false;
  /** Calls in flight to each entry, by the weights of its arms. Undefined: it does not measure. */
  inFlight: number | undefined;
  readonly firings: FiringsModel;
  readonly uses = new UsesModel();
  readonly stores = new StoresModel();
  readonly #behaviours: (artifact: string) => Behaviour;
  readonly #random: () => number;
  #owed = 0;

  /** @param answered where the answers of several engines are counted together. */
  constructor(
    behaviourOf: (artifact: string) => Behaviour,
    random: () => number,
    answered = new Map<string, number>(),
    name = 'epoch',
  ) {
    this.answered = answered;
    this.#name = name;
    this.epoch = `${name}-1`;
    this.#behaviours = behaviourOf;
    this.#random = random;
    this.firings = new FiringsModel(random);
  }

  start(id: string, cell: CellPlan, bundles?: BundlesInUse): void {
    if (this.replicas.has(id)) return;
    this.replicas.set(id, {
      id,
      cell,
      bundles,
      phase: cell.parked ? 'Parked' : 'Starting',
      ageMs: 0,
      readyForMs: 0,
      drainingMs: 0,
      drainDeadlineMs: 0,
    });
    this.stores.started(this.replicas.get(id)!);
  }

  stop(id: string, deadlineMs = 0): void {
    const replica = this.replicas.get(id);
    if (!replica || replica.phase === 'Ended' || replica.phase === 'Draining') return;
    if (replica.phase === 'Parked') {
      replica.phase = 'Ended';
      replica.end = 'Stopped';
      return;
    }
    replica.phase = 'Draining';
    replica.drainDeadlineMs = deadlineMs;
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) if (this.replicas.get(id)?.phase === 'Ended') this.replicas.delete(id);
  }

  /** True when it is in force; an older generation is refused. */
  publish(snapshot: Snapshot): boolean {
    if (snapshot.generation < this.generation) return false;
    this.snapshot = snapshot;
    this.generation = snapshot.generation;
    return true;
  }

  order(order: StoreOrder): Result<StoresDone, Problem> {
    return this.stores.carryOut(order, [...this.replicas.values()]);
  }

  synthesize(run: SyntheticRun): void {
    if (!this.runs.has(run.id)) this.runs.set(run.id, { run, sent: 0 });
  }

  fire(order: FiringOrder): void {
    const ready = [...this.replicas.values()].find(
      ({ cell, phase }) => cell.group === order.group && phase === 'Ready',
    );
    const { failures, runMs = 1_000 } = ready ? this.#behaviourOf(ready.cell) : this.#behaviours('');
    this.firings.fire(order, this.epoch, ready?.id, { failures, runMs });
  }

  /** Another process: nothing of this one is left. */
  restart(): void {
    this.firings.restart();
    this.uses.restart();
    this.#epochs += 1;
    this.epoch = `${this.#name}-${this.#epochs}`;
    this.generation = 0;
    this.snapshot = undefined;
    this.replicas.clear();
    this.runs.clear();
    this.#arms = new Map();
  }

  crash(id: string): void {
    const replica = this.replicas.get(id);
    if (!replica || replica.phase === 'Ended') return;
    replica.phase = 'Ended';
    replica.end = 'Crashed';
    this.firings.lose(id);
    replica.problem = { code: 'HW4001', message: 'signal 9', remedy: '', policy: 'Retry' };
  }

  isReady(group: string): boolean {
    return [...this.replicas.values()].some((replica) => replica.cell.group === group && replica.phase === 'Ready');
  }

  /** A call of it waits for a replica that is parked, or that a call before it has woken. */
  isOnCall(group: string): boolean {
    return [...this.replicas.values()].some(
      ({ cell, phase }) =>
        cell.group === group && cell.parked && (phase === 'Parked' || phase === 'Starting' || phase === 'Warming'),
    );
  }

  advance(milliseconds: number): void {
    this.firings.advance(milliseconds);
    for (const [group, idleMs] of this.#idle) this.#idle.set(group, idleMs + milliseconds);
    for (const replica of this.replicas.values()) this.#age(replica, milliseconds);
    this.#owed += (this.rate * milliseconds) / 1000;
    const requests = Math.floor(this.#owed);
    this.#owed -= requests;
    for (const arm of this.#arms.values()) arm.ageMs += milliseconds;
    const { rules = [], elsewhere = [] } = this.snapshot ?? {};
    for (const rule of rules) {
      // Handed over to the first engine, whose visitors are enough.
      if (elsewhere.includes(rule.entry)) continue;
      const name = matchKey(rule.match);
      const waiting = rule.mailbox === undefined ? 0 : (this.#mailboxes.get(name) ?? 0);
      this.#mailboxes.set(name, 0);
      for (let index = 0; index < requests + waiting; index++) {
        const arms = rule.arms.filter(
          (arm) =>
            arm.weight > 0 && (this.isReady(arm.group) || (rule.mailbox === undefined && this.isOnCall(arm.group))),
        );
        if (arms.length === 0 && rule.mailbox !== undefined && rule.arms.length > 0) {
          this.#hold(name, rule.mailbox, index >= waiting);
          continue;
        }
        if (arms.length === 0) {
          this.unanswered += 1;
          continue;
        }
        const named = this.#namedArm(rule);
        let point = this.#random() * arms.reduce((sum, arm) => sum + arm.weight, 0);
        const arm = named ?? arms.find((candidate) => (point -= candidate.weight) < 0) ?? arms.at(-1)!;
        if (!this.isReady(arm.group)) {
          this.#wake(arm.group);
          continue;
        }
        this.#answer(arm.release, arm.group, 'traffic');
        const mirror = rule.arms.find(
          (other) => other.mirror !== undefined && other !== arm && this.isReady(other.group),
        );
        if (mirror && this.#random() * 100 < mirror.mirror!) this.#answer(mirror.release, mirror.group, 'mirrored');
      }
    }
    for (const state of this.runs.values()) {
      const count = Math.min(state.run.requests - state.sent, Math.ceil(milliseconds / 2));
      for (let index = 0; index < count; index++) this.#answer(state.run.release, state.run.group, 'synthetic');
      state.sent += count;
    }
  }

  observed(): EngineObserved {
    return {
      epoch: this.epoch,
      generation: this.generation,
      replicas: [...this.replicas.values()].map((replica) => ({
        id: replica.id,
        group: replica.cell.group,
        phase: replica.phase,
        restartToken: replica.cell.restartToken,
        ageMs: replica.ageMs,
        inFlight: 0,
        ...(replica.processor ? { processor: replica.processor } : {}),
        ...(replica.sharedBy === undefined ? {} : { sharedBy: replica.sharedBy }),
        ...(replica.bundles ? { bundles: replica.bundles } : {}),
        ...(replica.phase === 'Ready' ? { readyForMs: replica.readyForMs } : {}),
        ...(replica.end ? { end: replica.end } : {}),
        ...(replica.problem ? { problem: replica.problem } : {}),
      })),
      samples: [...this.#arms].map(([release, arm]) => ({
        release,
        group: arm.group,
        traffic: { ...arm.traffic, latency: [...arm.traffic.latency] },
        synthetic: { ...arm.synthetic, latency: [...arm.synthetic.latency] },
        ...(arm.mirrored.requests > 0 ? { mirrored: { ...arm.mirrored, latency: [...arm.mirrored.latency] } } : {}),
        consecutiveFailures: arm.consecutive,
        inFlight: 0,
      })),
      ...(this.inFlight === undefined ? {} : { loads: this.#loads(this.inFlight) }),
      syntheticRuns: [...this.runs.values()].map(({ run, sent }) => ({ id: run.id, sent, done: sent >= run.requests })),
      firings: this.firings.observed(),
      ...(this.limitHits.length > 0 ? { limitHits: this.limitHits } : {}),
      sandbox: { strict: true, why: 'a model' },
      poolReady: 2,
    };
  }

  /** Each group once, as the busiest of its arms has it. */
  #loads(inFlight: number): readonly GroupLoad[] {
    const loads = new Map<GroupId, number>();
    for (const { group, weight } of (this.snapshot?.rules ?? []).flatMap((rule) => rule.arms)) {
      loads.set(group, Math.max(loads.get(group) ?? 0, (inFlight * weight) / 100));
    }
    return [...loads].map(([group, calls]) => ({
      group,
      inFlight: this.rate === 0 ? 0 : calls,
      idleMs: this.#idle.get(group) ?? 0,
    }));
  }

  #wake(group: GroupId): void {
    this.#idle.set(group, 0);
    const mine = [...this.replicas.values()].filter(({ cell }) => cell.group === group);
    if (mine.some(({ cell, phase }) => cell.parked && (phase === 'Starting' || phase === 'Warming'))) return;
    const parked = mine.find(({ phase }) => phase === 'Parked');
    if (!parked) return;
    parked.phase = 'Starting';
    parked.ageMs = 0;
    this.woken += 1;
  }

  #age(replica: Replica, milliseconds: number): void {
    if (replica.phase === 'Ended' || replica.phase === 'Parked') return;
    replica.ageMs += milliseconds;
    const behaviour = this.#behaviourOf(replica.cell);
    if (replica.phase === 'Draining') {
      replica.drainingMs += milliseconds;
      if (replica.drainingMs < (behaviour.drainsForMs ?? 0)) return;
      if (this.firings.isRunningOn(replica.id) && replica.drainingMs < replica.drainDeadlineMs) return;
      this.firings.lose(replica.id);
      replica.phase = 'Ended';
      replica.end = 'Stopped';
      return;
    }
    if (behaviour.crashesAfterMs !== undefined && replica.ageMs >= behaviour.crashesAfterMs)
      return this.crash(replica.id);
    if (replica.phase === 'Ready') return void (replica.readyForMs += milliseconds);
    if (replica.bundles && behaviour.failsUnder?.includes(replica.bundles.toolchain)) {
      replica.phase = 'Ended';
      replica.end = 'StartFailed';
      const message = `it does not load with bindings of ${replica.bundles.toolchain}`;
      replica.problem = { code: 'HW4104', message, remedy: '', policy: 'Terminal' };
      return;
    }
    replica.phase = 'Warming';
    const deadlineMs = replica.cell.probes.readiness?.deadlineMs ?? PROBE_DEADLINE_FALLBACK_MS;
    if (behaviour.readyAfterMs !== 'never' && replica.ageMs >= behaviour.readyAfterMs) {
      replica.phase = 'Ready';
      this.stores.ready(replica);
    } else if (replica.ageMs >= deadlineMs) {
      replica.phase = 'Ended';
      replica.end = 'NeverReady';
      replica.problem = { code: 'HW4001', message: 'not ready before its deadline', remedy: '', policy: 'Retry' };
    }
  }

  #behaviourOf({ members }: CellPlan): Behaviour {
    return together(members.map(({ artifact }) => this.#behaviours(artifact)));
  }

  #hold(name: string, mailbox: number, isNew: boolean): void {
    const waiting = this.#mailboxes.get(name)!;
    if (waiting >= mailbox) {
      this.overflown += 1;
      return;
    }
    this.#mailboxes.set(name, waiting + 1);
    if (isNew) this.held += 1;
  }

  /** Some requests carry what a step may name. */
  #namedArm({ arms }: SnapshotRule): SnapshotRule['arms'][number] | undefined {
    const named = arms.find(({ headers, group }) => headers !== undefined && this.isReady(group));
    return named && this.#random() < NAMED_SHARE ? named : undefined;
  }

  /** By what the snapshot in force says of this release. */
  #isFailure(release: string, status: 404 | 500): boolean {
    const rules = [...(this.snapshot?.rules ?? []), ...(this.snapshot?.previews ?? []).flatMap((one) => one.rules)];
    const arm = rules.flatMap((rule) => rule.arms).find((one) => one.release === release);
    const counted = arm?.failureStatuses ?? ['5xx'];
    return counted.includes(String(status)) || counted.includes(status === 404 ? '4xx' : '5xx');
  }

  #answer(release: string, group: GroupId, kind: 'traffic' | 'synthetic' | 'mirrored'): void {
    this.#idle.set(group, 0);
    const replica = [...this.replicas.values()].find((one) => one.cell.group === group && one.phase === 'Ready');
    if (!replica) return;
    const arm = this.#arms.get(release) ?? {
      group,
      traffic: noCounts(),
      synthetic: noCounts(),
      mirrored: noCounts(),
      consecutive: 0,
      ageMs: 0,
    };
    this.#arms.set(release, arm);
    if (kind !== 'mirrored') this.stores.wrote(replica);
    if (kind !== 'mirrored') this.uses.used(replica.cell, this.snapshot?.grants?.ceilings ?? []);
    const behaviour = this.#behaviourOf(replica.cell);
    const later = behaviour.failuresLater;
    const share = later && arm.ageMs >= later.afterMs ? later.share : behaviour.failures;
    const counters = arm[kind];
    counters.requests += 1;
    if (kind !== 'mirrored') this.answered.set(release, (this.answered.get(release) ?? 0) + 1);
    const us = behaviour.latencyUs ?? 1_000;
    const bucket = LATENCY_BUCKETS_US.findIndex((upper) => us * (0.8 + 0.4 * this.#random()) <= upper);
    counters.latency[bucket < 0 ? LATENCY_BUCKETS_US.length : bucket]! += 1;
    const failed = this.outage || this.#random() < share;
    const status = failed ? 500 : this.#random() < (behaviour.status4xx ?? 0) ? 404 : 200;
    const isFailure = status !== 200 && this.#isFailure(release, status);
    if (status === 500) counters.status5xx += 1;
    if (status === 404 && !isFailure) counters.status4xx += 1;
    if (isFailure) counters.failures += 1;
    if (kind !== 'mirrored') arm.consecutive = isFailure ? arm.consecutive + 1 : 0;
  }
}
