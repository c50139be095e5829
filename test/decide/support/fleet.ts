import { decide, type DecideOptions } from '../../../src/decide/index.ts';
import { EMPTY_MEMORY, resumeMemory } from '../../../src/decide/memory.ts';
import type { AccessRecord } from '../../../src/model/audit.ts';
import { err } from '../../../src/kit/result.ts';
import type { Json } from '../../../src/kit/json.ts';
import type { Digest } from '../../../src/kit/digest.ts';
import type { EntryKey, Member } from '../../../src/model/component.ts';
import type { Action, CellPlan, DecidedEvent, Decision } from '../../../src/model/decision.ts';
import type { Desired } from '../../../src/model/desired.ts';
import type { BundlesInUse } from '../../../src/model/engine.ts';
import type { EntryMemory, Memory } from '../../../src/model/memory.ts';
import { localKey, type Preparation, type StoresOutcome } from '../../../src/model/observed.ts';
import type { Problem } from '../../../src/model/problem.ts';
import type { EntryStatus } from '../../../src/model/status.ts';
import { BundleDisk, inUse, TOOLCHAINS } from '../../simulator/bundle-disk.ts';
import { EngineModel, GOOD, type Behaviour } from '../../simulator/engine-model.ts';
import { seeded } from '../../support/seeded.ts';
import { artifactOf } from './desired.ts';

const TICK_MS = 100;

/** decide/ with an engine in memory, ticked by hand: what a row does is seen over time, not in one call. */
export class Fleet {
  memory: Memory = EMPTY_MEMORY;
  desired: Desired;
  wallMs = Date.UTC(2026, 10, 23, 12);
  readonly engine: EngineModel;
  readonly behaviours = new Map<string, Behaviour>();
  readonly preparations = new Map<string, Preparation>();
  readonly refusals = new Map<Digest, Problem>();
  readonly local = new Set<string>();
  /** Versions of the tools of the daemon that decides; bundles of all of them lie on the same disk. */
  toolchain: string = TOOLCHAINS[0];
  readonly bundles = new BundleDisk();
  /** Of the preparations of one toolchain, by artifact. */
  readonly unpreparable = new Map<string, Problem>();
  readonly events: DecidedEvent[] = [];
  readonly rows = new Map<EntryKey, number[]>();
  linked = true;
  /** What the next decision hears of. */
  uses: AccessRecord[] = [];
  stores: StoresOutcome[] = [];
  /** Orders about stores fail with it while it is there. */
  storesFail: Problem | undefined;
  /** The engine takes no start while it is there. */
  refuse: Problem | undefined;
  last: Decision | undefined;
  #refused: { readonly replica: string; readonly problem: Problem }[] = [];
  #monotonicMs = 1_000;
  readonly #made = new Map<string, Digest>();
  readonly #options: DecideOptions;

  constructor(desired: Desired, options: DecideOptions = {}) {
    this.desired = desired;
    // As the loop does it: every tick would hash every manifest without.
    this.#options = { identities: new WeakMap(), ...options };
    this.engine = new EngineModel((artifact) => this.behaviours.get(artifact) ?? GOOD, seeded(7));
  }

  behave(content: string, behaviour: Partial<Behaviour>): this {
    this.behaviours.set(artifactOf(content), { ...GOOD, ...behaviour });
    return this;
  }

  push(desired: Desired): this {
    this.desired = desired;
    return this;
  }

  /** Decides once, carries the actions out, lets time pass. */
  tick(): Decision {
    const decision = decide(
      this.desired,
      {
        engine: this.linked ? this.engine.observed() : undefined,
        preparations: this.preparations as never,
        local: this.local,
        toolchain: this.toolchain,
        current: this.#current(),
        refusedStarts: this.#refused.splice(0),
        stores: this.stores.splice(0),
        uses: this.uses.splice(0),
        commits: [{ commit: this.desired.commit, subject: 'a change', author: 'somebody' }],
      },
      this.memory,
      { wallMs: this.wallMs, monotonicMs: this.#monotonicMs },
      this.#options,
    );
    this.memory = decision.memory;
    this.last = decision;
    this.events.push(...decision.events);
    for (const status of decision.entries) {
      const rows = this.rows.get(status.key) ?? [];
      if (rows.at(-1) !== status.decision!.row) rows.push(status.decision!.row);
      this.rows.set(status.key, rows);
    }
    for (const action of decision.actions) {
      if (action.type === 'Publish') this.engine.publish(action.snapshot);
      if (action.type === 'Start') this.#start(action);
      if (action.type === 'Stop') this.engine.stop(action.replica, action.deadlineMs);
      if (action.type === 'Forget') this.engine.forget(action.replicas);
      if (action.type === 'Synthesize') this.engine.synthesize(action.run);
      if (action.type === 'Stores') {
        const result = this.storesFail ? err(this.storesFail) : this.engine.order(action.order);
        this.stores.push({ order: action.order, result });
      }
      if (action.type === 'Fire') this.engine.fire(action.firing);
      if (action.type === 'StopFiring') this.engine.firings.stop(action.firing);
      if (action.type === 'ForgetFirings') this.engine.firings.forget(action.firings);
      if (action.type === 'Prepare') {
        const refusalOf = ({ artifact }: Member) =>
          this.refusals.get(artifact) ?? this.unpreparable.get(`${artifact} ${this.toolchain}`);
        const problem = action.members.map(refusalOf).find((one) => one);
        this.preparations.set(action.group, problem ? { state: 'Failed', problem } : { state: 'Prepared' });
        for (const member of problem ? [] : action.members) {
          this.local.add(localKey(member));
          this.#made.set(localKey(member), member.artifact);
          this.bundles.make(member.artifact, this.toolchain);
        }
      }
    }
    for (const [group, preparation] of this.preparations) {
      // A failed preparation is reported once; asking again prepares again.
      if (
        preparation.state === 'Failed' &&
        !decision.actions.some((one) => one.type === 'Prepare' && one.group === group)
      ) {
        this.preparations.delete(group);
      }
    }
    this.engine.advance(TICK_MS);
    if (this.engine.stores.broken.length > 0) throw new Error(this.engine.stores.broken.join('\n'));
    this.#monotonicMs += TICK_MS;
    this.wallMs += TICK_MS;
    return decision;
  }

  #start({ replica, cell }: Extract<Action, { type: 'Start' }>): void {
    if (this.refuse) this.#refused.push({ replica, problem: this.refuse });
    else this.engine.start(replica, cell, this.#bundlesFor(cell));
  }

  /** As the loop says it: those members whose bundle of the present toolchain is on disk. */
  #current(): ReadonlySet<string> {
    const made = [...this.#made].filter(
      ([, artifact]) => this.bundles.cached(artifact, this.toolchain)?.toolchain === this.toolchain,
    );
    return new Set(made.map(([key]) => key));
  }

  /** As the loop resolves them: the pinned ones, else the newest. */
  #bundlesFor({ members, bundles }: CellPlan): BundlesInUse | undefined {
    const found = members.map(
      ({ artifact }, index) =>
        (bundles && this.bundles.pinned(bundles[index]!)) ?? this.bundles.cached(artifact, this.toolchain),
    );
    return found.every((bundle) => bundle !== undefined) ? inUse(found) : undefined;
  }

  /** Another version of the daemon takes over, with or without another engine. */
  upgrade(toolchain: string, engine: 'same engine' | 'new engine'): this {
    this.toolchain = toolchain;
    if (engine === 'new engine') this.engine.restart();
    return this.restartControl();
  }

  run(milliseconds: number): this {
    for (let elapsed = 0; elapsed < milliseconds; elapsed += TICK_MS) this.tick();
    return this;
  }

  /** Ticks until it holds; a test that waits in vain fails with what happened. */
  until(holds: (fleet: this) => boolean, withinMs = 120_000): this {
    for (let elapsed = 0; elapsed < withinMs; elapsed += TICK_MS) {
      this.tick();
      if (holds(this)) return this;
    }
    throw new Error(
      `did not happen within ${withinMs} ms. Events:\n${this.events.map((e) => `${e.reason}: ${e.message}`).join('\n')}`,
    );
  }

  /** Control dies and comes back: what the journal kept is all there is. */
  restartControl(downMs = 0): this {
    this.memory = resumeMemory(JSON.parse(JSON.stringify(this.memory)) as Json)!;
    this.preparations.clear();
    this.engine.advance(downMs);
    this.wallMs += downMs;
    this.#monotonicMs = 5;
    return this;
  }

  of(name: string): EntryMemory {
    const entry = this.memory.entries[`shop/${name}`];
    if (!entry) throw new Error(`no memory of shop/${name}`);
    return entry;
  }

  /** The cells of what serves. */
  snapshotGroup(name: string): string {
    return `shop/${name}@${this.of(name).serving!.release.revision}`;
  }

  status(name: string): EntryStatus {
    const status = this.last?.entries.find((one) => one.key === `shop/${name}`);
    if (!status) throw new Error(`no status of shop/${name}`);
    return status;
  }

  reason(name: string): string {
    return this.status(name).conditions[0]!.reason;
  }

  row(name: string): number {
    return this.status(name).decision!.row;
  }

  isProven(name: string, content: string): boolean {
    const { serving } = this.of(name);
    return serving?.proven === true && serving.release.entry.members[0].artifact === artifactOf(content);
  }

  serves(name: string, content: string): boolean {
    return this.of(name).serving?.release.entry.members[0].artifact === artifactOf(content);
  }

  said(reason: string): readonly DecidedEvent[] {
    return this.events.filter((event) => event.reason === reason);
  }
}
