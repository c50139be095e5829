/**
 * One engine for several roots: each loop has a port of its own and sees its own replicas, samples, firings and generations;
 * what they publish becomes one snapshot.
 *
 * E1 What a root published last stays in force while it is silent: its git, its journal or its rounds may be broken.
 * E2 A control that finds an engine which serves takes over what each root has in force there before anything is published.
 *    Beside an engine that serves nothing it waits, for a bounded time, until each root with a memory has said once what it
 *    serves: one that is slow to start does not lose its routes to one that is quick.
 * E3 A root's generation is in force when the snapshot with it is; which one that is, the engine says.
 * E4 Uses of grants leave the engine when the root that they belong to has written them down, and not before.
 */
import type { Logger } from 'pino';
import type { Clock } from '../../kit/clock.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { EngineObserved } from '../../model/engine.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { EnginePort, ServingEngine } from '../ports.ts';
import {
  holdersOf,
  mergeParts,
  namespaceOf,
  owns,
  splitParts,
  type Part,
  type RootScope,
  type RouteConflict,
} from './merge.ts';
import { createRecordShare, type RecordShare } from './records.ts';

/** After the first snapshot of a root beside an engine that serves nothing: then the others are not waited for any more. */
export const MAX_WAIT_FOR_ROOTS_MS = 30_000;
/** Snapshots whose parts are remembered: an observation may be older than the last one. */
const MAX_ATTEMPTS = 64;

export interface SharedRoot extends RootScope {
  /** Its journal knows what it serves: it is waited for. */
  readonly hasMemory: boolean;
}

export interface EngineShare {
  portOf(root: string): EnginePort;
  /** Of the snapshot that the engine had when it was last looked at. */
  generation(): number;
  /** Rules that are left out of the snapshot decided last. */
  conflicts(): readonly RouteConflict[];
  /** Roots that are being waited for before anything is published. */
  waitingFor(): readonly string[];
}

export function createEngineShare(
  engine: ServingEngine,
  roots: readonly SharedRoot[],
  clock: Clock,
  log: Logger,
): EngineShare {
  return new Share(engine, roots, clock, log);
}

class Share implements EngineShare {
  readonly #engine: ServingEngine;
  readonly #roots: readonly SharedRoot[];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #records: RecordShare;
  readonly #listeners = new Set<() => void>();
  /** What each root said last, or had in force before this control. */
  readonly #parts = new Map<string, Part>();
  /** Roots that have published under this control. */
  readonly #heard = new Set<string>();
  /** By the engine's generation: the generation of each root in it. */
  readonly #attempts = new Map<number, ReadonlyMap<string, number>>();
  #holders: ReadonlyMap<string, string> = new Map();
  #conflicts: readonly RouteConflict[] = [];
  #epoch: string | undefined;
  /** What this engine process had in force when it was first seen has been taken over. */
  #taken = false;
  /** The last that was given out, or taken over. */
  #generation = 0;
  #seen = 0;
  #waitsSinceMs: number | undefined;
  #waitingFor: readonly string[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(engine: ServingEngine, roots: readonly SharedRoot[], clock: Clock, log: Logger) {
    this.#engine = engine;
    this.#roots = roots;
    this.#clock = clock;
    this.#log = log;
    this.#records = createRecordShare(engine, roots);
  }

  generation(): number {
    return this.#seen;
  }

  conflicts(): readonly RouteConflict[] {
    return this.#conflicts;
  }

  waitingFor(): readonly string[] {
    return this.#waitingFor;
  }

  portOf(name: string): EnginePort {
    const root = this.#roots.find((one) => one.name === name)!;
    const engine = this.#engine;
    return {
      observe: () => this.#observe(root),
      onChange: (listener) => this.#onChange(listener),
      start: (replica, cell) => engine.start(replica, cell),
      stop: (replica, deadlineMs) => engine.stop(replica, deadlineMs),
      forget: (replicas) => engine.forget(replicas),
      publish: (snapshot) => this.#inTurn(() => this.#publish(root, snapshot)),
      records: (after) => this.#records.records(root.name, after),
      // Stores are files by namespace, and no namespace is of two roots.
      stores: (order) => engine.stores(order),
      synthesize: (run) => engine.synthesize({ ...run, id: `${root.name}/${run.id}` }),
      fire: (firing) => engine.fire(firing),
      stopFiring: (firing) => engine.stopFiring(firing),
      forgetFirings: (firings) => engine.forgetFirings(firings),
      samples: async () => {
        const samples = await engine.samples();
        return samples.ok ? ok(samples.value.filter(({ group }) => owns(root, group))) : samples;
      },
    };
  }

  #onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    const unlisten = this.#engine.onChange(listener);
    return () => {
      this.#listeners.delete(listener);
      unlisten();
    };
  }

  async #observe(root: SharedRoot): Promise<Result<EngineObserved, Problem>> {
    const observed = await this.#engine.observe();
    if (!observed.ok) return observed;
    if (!this.#taken || observed.value.epoch !== this.#epoch) {
      const taken = await this.#inTurn(() => this.#takeOver(observed.value));
      if (!taken.ok) return taken;
    }
    this.#seen = observed.value.generation;
    this.#records.seen(root.name, observed.value.epoch);
    return ok(this.#viewOf(root, observed.value));
  }

  #viewOf(root: SharedRoot, observed: EngineObserved): EngineObserved {
    const own = `${root.name}/`;
    return {
      ...observed,
      generation: this.#generationOf(root, observed.generation),
      replicas: observed.replicas.filter(({ group }) => owns(root, group)),
      samples: observed.samples.filter(({ group }) => owns(root, group)),
      syntheticRuns: observed.syntheticRuns
        .filter(({ id }) => id.startsWith(own))
        .map((run) => ({ ...run, id: run.id.slice(own.length) })),
      ...(observed.limitHits ? { limitHits: observed.limitHits.filter(({ entry }) => owns(root, entry)) } : {}),
      ...(observed.droppedDatagrams
        ? { droppedDatagrams: observed.droppedDatagrams.filter(({ entry }) => owns(root, entry)) }
        : {}),
      ...(observed.remotes ? { remotes: observed.remotes.filter(({ from }) => owns(root, from)) } : {}),
      ...(observed.firings ? { firings: observed.firings.filter(({ id }) => owns(root, id)) } : {}),
    };
  }

  /**
   * E3. What was taken over counts as in force only for a root that remembers nothing, which must not begin with an empty
   * table; the others say it again, so that what is in force is what they mean.
   */
  #generationOf({ name, hasMemory }: SharedRoot, generation: number): number {
    if (hasMemory && !this.#heard.has(name)) return 0;
    return this.#attempts.get(generation)?.get(name) ?? 0;
  }

  /** E2. Once for each engine process. */
  async #takeOver({ epoch, generation }: EngineObserved): Promise<Result<void, Problem>> {
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#taken = false;
      this.#attempts.clear();
    }
    if (this.#taken) return ok(undefined);
    if (generation > 0) {
      const inForce = await this.#engine.inForce();
      if (!inForce.ok) return inForce;
      if (inForce.value) this.#adopt(inForce.value);
    }
    this.#taken = true;
    return ok(undefined);
  }

  #adopt(snapshot: Snapshot): void {
    const parts = splitParts(this.#roots, snapshot);
    for (const [name, part] of parts) if (!this.#parts.has(name)) this.#parts.set(name, part);
    this.#holders = holdersOf(this.#roots, snapshot);
    this.#generation = Math.max(this.#generation, snapshot.generation);
    this.#attempts.set(snapshot.generation, new Map([...parts].map(([name, part]) => [name, part.generation])));
    this.#log.info({ generation: snapshot.generation, roots: [...parts.keys()] }, 'took over what the engine serves');
  }

  async #publish(root: SharedRoot, snapshot: Snapshot): Promise<Result<{ readonly generation: number }, Problem>> {
    const before = this.#parts.get(root.name);
    if (this.#heard.has(root.name) && before && before.generation > snapshot.generation) {
      return err(
        problem('HW4122', `generation ${snapshot.generation} of ${root.name} is older than ${before.generation}`),
      );
    }
    this.#parts.set(root.name, snapshot);
    this.#heard.add(root.name);
    if (!this.#taken) return err(problem('HW4120', 'the engine was not looked at yet'));
    const waiting = this.#missing();
    this.#waitingFor = waiting;
    if (waiting.length > 0) {
      return err(problem('HW5060', `nothing is published before ${waiting.join(', ')} said what it serves`));
    }
    const generation = (this.#generation += 1);
    const merged = mergeParts(this.#roots, this.#parts, this.#holders, generation, snapshot.commit);
    this.#note(generation);
    this.#tell(merged.conflicts);
    const published = await this.#engine.publish(merged.snapshot);
    if (!published.ok) return published;
    this.#holders = holdersOf(this.#roots, merged.snapshot);
    for (const listener of this.#listeners) listener();
    return ok({ generation: snapshot.generation });
  }

  /** E2: who has to speak first, while nothing is in force that could be taken away. */
  #missing(): readonly string[] {
    if (this.#generation > 0) return [];
    const silent = this.#roots.filter(({ name, hasMemory }) => hasMemory && !this.#parts.has(name));
    if (silent.length === 0) return [];
    const { monotonicMs } = this.#clock.now();
    this.#waitsSinceMs ??= monotonicMs;
    const names = silent.map(({ name }) => name);
    if (monotonicMs - this.#waitsSinceMs < MAX_WAIT_FOR_ROOTS_MS) return names;
    this.#log.error(
      { roots: names },
      'these roots have not said what they serve; the others are published without them',
    );
    return [];
  }

  #note(generation: number): void {
    this.#attempts.set(generation, new Map([...this.#parts].map(([name, part]) => [name, part.generation])));
    for (const old of this.#attempts.keys()) if (this.#attempts.size > MAX_ATTEMPTS) this.#attempts.delete(old);
  }

  #tell(conflicts: readonly RouteConflict[]): void {
    const keyOf = ({ root, rule, heldBy }: RouteConflict) =>
      `${root} ${rule.route} ${heldBy} ${namespaceOf(rule.entry)}`;
    const known = new Set(this.#conflicts.map(keyOf));
    for (const conflict of conflicts.filter((one) => !known.has(keyOf(one)))) {
      const { root, rule, heldBy, other } = conflict;
      this.#log.warn(
        { root, route: rule.route, heldBy, other: other.route },
        'a rule is left out: another root has it',
      );
    }
    this.#conflicts = conflicts;
  }

  /** One publication at a time, in the order in which they were asked for. */
  #inTurn<Value>(act: () => Promise<Value>): Promise<Value> {
    const turn = this.#turn.then(act, act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
