/**
 * The world's side of the ports, in memory: a git history, a content store, a journal of JSON texts, and the engine's
 * model behind a link that may be down, lie about what it did, or take control down with it.
 */
import { pino } from 'pino';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import type { Clock } from '../../src/kit/clock.ts';
import type { Json } from '../../src/kit/json.ts';
import { err, ok, type Result } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { artifactPathsOf, createParse } from '../../src/manifest/parse.ts';
import type { Parsed } from '../../src/manifest/parsed.ts';
import type { Desired } from '../../src/model/desired.ts';
import { MIGRATE } from '../../src/model/state.ts';
import { problem, type Problem } from '../../src/model/problem.ts';
import type { CellSpec } from '../../src/model/engine.ts';
import type { FiringOrder } from '../../src/model/firing.ts';
import type { MemoryParts } from '../../src/model/memory-parts.ts';
import type { TimelineEvent } from '../../src/model/status.ts';
import { createEngines, type OneEngine } from '../../src/reconcile/engines/engines.ts';
import type { EnginesState } from '../../src/reconcile/engines/state.ts';
import type { CommitInfo, JournalPort, ReconcilerPorts, ServingEngine } from '../../src/reconcile/ports.ts';
import { seeded } from '../support/seeded.ts';
import { behaviourOf, isRefused } from './behaviours.ts';
import { BundleDisk, inUse, TOOLCHAINS } from './bundle-disk.ts';
import { Coverage } from './coverage.ts';
import { EngineModel } from './engine-model.ts';

export interface SimCommit {
  readonly id: string;
  readonly parent: string | undefined;
  readonly files: ReadonlyMap<string, string>;
}

/** Everything that outlives a crash of control. */
export interface Outside {
  readonly commits: Map<string, SimCommit>;
  head: string;
  gitDown: boolean;
  /** The servers that remote artifacts come from. */
  serversDown: boolean;
  linkDown: boolean;
  flaky: { readonly share: number; readonly effectDone: boolean } | undefined;
  readonly engine: EngineModel;
  /** The second of two engines, and what the merge of both remembers; absent: there is one. */
  readonly second: SecondEngine | undefined;
  /** Bytes by digest, bundles by digest: disk. */
  readonly store: Map<Digest, string>;
  readonly bundles: BundleDisk;
  /** Of the control that is started next. */
  toolchain: string;
  /** The memory's parts as texts: what the journal holds. */
  readonly memoryTexts: Map<string, string>;
  desiredText: string | undefined;
  readonly timeline: TimelineEvent[];
  readonly coverage: Coverage;
  readonly parsed: Map<string, Parsed>;
  readonly random: () => number;
}

export interface SecondEngine {
  readonly engine: EngineModel;
  isAway: boolean;
  remembered: EnginesState | undefined;
}

/** A world before its first commit, whose engines get `rate` requests a second each. */
export function emptyOutside(seed: number, rate: number, engines: 1 | 2 = 1): Outside {
  const store: Outside['store'] = new Map();
  const random = seeded(seed);
  const behaves = (artifact: string) => behaviourOf(store.get(artifact as never) ?? '');
  const engine = new EngineModel(behaves, random);
  engine.rate = rate;
  const second =
    engines === 1
      ? undefined
      : { engine: new EngineModel(behaves, random, engine.answered, 'second'), isAway: false, remembered: undefined };
  if (second) second.engine.rate = rate;
  return {
    commits: new Map(),
    head: '',
    gitDown: false,
    serversDown: false,
    linkDown: false,
    flaky: undefined,
    engine,
    second,
    store,
    bundles: new BundleDisk(),
    toolchain: TOOLCHAINS[0],
    memoryTexts: new Map(),
    desiredText: undefined,
    timeline: [],
    coverage: new Coverage(),
    parsed: new Map(),
    random,
  };
}

/** One life of control: when it is dead, no call of it comes back and none does anything. */
export interface Life {
  dead: boolean;
  /** Counts down with each effect; at zero control dies, before or after the effect. */
  crashIn: number | undefined;
  crashAfterEffect: boolean;
  died: () => void;
}

const parse = createParse();
const NEVER = new Promise<never>(() => undefined);
const LINK_DOWN = (): Problem => problem('HW4120', 'the link is down');

export function portsOf(
  outside: Outside,
  life: Life,
  clock: Clock,
  checks: {
    published(model: EngineModel): void;
    started(id: string, cell: CellSpec, model: EngineModel): void;
    stopped(id: string, model: EngineModel): void;
    fired(order: FiringOrder): void;
    journalled(memory: MemoryParts): void;
  },
): ReconcilerPorts {
  /** An effect of this life: it may kill it, fail before it happens, or happen and be reported as failed. */
  async function effect<T>(run: () => Result<T, Problem>): Promise<Result<T, Problem>> {
    if (life.dead) return NEVER;
    const crashes = countDown(life);
    if (crashes && !life.crashAfterEffect) return die(life);
    if (outside.linkDown) return err(LINK_DOWN());
    const fails = outside.flaky !== undefined && outside.random() < outside.flaky.share;
    if (fails && !outside.flaky!.effectDone) return err(LINK_DOWN());
    const result = run();
    if (crashes) return die(life);
    return fails ? err(LINK_DOWN()) : result;
  }

  const alive = async <T>(run: () => T): Promise<T> => (life.dead ? NEVER : run());
  const git = gitOf(outside, alive);
  const { bundles, toolchain } = outside;

  /** One engine's model as control calls it. */
  function portOf(model: EngineModel, isDown: () => boolean): ServingEngine {
    /** What reaches nobody is no effect of ours. */
    const reach = <T>(run: () => Result<T, Problem>) => effect(() => (isDown() ? err(LINK_DOWN()) : run()));
    return {
      observe: () => alive(() => (isDown() ? err(LINK_DOWN()) : ok(model.observed()))),
      samples: () => alive(() => ok(model.observed().samples)),
      inForce: () => alive(() => ok(model.snapshot ?? null)),
      onChange: () => () => undefined,
      start: (id, cell) =>
        reach(() => {
          checks.started(id, cell, model);
          const used = inUse(cell.members.map(({ bundle }) => bundle));
          model.start(id, { ...cell, members: cell.members.map(({ member }) => member) as never }, used);
          return ok(undefined);
        }),
      stop: (id, deadlineMs) =>
        reach(() => {
          checks.stopped(id, model);
          model.stop(id, deadlineMs);
          return ok(undefined);
        }),
      forget: (ids) => reach(() => ok(model.forget(ids))),
      publish: (snapshot) =>
        reach(() => {
          if (!model.publish(snapshot)) return err(problem('HW4122', 'older'));
          checks.published(model);
          return ok({ generation: snapshot.generation });
        }),
      records: (after) => alive(() => (isDown() ? err(LINK_DOWN()) : ok(model.uses.after(after, clock.now().wallMs)))),
      stores: async (order) => {
        // As long as a copy takes, and control may die meanwhile.
        await new Promise<void>((resolve) => void clock.after(250, resolve));
        return reach(() => model.order(order));
      },
      synthesize: (run) => reach(() => ok(model.synthesize(run))),
      fire: (order) =>
        reach(() => {
          checks.fired(order);
          return ok(model.fire(order));
        }),
      stopFiring: (id) => reach(() => ok(model.firings.stop(id))),
      forgetFirings: (ids) => reach(() => ok(model.firings.forget(ids))),
    };
  }

  function enginesOf(): ServingEngine {
    const { engine, second } = outside;
    const home = portOf(engine, () => outside.linkDown);
    if (!second) return home;
    const other = portOf(second.engine, () => outside.linkDown || second.isAway);
    const epochOf = (port: ServingEngine, model: EngineModel) =>
      Object.defineProperty({ ...port }, 'epoch', { enumerable: true, get: () => model.epoch }) as OneEngine;
    return createEngines([epochOf(home, engine), epochOf(other, second.engine)], {
      clock,
      log: pino({ level: 'silent' }),
      newEpoch: () => `${engine.epoch} and ${second.engine.epoch}`,
      remembered: second.remembered,
      remember: (state) => (second.remembered = state),
    });
  }

  return {
    git,
    manifest: {
      parse: (files) =>
        alive(() => {
          const key = files.map(({ path, bytes }) => `${path}\n${Buffer.from(bytes).toString()}`).join('\n');
          const parsed = outside.parsed.get(key) ?? parse(files);
          outside.parsed.set(key, parsed);
          return ok({ parsed, artifactPaths: artifactPathsOf(parsed) });
        }),
      basesOf: () => ok([]),
      overlay: (parsed) => alive(() => ok({ parsed, artifactPaths: [] })),
      assemble: (commit, parsed, artifacts, previous) => assemble(commit, parsed as Parsed, artifacts, previous),
    },
    artifacts: {
      put: (bytes) =>
        alive(() => {
          const digest = digestOfBytes(bytes);
          outside.store.set(digest, Buffer.from(bytes).toString());
          return ok(digest);
        }),
      has: (digest) => alive(() => outside.store.has(digest)),
      read: (digest) => alive(() => ok(Buffer.from(outside.store.get(digest) ?? ''))),
      collect: () => alive(() => undefined),
    },
    supply: {
      fetch: async ({ artifact, source }) => {
        if (life.dead) return NEVER;
        if (outside.store.has(artifact)) return ok(undefined);
        if (source.type !== 'https') return err(problem('HW2005', 'lost on disk'));
        await new Promise<void>((resolve) => void clock.after(200, resolve));
        if (life.dead) return NEVER;
        if (outside.serversDown) return err(problem('HW2402', 'the server is away'));
        outside.store.set(artifact, source.url.slice('https://artifacts.example/'.length));
        return ok(undefined);
      },
      parts: ({ artifact }) => alive(() => [artifact]),
      component: ({ artifact }) => alive(() => ok(Buffer.from(outside.store.get(artifact) ?? ''))),
    },
    components: {
      toolchain,
      prepare: async (member) => {
        await new Promise<void>((resolve) => void clock.after(150, resolve));
        if (life.dead) return NEVER;
        if (isRefused(outside.store.get(member.artifact) ?? '')) return err(problem('HW2101', 'admission refuses it'));
        const exports = member.state ? [MIGRATE] : [];
        return ok({ ...bundles.make(member.artifact, toolchain), exports });
      },
      cached: (artifact) => alive(() => bundles.cached(artifact, toolchain)),
      pinned: (digest) => alive(() => bundles.pinned(digest)),
      collect: () => alive(() => undefined),
    },
    engine: enginesOf(),
    journal: journalOf(outside, life, checks),
    audit: { record: () => ok(undefined), lost: () => ok(undefined) },
  };
}

function countDown(life: Life): boolean {
  if (life.crashIn === undefined) return false;
  life.crashIn -= 1;
  return life.crashIn < 0;
}

function die(life: Life): Promise<never> {
  life.dead = true;
  life.died();
  return NEVER;
}

function gitOf(outside: Outside, alive: <T>(run: () => T) => Promise<T>): ReconcilerPorts['git'] {
  const infoOf = (id: string): CommitInfo => {
    const commit = outside.commits.get(id)!;
    return {
      commit: id,
      parents: commit.parent ? [commit.parent] : [],
      author: 'sim',
      timeMs: 0,
      subject: `change ${id.slice(0, 4)}`,
    };
  };
  const ancestors = (id: string): readonly string[] => {
    const found: string[] = [];
    for (let at: string | undefined = id; at !== undefined; at = outside.commits.get(at)?.parent) found.push(at);
    return found;
  };
  return {
    look: () =>
      alive(() => {
        if (outside.gitDown || outside.head === '') return err(problem('HW3001', 'the server is gone'));
        return ok({ commit: outside.head, fetched: true });
      }),
    isAncestor: (one, other) => alive(() => ok(ancestors(other).includes(one))),
    commit: (id) => alive(() => ok(infoOf(id))),
    between: (base, head, limit) =>
      alive(() => {
        const old = new Set(ancestors(base));
        return ok(
          ancestors(head)
            .filter((id) => !old.has(id))
            .slice(0, limit)
            .map(infoOf),
        );
      }),
    baseFiles: () => alive(() => err(problem('HW1150', 'there are none'))),
    files: (id) =>
      alive(() => {
        const files = [...outside.commits.get(id)!.files];
        return ok(files.map(([path, text]) => ({ path, oid: `${path} ${text}`, bytes: text.length })));
      }),
    blobs: (oids) => alive(() => ok(new Map(oids.map((oid) => [oid, Buffer.from(oid.slice(oid.indexOf(' ') + 1))])))),
  };
}

/** Like the real one, it writes the parts that are not the very values of the step before. */
function journalOf(outside: Outside, life: Life, checks: { journalled(memory: MemoryParts): void }): JournalPort {
  let last: MemoryParts = {};
  const write = (run: () => void): Result<void, Problem> => {
    const refused = (): Result<void, Problem> => err(problem('HW5023', 'dead'));
    if (life.dead) return refused();
    const crashes = countDown(life);
    if (!crashes || life.crashAfterEffect) run();
    if (!crashes) return ok(undefined);
    void die(life);
    return refused();
  };
  return {
    bootstrapped: false,
    memory: () => {
      const texts = [...outside.memoryTexts];
      last = Object.fromEntries(texts.map(([part, text]) => [part, JSON.parse(text) as Json]));
      return texts.length > 0 ? last : undefined;
    },
    desired: () => (outside.desiredText === undefined ? undefined : revive(JSON.parse(outside.desiredText))),
    writeDesired: (desired) =>
      write(() => (outside.desiredText = JSON.stringify({ ...desired, entries: [...desired.entries] }))),
    write: (step) =>
      write(() => {
        writeParts(outside.memoryTexts, step.memory, last);
        outside.coverage.journalled(last, step.memory);
        checks.journalled(step.memory);
        last = step.memory;
        for (const event of step.events) outside.timeline.push({ ...event, id: outside.timeline.length + 1 });
      }),
    outcome: () => write(() => undefined),
    timeline: (limit) => outside.timeline.slice(-limit),
    close: () => undefined,
  };
}

function writeParts(texts: Map<string, string>, parts: MemoryParts, last: MemoryParts): void {
  for (const part of texts.keys()) if (!Object.hasOwn(parts, part)) texts.delete(part);
  for (const [part, value] of Object.entries(parts)) {
    const text = JSON.stringify(value);
    if (last[part] !== value) texts.set(part, text);
    // A value that was changed in place: what is on disk would be another memory than the one that decides.
    else if (texts.get(part) !== text) throw new Error(`the part ${part} changed and kept its identity`);
  }
}

function revive(value: Omit<Desired, 'entries'> & { readonly entries: never }): Desired {
  return { ...value, entries: new Map(value.entries) };
}
