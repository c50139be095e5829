/** An engine that several roots share, as far as snapshots, replicas and records go, and time that a test moves. */
import { pino } from 'pino';
import { ok, type Result } from '../../../src/kit/result.ts';
import type { AccessRecord } from '../../../src/model/audit.ts';
import type { EngineObserved } from '../../../src/model/engine.ts';
import type { Match } from '../../../src/model/route.ts';
import type { Snapshot, SnapshotRule } from '../../../src/model/snapshot.ts';
import type { Problem } from '../../../src/model/problem.ts';
import type { ServingEngine } from '../../../src/reconcile/ports.ts';
import { RecordQueue } from '../../../src/host/record-queue.ts';
import { createEngineShare, type EngineShare, type SharedRoot } from '../../../src/reconcile/roots/share.ts';

export const SHOP = { name: 'shop', namespaces: ['shop', 'cart'] };
export const BLOG = { name: 'blog', namespaces: ['blog'] };

export class SharedWorld {
  readonly published: Snapshot[] = [];
  epoch = 'engine-1';
  inForce: Snapshot | undefined;
  /** The next calls of `publish` fail, before or after the engine has the snapshot. */
  fails: 'never' | 'before' | 'after' = 'never';
  more: Partial<EngineObserved> = {};
  records = new RecordQueue();
  nowMs = 0;
  readonly runs: string[] = [];
  readonly #listeners = new Set<() => void>();

  readonly engine: ServingEngine = {
    observe: () => Promise.resolve(ok(this.#observed())),
    inForce: () => Promise.resolve(ok(this.inForce ?? null)),
    onChange: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
    publish: (snapshot) => Promise.resolve(this.#publish(snapshot)),
    records: (after) => Promise.resolve(ok(this.records.take(after))),
    synthesize: ({ id }) => Promise.resolve(ok(void this.runs.push(id))),
    samples: () => Promise.resolve(ok(this.#observed().samples)),
    start: nothing,
    stores: () => Promise.resolve(ok({})),
    stop: nothing,
    forget: nothing,
    fire: nothing,
    stopFiring: nothing,
    forgetFirings: nothing,
  };

  /** A control that starts beside this engine. */
  control(...roots: readonly SharedRoot[]): EngineShare {
    const clock = { now: () => ({ wallMs: this.nowMs, monotonicMs: this.nowMs }), after: () => () => undefined };
    return createEngineShare(this.engine, roots, clock, pino({ level: 'silent' }));
  }

  /** Another engine process: it serves nothing. */
  restart(): void {
    this.epoch = `engine-${Number(this.epoch.slice(7)) + 1}`;
    this.inForce = undefined;
    this.records = new RecordQueue();
  }

  /** The routes in force, as `entry` by path. */
  get routes(): Readonly<Record<string, string>> {
    const rules = this.inForce?.rules ?? [];
    return Object.fromEntries(rules.map(({ match, entry }) => [`${match.hostname ?? '*'}${match.path.value}`, entry]));
  }

  #observed(): EngineObserved {
    const generation = this.inForce?.generation ?? 0;
    const nothingElse = { replicas: [], samples: [], syntheticRuns: [], poolReady: 0 };
    return { epoch: this.epoch, generation, sandbox: { strict: true, why: '' }, ...nothingElse, ...this.more };
  }

  #publish(snapshot: Snapshot): Result<{ generation: number }, Problem> {
    if (this.fails === 'before') return LOST;
    this.published.push(snapshot);
    this.inForce = snapshot;
    return this.fails === 'after' ? LOST : ok({ generation: snapshot.generation });
  }
}

const LOST: Result<never, Problem> = {
  ok: false,
  error: { code: 'HW4120', message: 'no answer', policy: 'Waiting', remedy: '' },
};

function nothing(): Promise<Result<void, Problem>> {
  return Promise.resolve(ok(undefined));
}

/** What a root publishes: `entry` at each host and path. */
export function part(generation: number, routes: Readonly<Record<string, string>>): Snapshot {
  const rules = Object.entries(routes).map(([place, entry]) => ruleAt(place, entry));
  return { generation, commit: `commit-${generation}`, rules, releaseHeader: true };
}

/** `a.example/b`, or a star in place of the host: a path of every host. */
export function ruleAt(place: string, entry: string): SnapshotRule {
  const cut = place.indexOf('/');
  const host = place.slice(0, cut);
  const match: Match = {
    ...(host === '*' ? {} : { hostname: host }),
    path: { type: 'PathPrefix', value: place.slice(cut) },
    headers: [],
  };
  const key = entry as SnapshotRule['entry'];
  const limits = { requestTimeoutMs: 1, requestBodyBytes: 1, responseBodyBytes: 1 };
  return { match, route: `${key}-route`, entry: key, ...limits, arms: [] };
}

export function used(component: string): AccessRecord {
  const key = component as AccessRecord['component'];
  const asked = { capability: 'keyValue', grant: 'carts', outcome: 'Allowed', asked: 'get carts', why: '', count: 1 };
  return { atWallMs: 0, component: key, group: `${key}@1`, ...asked } as AccessRecord;
}
