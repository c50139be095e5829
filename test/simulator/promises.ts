/**
 * The promises of docs/design.md §7 that a history can break, as predicates over the engine's model and the memory.
 * Each looks at what the world can see, not at how a decision was made.
 */
import { matchKey } from '../../src/model/route.ts';
import type { EntryKey } from '../../src/model/component.ts';
import type { EntryMemory, Memory } from '../../src/model/memory.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import type { ScheduleMemory } from '../../src/model/schedule-memory.ts';
import type { CellSpec } from '../../src/model/engine.ts';
import type { GroupId, Snapshot } from '../../src/model/snapshot.ts';
import type { Desired } from '../../src/model/desired.ts';
import { changesData } from '../../src/decide/data.ts';
import { fullCount } from '../../src/decide/scaling.ts';
import { takesOver } from '../../src/decide/singleton.ts';
import type { ScheduleKey } from '../../src/model/schedule.ts';
import { stepOf, stepsOf } from '../../src/decide/steps.ts';
import { scheduleOfFiring, type FiringOrder } from '../../src/model/firing.ts';
import { MAX_CATCH_UP_MS } from '../../src/reconcile/engines/engines.ts';
import { Broken } from './broken.ts';
import type { EngineModel } from './engine-model.ts';
import { GrantPromises, tighteningStopsNothing } from './grant-promises.ts';

export { Broken } from './broken.ts';

const MINUTE_MS = 60_000;

export interface Scene {
  readonly engine: EngineModel;
  /** Of several engines together, as control knows it. */
  readonly epoch?: string | undefined;
  /** All engines, where there are several. */
  readonly engines?: readonly EngineModel[];
  readonly memory: Memory;
  readonly desired: Desired | undefined;
}

/** What was seen before, to compare with. */
export class Promises {
  readonly #served = new Set<string>();
  #snapshot: Snapshot | undefined;
  #epoch = '';
  #looks = 0;
  readonly #last = new Map<EntryKey, EntryMemory>();
  readonly #started = new Map<string, string>();
  readonly #cells = new Map<GroupId, string>();
  readonly #grants = new GrantPromises();
  readonly #serving = new Map<EntryKey, string[]>();
  readonly #proven = new Map<EntryKey, string[]>();
  readonly #fired = new Set<string>();
  #firingsSeen = 0;
  readonly #counting = new Map<ScheduleKey, { readonly wallMs: number; readonly told: number }>();
  /** What a release had answered when its bake began. */
  readonly #bakes = new Map<string, number>();
  readonly #steps = new Map<string, { readonly step: number; readonly answered: number }>();

  /** Called when the engine has taken a snapshot; `isBack`: it was cut off, and is given what went on without it. */
  published({ engine, memory }: Scene, isBack = false): void {
    const snapshot = engine.snapshot!;
    this.#grants.published(snapshot, memory);
    const before = this.#epoch === engine.epoch ? this.#snapshot : undefined;
    this.#epoch = engine.epoch;
    this.#snapshot = snapshot;
    const wanted = new Set(
      Object.values(memory.entries).flatMap((entry) =>
        entry.deletedAtWallMs === undefined ? (entry.desired?.rules ?? []).map((rule) => matchKey(rule.match)) : [],
      ),
    );
    for (const match of this.#served) if (!wanted.has(match)) this.#served.delete(match);
    for (const rule of snapshot.rules) {
      const total = rule.arms.reduce((sum, arm) => sum + arm.weight, 0);
      if (rule.arms.length > 0 && total !== 100)
        throw new Broken('weights', `${matchKey(rule.match)} adds up to ${total}`);
      const odd = rule.arms.find(({ weight }) => weight < 0 || weight > 100);
      if (odd) throw new Broken('weights', `${odd.group} has ${odd.weight} % of ${matchKey(rule.match)}`);
      // Another engine has the replicas.
      if (snapshot.elsewhere?.includes(rule.entry) || isBack) continue;
      const known = before?.rules.find((other) => matchKey(other.match) === matchKey(rule.match));
      for (const arm of rule.arms) {
        const isNew = !known?.arms.some((other) => other.group === arm.group);
        const alternatives = rule.arms.length > 1 || (known?.arms.length ?? 0) > 0;
        if (before && isNew && alternatives && !engine.isReady(arm.group) && !isWarm(memory, arm.group)) {
          throw new Broken(
            'ready arms',
            `${arm.group} gets ${arm.weight} % of ${matchKey(rule.match)} without a ready replica`,
          );
        }
      }
    }
  }

  /** R2: an id is started once; asking again with the same id is the same start. */
  started(id: string, epoch: string, { group, members }: Pick<CellSpec, 'group' | 'members'>): void {
    const held = members.map(({ member }) => `${member.key} ${member.artifact}`).join(', ');
    if ((this.#cells.get(group) ?? held) !== held)
      throw new Broken('one revision', `${group} has ${held} and had ${this.#cells.get(group)}`);
    this.#cells.set(group, held);
    const before = this.#started.get(id);
    if (before !== undefined && before !== epoch)
      throw new Broken('I4 ids', `${id} was started in ${before} and again in ${epoch}`);
    this.#started.set(id, epoch);
  }

  /** R1: what takes requests is not stopped while it is the only one that does. */
  stopped(id: string, { engine, memory, desired }: Scene): void {
    const group = id.slice(0, id.lastIndexOf('#'));
    tighteningStopsNothing(id, { engine, memory, desired });
    const named = engine.snapshot?.rules.some((rule) => rule.arms.some((arm) => arm.group === group && arm.weight > 0));
    const others = [...engine.replicas.values()].some(
      ({ id: other, cell, phase }) => cell.group === group && other !== id && (phase === 'Ready' || phase === 'Parked'),
    );
    const held = engine.snapshot?.rules.some((rule) => rule.mailbox !== undefined && id.startsWith(`${rule.entry}@`));
    if (named && !others && !held) throw new Broken('I1 stop', `${id} is stopped while requests go to it`);
  }

  /** A firing goes to what serves its schedule, is written down before, and overlaps with no other where it may not. */
  fired({ id, release }: FiringOrder, { memory, engine }: Scene): void {
    const schedule = scheduleOfFiring(id);
    const { entry, running = [] } = memory.schedules?.[schedule] ?? {};
    const written = running.find((firing) => firing.id === id);
    if (written?.release !== release) throw new Broken('firings', `${id} is ordered and not written down`);
    const serving = entry && memory.entries[entry]?.serving?.release;
    if (!written.seen && serving?.release !== release && running.length === 1) {
      throw new Broken('firings', `${id} goes to ${release.slice(0, 12)}, which does not serve`);
    }
    const trigger = serving?.entry.schedules?.find((one) => one.schedule === schedule);
    const other = engine.firings
      .observed()
      .find((one) => one.id !== id && one.outcome === undefined && scheduleOfFiring(one.id) === schedule);
    if (trigger && trigger.concurrencyPolicy !== 'Allow' && other) {
      throw new Broken('firings', `${id} starts while ${other.id} runs (${trigger.concurrencyPolicy})`);
    }
  }

  /**
   * Every minute is accounted for: since a schedule began to count, as many firings started, were missed, skipped or lost
   * as there were minutes. And none of them twice.
   */
  #firings({ engine, memory }: Scene): void {
    for (const { id } of engine.firings.started.slice(this.#firingsSeen)) {
      if (this.#fired.has(id)) throw new Broken('firings', `${id} was started twice`);
      this.#fired.add(id);
    }
    this.#firingsSeen = engine.firings.started.length;
    const schedules = Object.entries(memory.schedules ?? {}) as [ScheduleKey, ScheduleMemory][];
    for (const key of this.#counting.keys()) if (!memory.schedules?.[key]) this.#counting.delete(key);
    for (const [key, { expression, consideredWallMs, counts, running, due }] of schedules) {
      const ended = Object.values(counts).reduce((sum, count) => sum + count, 0);
      const told = ended + running.length + (due ? 1 : 0);
      // Deleted in git: what runs ends, and nothing counts any more.
      if (expression === '') this.#counting.delete(key);
      else {
        const since = this.#counting.get(key) ?? { wallMs: consideredWallMs, told };
        this.#counting.set(key, since);
        const minutes = Math.floor(consideredWallMs / MINUTE_MS) - Math.floor(since.wallMs / MINUTE_MS);
        if (told - since.told !== minutes)
          throw new Broken('firings', `${key}: ${minutes} minutes, ${told - since.told} are accounted for`);
      }
    }
  }

  /** With its first snapshot a process begins to listen: by then it has what the first engine has, or it has waited long for it. */
  cameBack({ engine, engines = [] }: Scene, waitedMs: number): void {
    const [home] = engines;
    const { rules, elsewhere = [], generation } = engine.snapshot!;
    if (!home || home.generation < generation || waitedMs >= MAX_CATCH_UP_MS) return;
    for (const { entry, arms } of rules.filter((rule) => !elsewhere.includes(rule.entry))) {
      const bare = arms.find(
        ({ group, weight }) => weight > 0 && home.isReady(group) && !engine.isReady(group) && !engine.isOnCall(group),
      );
      if (bare) throw new Broken('I1 back', `an engine listens, and has no ready replica of ${entry} (${bare.group})`);
    }
  }

  /** After every event, of an engine beside the first: what it does with requests, which is not what control remembers. */
  checkBeside(scene: Scene): void {
    singletonsAlone(scene.engine);
    this.#neverUnrouted(scene);
    for (const [key, entry] of Object.entries(scene.memory.entries) as [EntryKey, EntryMemory][])
      quarantineHolds(scene, key, entry);
  }

  /** After every event. */
  check(scene: Scene): void {
    this.#firings(scene);
    singletonsAlone(scene.engine);
    const [lost] = scene.engine.stores.broken;
    if (lost !== undefined) throw new Broken('stores', lost);
    this.#neverUnrouted(scene);
    for (const [key, entry] of Object.entries(scene.memory.entries) as [EntryKey, EntryMemory][]) {
      quarantineHolds(scene, key, entry);
      retreats(key, this.#last.get(key), entry);
      replicasBehindWeight(scene, key, entry);
      promotedThroughSteps(scene, key, this.#last.get(key), entry);
      this.#last.set(key, entry);
      this.#oneGenerationBack(key, entry);
    }
    if ((this.#looks += 1) % 50 === 0 && JSON.stringify(scene.memory).length > 2_000_000)
      throw new Broken('I16', 'the memory is larger than 2 MB');
  }

  /** A match that was answered once stays answered while git wants it. */
  #neverUnrouted({ engine, memory, desired }: Scene): void {
    const wanted = new Set(
      [...(desired?.entries.values() ?? [])].flatMap((entry) => entry.rules.map((rule) => matchKey(rule.match))),
    );
    // What git did not want for a moment begins anew when it is wanted again, whether the engine heard of it or not.
    for (const match of this.#served) if (desired && !wanted.has(match)) this.#served.delete(match);
    if (!engine.snapshot || engine.generation !== memory.snapshot.generation) return;
    for (const rule of engine.snapshot.rules) if (rule.arms.length > 0) this.#served.add(matchKey(rule.match));
    for (const match of this.#served) {
      const rule = engine.snapshot.rules.find((candidate) => matchKey(candidate.match) === match);
      if (rule && rule.arms.length > 0) continue;
      if (wanted.has(match)) throw new Broken('never unrouted', `${match} had an answer and has none`);
      this.#served.delete(match);
    }
  }

  /** What control is about to do. A step begins when it is written down, also where control dies before it is done. */
  journalled(memory: MemoryParts, engine: EngineModel, desired: Desired | undefined): void {
    this.#grants.journalled(memory, desired);
    for (const [part, value] of Object.entries(memory)) {
      if (!part.startsWith('entries/')) continue;
      const key = part.slice('entries/'.length);
      this.#risesThroughGates(engine, key, value as unknown as EntryMemory);
      this.#provenBySamples(engine, key, value as unknown as EntryMemory);
    }
  }

  /** Weight rises from one step to the next only after `minSamples` requests were answered in the step. */
  #risesThroughGates(engine: EngineModel, key: string, { candidate }: EntryMemory): void {
    if (candidate?.state !== 'Canary' || candidate.release.entry.rules.length === 0) return;
    const { minSamples } = candidate.release.entry.rollout.settings.gate;
    const answered = engine.answered.get(candidate.release.release) ?? 0;
    const id = `${key} ${candidate.attempt}`;
    const before = this.#steps.get(id);
    if (before?.step === candidate.step) return;
    this.#steps.set(id, { step: candidate.step, answered });
    if (before && candidate.step === before.step + 1 && answered - before.answered < minSamples) {
      throw new Broken(
        'gates',
        `${key} left step ${before.step} after ${answered - before.answered} samples of ${minSamples}`,
      );
    }
  }

  /** And nothing that requests reach is proven by time: its bake has answered `minSamples` as well. */
  #provenBySamples(engine: EngineModel, key: string, { serving }: EntryMemory): void {
    if (!serving || serving.release.entry.rules.length === 0) return;
    const id = `${key} ${serving.attempt}`;
    const answered = engine.answered.get(serving.release.release) ?? 0;
    if (serving.bake && !serving.proven) {
      if (!this.#bakes.has(id)) this.#bakes.set(id, answered);
      return;
    }
    const before = this.#bakes.get(id);
    this.#bakes.delete(id);
    const { minSamples } = serving.release.entry.rollout.settings.gate;
    if (serving.proven && before !== undefined && answered - before < minSamples) {
      throw new Broken('gates', `${key} was proven after ${answered - before} samples of ${minSamples} in its bake`);
    }
  }

  /** A rollback goes to what served before, or to the last that was proven, never further. */
  #oneGenerationBack(key: EntryKey, { serving, ledger }: EntryMemory): void {
    const history = this.#serving.get(key) ?? [];
    const proven = this.#proven.get(key) ?? [];
    if (ledger[0] && proven.at(-1) !== ledger[0].release.release) proven.push(ledger[0].release.release);
    this.#proven.set(key, proven);
    if (!serving || history.at(-1) === serving.release.release) return;
    const isBack = serving.bake === undefined && history.includes(serving.release.release) && !serving.degraded;
    if (isBack && history.at(-2) !== serving.release.release && proven.at(-1) !== serving.release.release) {
      throw new Broken('one generation', `${key} went back from ${history.at(-1)} to ${serving.release.release}`);
    }
    this.#serving.set(key, [...history, serving.release.release]);
  }
}

/** Beside an instance of a singleton there is no other of its entry, not even one that drains. */
export function singletonsAlone({ replicas }: Pick<EngineModel, 'replicas'>): void {
  const alive = [...replicas.values()].filter(({ phase }) => phase !== 'Ended');
  for (const { id, cell } of alive) {
    if (cell.members[0].instancePolicy !== 'Singleton') continue;
    const other = alive.find((one) => one.id !== id && one.cell.entry === cell.entry);
    if (other) throw new Broken('singleton', `${id} and ${other.id} (${other.phase}) exist at once`);
  }
}

/** What has steps takes all traffic from its last one only, but where a row of the table says otherwise. */
function promotedThroughSteps(
  { engine, engines = [engine] }: Scene,
  key: EntryKey,
  before: EntryMemory | undefined,
  now: EntryMemory,
): void {
  const { serving } = now;
  if (!before?.serving || !serving?.bake || serving.release.release === before.serving.release.release) return;
  const { entry } = serving.release;
  // Nothing calls it: there is no traffic to raise.
  const steps = entry.rules.length > 0 ? stepsOf(entry) : [];
  if (steps.length === 0 || serving.release.revision === before.serving.release.revision) return;
  const wasProven = before.ledger.some((line) => line.release.release === serving.release.release);
  const served = before.serving.release.release;
  const failsNow = engines.some((one) =>
    one.observed().samples.some(({ release, consecutiveFailures }) => release === served && consecutiveFailures > 0),
  );
  const wasInTrouble = before.failures.length > 0 || now.failures.length > 0 || engine.outage || failsNow;
  if (wasProven || wasInTrouble || entry.rollout.emergency || changesData(before, serving.release)) return;
  if (takesOver(before, serving.release)) return;
  const { candidate } = before;
  if (candidate?.state === 'Canary' && candidate.step === steps.length) return;
  throw new Broken(
    'gates',
    `${key} took all traffic from ${candidate?.state ?? 'nothing'}, step ${candidate?.step ?? 0}`,
  );
}

/** Warm releases may lose their replica in the very moment of a rollback: there is nothing better to go to. */
function isWarm(memory: Memory, group: string): boolean {
  return Object.entries(memory.entries).some(
    ([key, entry]) => entry.serving?.bake === undefined && group === `${key}@${entry.serving?.release.revision}`,
  );
}

/** A share on its way back never rises. */
function retreats(key: EntryKey, before: EntryMemory | undefined, { leaving }: EntryMemory): void {
  const last = before?.leaving;
  if (!leaving || !last || last.sinceMs !== leaving.sinceMs) return;
  if (leaving.weight > last.weight) throw new Broken('retreat', `${key}: a share on its way back rose`);
}

/** Rolling: what serves is asked to have the replicas that its share needs, whatever came in between. */
function replicasBehindWeight(
  { engine, memory, epoch = engine.epoch }: Scene,
  key: EntryKey,
  entry: EntryMemory,
): void {
  const { serving, candidate } = entry;
  if (candidate?.state !== 'Canary' || candidate.replicas === undefined || !serving) return;
  if (engine.generation !== memory.snapshot.generation || memory.epoch !== epoch) return;
  const group = `${key}@${serving.release.revision}`;
  const asked = entry.replicas.filter((replica) => replica.group === group && !replica.stopping).length;
  const { strategy } = candidate.release.entry.rollout.settings;
  const between = stepOf(candidate)?.replicas !== candidate.replicas;
  const missing = strategy.type === 'Rolling' && between ? (strategy.maxUnavailable ?? 0) : 0;
  const share = (fullCount(entry, serving.release) * (100 - candidate.weight)) / 100;
  const needed = Math.max(1, Math.round(share) - missing);
  const mayStart = entry.failures.every((failure) => failure.group !== group);
  if (asked < needed && mayStart)
    throw new Broken('capacity', `${key} serves ${100 - candidate.weight} % with ${asked} of ${needed} replicas`);
}

/** I3: while git asks for an attempt that failed, no request goes to its release. */
function quarantineHolds({ engine, memory, desired }: Scene, key: EntryKey, entry: EntryMemory): void {
  if (engine.generation !== memory.snapshot.generation || memory.commit !== desired?.commit) return;
  const end = entry.ends.find((candidate) => candidate.kind === 'Failed' && candidate.attempt === entry.shown?.attempt);
  // A rolling one may be on its way out: its share only falls (`retreats`).
  if (!end || entry.desired?.rollout.emergency || entry.leaving?.release.release === end.release) return;
  const arm = engine.snapshot?.rules
    .flatMap((rule) => rule.arms)
    .find((one) => one.release === end.release && one.weight > 0);
  if (arm && entry.desired?.key === key) {
    throw new Broken(
      'I3',
      `${key}: quarantined release ${end.release.slice(0, 12)} has ${arm.weight} % of the traffic`,
    );
  }
}
