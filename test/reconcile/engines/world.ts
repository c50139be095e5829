/** Engines as far as the merge sees them: replicas, counts, snapshots and records, and processes that end. */
import { pino } from 'pino';
import { err, ok, type Result } from '../../../src/kit/result.ts';
import type {
  Counters,
  CellSpec,
  EngineObserved,
  ReleaseSamples,
  ReplicaObserved,
  ReplicaPhase,
} from '../../../src/model/engine.ts';
import { problem, type Problem } from '../../../src/model/problem.ts';
import type { GroupId, Snapshot } from '../../../src/model/snapshot.ts';
import { RecordQueue } from '../../../src/host/record-queue.ts';
import { createEngines, type OneEngine } from '../../../src/reconcile/engines/engines.ts';
import type { EnginesState } from '../../../src/reconcile/engines/state.ts';
import type { ServingEngine } from '../../../src/reconcile/ports.ts';
import { noCounts } from '../../support/counters.ts';

export const GROUP: GroupId = 'shop/cart@r1';
export const NOTHING: Counters = { ...noCounts(), latency: [0, 0] };

export function replica(id: string, phase: ReplicaPhase, more: Partial<ReplicaObserved> = {}): ReplicaObserved {
  return { id, group: GROUP, phase, restartToken: 't', ageMs: 10, inFlight: 0, ...more };
}

export function samples(release: string, requests: number, more: Partial<ReleaseSamples> = {}): ReleaseSamples {
  const traffic = { ...NOTHING, requests, latency: [requests, 0] };
  return { release, group: GROUP, traffic, synthetic: NOTHING, consecutiveFailures: 0, inFlight: 0, ...more };
}

export function observed(more: Partial<EngineObserved> = {}): EngineObserved {
  return {
    epoch: 'e1',
    generation: 1,
    replicas: [],
    samples: [],
    syntheticRuns: [],
    sandbox: { strict: true, why: 'it works' },
    poolReady: 1,
    ...more,
  };
}

export function cell(group: GroupId = GROUP, instancePolicy = 'Pooled'): CellSpec {
  const member = { instancePolicy, capabilities: [], links: [] };
  return { group, entry: group.slice(0, group.indexOf('@')), members: [{ member }] } as unknown as CellSpec;
}

export function snapshotOf(generation: number, group: GroupId = GROUP): Snapshot {
  const arms = [{ release: 'one', group, weight: 100 }];
  return { generation, commit: 'c', releaseHeader: true, rules: [{ entry: 'shop/cart', arms }] } as unknown as Snapshot;
}

export class FakeEngine {
  inForce: Snapshot | undefined;
  replicas = new Map<string, ReplicaObserved>();
  samples: readonly ReleaseSamples[] = [];
  records = new RecordQueue();
  isAway = false;
  /** It takes calls and answers none. */
  hangs = false;
  refuses: Problem | undefined;
  stopped: string[] = [];
  /** Replicas for which requests are to wait. */
  awaited: string[] = [];
  #process = 1;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  get epoch(): string {
    return `${this.#name}-${this.#process}`;
  }

  /** Another process: it has nothing. */
  restart(): void {
    this.#process += 1;
    this.inForce = undefined;
    this.replicas = new Map();
    this.samples = [];
    this.records = new RecordQueue();
    this.isAway = false;
  }

  becomes(id: string, phase: ReplicaPhase, more: Partial<ReplicaObserved> = {}): void {
    this.replicas.set(id, { ...this.replicas.get(id)!, phase, ...more });
  }

  get port(): OneEngine {
    const calls: ServingEngine = {
      observe: () =>
        this.#here(() =>
          observed({
            epoch: this.epoch,
            generation: this.inForce?.generation ?? 0,
            replicas: [...this.replicas.values()],
            samples: this.samples,
          }),
        ),
      inForce: () => this.#here(() => this.inForce ?? null),
      samples: () => this.#here(() => this.samples),
      records: (after) => this.#here(() => this.records.take(after)),
      onChange: () => () => undefined,
      start: async (id, { group, awaited }) => {
        if (this.refuses) return err(this.refuses);
        return this.#here(() => {
          if (awaited) this.awaited.push(id);
          if (!this.replicas.has(id)) this.replicas.set(id, replica(id, 'Starting', { group }));
        });
      },
      stop: (id) =>
        this.#here(() => {
          if (this.replicas.has(id)) this.becomes(id, 'Ended', { end: 'Stopped' });
          this.stopped.push(id);
        }),
      forget: (ids) =>
        this.#here(() => {
          for (const id of ids) if (this.replicas.get(id)?.phase === 'Ended') this.replicas.delete(id);
        }),
      publish: (snapshot) =>
        this.#here(() => {
          this.inForce = snapshot;
          return { generation: snapshot.generation };
        }),
      synthesize: () => this.#here(() => undefined),
      stores: () => this.#here(() => ({})),
      fire: () => this.#here(() => undefined),
      stopFiring: () => this.#here(() => undefined),
      forgetFirings: () => this.#here(() => undefined),
    };
    return Object.defineProperty(calls, 'epoch', {
      get: () => (this.isAway ? undefined : this.epoch),
    }) as OneEngine;
  }

  #here<Value>(act: () => Value): Promise<Result<Value, Problem>> {
    if (this.hangs) return new Promise(() => undefined);
    return Promise.resolve(this.isAway ? err(problem('HW4120', 'it is away')) : ok(act()));
  }
}

/** Two engines and a control beside them, which may be started anew. */
export class EnginesWorld {
  readonly first = new FakeEngine('first');
  readonly second = new FakeEngine('second');
  remembered: EnginesState | undefined;
  nowMs = 0;
  readonly timers = new Set<() => void>();
  #epochs = 0;
  engine: ServingEngine = this.control();

  control(): ServingEngine {
    this.engine = createEngines([this.first.port, this.second.port], {
      clock: {
        now: () => ({ wallMs: this.nowMs, monotonicMs: this.nowMs }),
        after: (_delayMs, run) => {
          this.timers.add(run);
          return () => this.timers.delete(run);
        },
      },
      log: pino({ level: 'silent' }),
      newEpoch: () => `epoch-${(this.#epochs += 1)}`,
      remembered: this.remembered,
      remember: (state) => (this.remembered = state),
    });
    return this.engine;
  }

  async look(): Promise<EngineObserved> {
    const seen = await this.engine.observe();
    if (!seen.ok) throw new Error(seen.error.message);
    return seen.value;
  }

  async phases(): Promise<Readonly<Record<string, ReplicaPhase>>> {
    return Object.fromEntries((await this.look()).replicas.map(({ id, phase }) => [id, phase]));
  }
}
