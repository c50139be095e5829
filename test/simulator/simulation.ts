/** Plays one history: real manifest/, decide/ and reconcile/, everything else in memory and in virtual time. */
import { pino } from 'pino';
import { hashOfJson } from '../../src/kit/digest.ts';
import { isSingleton } from '../../src/decide/singleton.ts';
import { TABLE, type Row } from '../../src/decide/table.ts';
import { createReconciler, type Reconciler } from '../../src/reconcile/reconciler.ts';
import type { EntryKey } from '../../src/model/component.ts';
import type { Desired, DesiredEntry } from '../../src/model/desired.ts';
import type { GroupId } from '../../src/model/snapshot.ts';
import type { Status } from '../../src/model/status.ts';
import { isGood } from './behaviours.ts';
import { stateOf, type Coverage } from './coverage.ts';
import type { EngineModel } from './engine-model.ts';
import type { Edit, History, SimEvent, Step } from './events.ts';
import { TOOLCHAINS } from './bundle-disk.ts';
import { isCalled } from './grant-promises.ts';
import { emptyOutside, portsOf, type Life, type Outside } from './ports.ts';
import { Broken, Promises, type Scene } from './promises.ts';
import { EMPTY_TREE, filesOf, NEW_SERVICE, type Tree } from './tree.ts';
import { VirtualClock } from './virtual-clock.ts';

const LOOK_MS = 500;
/** After the last event faults stop, and live has so long to become desired. */
const SETTLE_MS = 90_000;
/** Waits that a history may leave behind (back-off, breaker, approval) end within this. */
const LONGEST_WAIT_MS = 420_000;
/** Then nothing more is done for so long. */
const QUIET_MS = 15_000;
/** An engine that was cut off and went on starts what it lacks, and serves the others' snapshot meanwhile (docs/engines.md). */
const CATCH_UP_MS = 2_000;
const WALL_MS = Date.UTC(2026, 10, 23, 12);

export interface Outcome {
  readonly broken: Broken | undefined;
  readonly rows: ReadonlySet<number>;
  readonly reasons: ReadonlySet<string>;
  readonly coverage: Coverage;
  readonly log: readonly string[];
}

export async function play(history: History, table?: readonly Row[]): Promise<Outcome> {
  const simulation = new Simulation(history, table);
  return simulation.run();
}

class Simulation {
  readonly #history: History;
  readonly #table: readonly Row[];
  readonly #clock = new VirtualClock(WALL_MS);
  readonly #outside: Outside;
  readonly #promises = new Promises();
  /** Of the second engine, where there is one. */
  readonly #beside = new Promises();
  /** When its last process began. */
  #restartedAtMs = 0;
  /** When it could be reached again. */
  #backAtMs = -CATCH_UP_MS;
  /** The process of each engine that has a snapshot, and since when. */
  readonly #listening = new Map<EngineModel, { readonly epoch: string; readonly sinceMs: number }>();
  readonly #rows = new Set<number>();
  readonly #log: string[] = [];
  #life: Life = { dead: true, crashIn: undefined, crashAfterEffect: false, died: () => undefined };
  #control: Reconciler | undefined;
  #tree: Tree = EMPTY_TREE;
  #older: Tree[] = [];
  #broken: Broken | undefined;
  #engineAtMs = 0;
  #commits = 0;
  #decidedAtMs = 0;
  #desiredText: string | undefined;
  #desired: Desired | undefined;

  constructor(history: History, table: readonly Row[] | undefined) {
    this.#history = history;
    // Rows are noted as they are chosen: one look may decide several times.
    this.#table = (table ?? TABLE).map((row) => ({
      ...row,
      move: (context, inputs) => {
        this.#rows.add(row.row);
        return row.move(context, inputs);
      },
    }));
    this.#outside = emptyOutside(history.seed ^ 0x5eed, 40, history.engines);
  }

  async run(): Promise<Outcome> {
    this.#boot();
    for (const { when, afterMs, event } of this.#history.steps) {
      if (when) await this.#meet(when);
      await this.#until(this.#clock.nowMs + afterMs);
      this.#happen(event);
      if (this.#broken) break;
    }
    if (!this.#broken) await this.#settle();
    await this.#control?.stop();
    const reasons = new Set(this.#outside.timeline.map((event) => event.reason as string));
    return { broken: this.#broken, rows: this.#rows, reasons, coverage: this.#outside.coverage, log: this.#log };
  }

  async #meet({ name, state }: NonNullable<Step['when']>): Promise<void> {
    const giveUpMs = this.#clock.nowMs + LONGEST_WAIT_MS;
    const isThere = () => {
      const entry = this.#control?.memory().entries[`shop/${name}`];
      return entry !== undefined && stateOf(entry) === state;
    };
    while (!this.#broken && !isThere()) {
      if (!(await this.#turn(giveUpMs))) throw new Error(`${name} is never ${state}\n${this.#log.join('\n')}`);
    }
  }

  /** I5: when git and faults stand still, live becomes desired, and then nothing more is done. */
  async #settle(): Promise<void> {
    this.#heal();
    await this.#until(this.#clock.nowMs + SETTLE_MS);
    for (let waitedMs = 0; waitedMs < LONGEST_WAIT_MS && !this.#broken && !this.#isSettled(); waitedMs += SETTLE_MS) {
      await this.#until(this.#clock.nowMs + SETTLE_MS);
    }
    if (this.#broken) return;
    const unsettled = this.#unsettled();
    if (unsettled) return this.#fail(new Broken('I5', unsettled));
    const { nextReplica, snapshot } = this.#scene().memory;
    await this.#until(this.#clock.nowMs + QUIET_MS);
    const after = this.#scene().memory;
    if (
      !this.#isNeverQuiet() &&
      (after.nextReplica !== nextReplica || after.snapshot.generation !== snapshot.generation)
    ) {
      this.#fail(new Broken('I5', 'live was desired, and still something was done'));
    }
  }

  #heal(): void {
    Object.assign(this.#outside, { gitDown: false, serversDown: false, linkDown: false, flaky: undefined });
    if (this.#outside.second) this.#outside.second.isAway = false;
    for (const engine of this.#engines()) Object.assign(engine, { outage: false, rate: 40, inFlight: 1 });
    const accepted = this.#scene().desired?.commit;
    if (accepted && !this.#follows(accepted)) this.#commit(this.#tree, accepted);
    this.#life.crashIn = undefined;
    if (this.#life.dead) this.#boot();
  }

  #follows(accepted: string): boolean {
    for (let at: string | undefined = this.#outside.head; at; at = this.#outside.commits.get(at)?.parent)
      if (at === accepted) return true;
    return false;
  }

  #isSettled(): boolean {
    return this.#unsettled() === undefined;
  }

  /** Why an entry is not where git wants it although nothing holds it; undefined: all are, or are held by a decision. */
  #unsettled(): string | undefined {
    if (this.#outside.head === '') return undefined;
    const status = this.#control?.statusSource.status();
    if (!status) return 'control is dead';
    if (status.source.acceptedCommit !== this.#outside.head)
      return `head was not accepted: ${status.source.condition.message}`;
    if (!status.ready) return 'it is not ready, and no load balancer would send it anything';
    for (const entry of status.entries) {
      const abandoned = this.#abandonedMailbox(entry.key);
      if (abandoned) return abandoned;
      // It ends by itself, within half a minute.
      if (this.#scene().memory.entries[entry.key]?.judging) return `${entry.key} is being judged`;
      const row = entry.decision!.row;
      const held =
        [1, 4, 6, 10].includes(row) || (row === 2 && entry.conditions.some((one) => one.reason === 'PruneHeld'));
      const heldByGroup = entry.conditions[0]!.message.startsWith('its group waits');
      const reason = entry.conditions[0]!.reason;
      // An outage that is shared lasts as long as what serves is itself broken.
      const servesBroken = !this.#servesGood(entry.key);
      if (row === 6 && entry.decision!.inputs['end'] === 'Waiting' && !servesBroken)
        return `${entry.key} waits: ${entry.conditions[0]!.message}`;
      const heldByHeir = entry.decision!.inputs['heirs']?.split(' ').every((heir) => this.#isHeld(heir, status));
      const suspended = this.#scene().desired?.entries.get(entry.key)?.suspend === true;
      if (held || heldByGroup || heldByHeir || suspended) continue;
      const serves = entry.desired !== undefined && entry.serving?.release === entry.desired.release;
      const baking = entry.candidate?.state === 'Promoted';
      const group = `${entry.key}@${entry.serving?.revision}`;
      const isReady = this.#outside.engine.isReady(group);
      const isHome = this.#outside.second?.remembered?.home.includes(group as GroupId);
      if (isReady && !servesBroken && !isHome && !this.#engines().every((one) => one.isReady(group)))
        return `${entry.key} has no ready replica on the second engine`;
      if (serves && !servesBroken && isReady !== (baking || this.#isCalled(entry.key))) {
        return isReady ? `${entry.key} runs although nothing calls it` : `${entry.key} has no ready replica`;
      }
      if (row === 3 && serves && !baking) continue;
      if (row === 2 && !entry.serving && entry.replicas.length === 0) continue;
      return `${entry.key} is at row ${row} (${reason}: ${entry.conditions[0]!.message})`;
    }
    return undefined;
  }

  /** A pause ends, whatever holds the rollout: what serves and is well has its instance. */
  #abandonedMailbox(key: EntryKey): string | undefined {
    const { memory, engine } = this.#scene();
    const { serving, failures, paused } = memory.entries[key] ?? {};
    if (!serving || !(paused || isSingleton(serving.release.entry)) || !this.#isCalled(key) || failures!.length > 0)
      return undefined;
    const group = `${key}@${serving.release.revision}`;
    return engine.isReady(group) ? undefined : `requests for ${key} wait in its mailbox for nobody`;
  }

  #isHeld(key: string, status: Status): boolean {
    return status.entries.find((entry) => entry.key === key)?.decision?.row !== 3;
  }

  #servesGood(key: EntryKey): boolean {
    const serving = this.#scene().memory.entries[key]?.serving?.release.entry;
    return serving !== undefined && this.#isGood(serving);
  }

  #isCalled(key: EntryKey): boolean {
    const serving = this.#scene().memory.entries[key]?.serving;
    return serving !== undefined && isCalled(serving.release.entry);
  }

  #isGood({ members }: Pick<DesiredEntry, 'members'>): boolean {
    return members.every(({ artifact }) => isGood(this.#outside.store.get(artifact) ?? ''));
  }

  /** Restarts with back-off, retries beside a serving release that is broken itself, and bad firings go on for ever. */
  #isNeverQuiet(): boolean {
    const { memory } = this.#scene();
    const badFirings = Object.values(memory.entries).some(
      ({ desired }) => desired?.schedules !== undefined && !this.#isGood(desired),
    );
    return (
      badFirings ||
      Object.values(memory.entries).some(
        ({ failures, ends }) =>
          failures.some(({ atMs }) => memory.clockMs - atMs < QUIET_MS * 2) ||
          ends.some(({ kind }) => kind === 'Waiting'),
      )
    );
  }

  #engines(): readonly EngineModel[] {
    const { engine, second } = this.#outside;
    return second ? [engine, second.engine] : [engine];
  }

  #scene(engine = this.#outside.engine): Scene {
    const [engines, memory, desired] = [this.#engines(), this.#control!.memory(), this.#accepted()];
    return { engine, engines, epoch: this.#outside.second?.remembered?.epoch, memory, desired };
  }

  #accepted(): Desired | undefined {
    const text = this.#outside.desiredText;
    if (text !== this.#desiredText) {
      this.#desiredText = text;
      const value = text === undefined ? undefined : JSON.parse(text);
      this.#desired = value && { ...value, entries: new Map(value.entries) };
    }
    return this.#desired;
  }

  #boot(): void {
    const life: Life = {
      dead: false,
      crashIn: undefined,
      crashAfterEffect: false,
      died: () => undefined,
    };
    this.#life = life;
    const clock = this.#clock.lifeOf(() => life.dead);
    const ports = portsOf(this.#outside, life, clock, {
      published: (model) =>
        this.#guard(() => {
          const isBack = model !== this.#outside.engine && this.#clock.nowMs - this.#backAtMs < CATCH_UP_MS;
          this.#promisesOf(model).published(this.#scene(model), isBack);
          if (this.#listening.get(model)?.epoch === model.epoch) return;
          this.#listening.set(model, { epoch: model.epoch, sinceMs: this.#clock.nowMs });
          const { engine, second } = this.#outside;
          const home = this.#listening.get(engine);
          // Where nobody served, whoever comes first is better than nobody.
          const served = home?.epoch === engine.epoch && home.sinceMs < this.#clock.nowMs;
          if (second?.engine === model && served)
            this.#beside.cameBack(this.#scene(model), this.#clock.nowMs - this.#restartedAtMs);
        }),
      started: (id, cell, model) =>
        this.#guard(() => {
          // With two, what one has is started on the other as the very same, also when that is another process (mend.ts D1).
          const epoch = this.#outside.second ? 'any' : model.epoch;
          this.#promisesOf(model).started(id, epoch, cell);
        }),
      stopped: (id, model) => {
        // Each engine is told; that of a cell which another one has is no stop.
        if (model !== this.#outside.engine && !model.replicas.has(id)) return;
        this.#guard(() => this.#promisesOf(model).stopped(id, this.#scene(model)));
      },
      fired: (order) => this.#guard(() => this.#promises.fired(order, this.#scene())),
      journalled: (memory) =>
        this.#guard(() => this.#promises.journalled(memory, this.#outside.engine, this.#accepted())),
    });
    const log = pino({ level: 'error' }, { write: (line: string) => this.#bug(line) });
    this.#control = createReconciler(ports, clock, log, {
      version: 'sim',
      source: { repository: 'sim', ref: 'main', path: '.' },
      minLookMs: LOOK_MS,
      table: this.#table,
    });
    this.#control.start();
  }

  #promisesOf(model: EngineModel): Promises {
    return model === this.#outside.engine ? this.#promises : this.#beside;
  }

  /** I11: the loop says a bug aloud; here that is a broken promise. */
  #bug(line: string): void {
    if (!this.#life.dead) this.#fail(new Broken('I11', line));
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      this.#fail(error);
    }
  }

  #fail(broken: Broken): void {
    this.#broken ??= broken;
    this.#log.push(`${this.#clock.nowMs} ms BROKEN ${broken.message}`);
  }

  async #until(untilMs: number): Promise<void> {
    while (!this.#broken && (await this.#turn(untilMs)));
    this.#clock.nowMs = untilMs;
    this.#catchUpEngine();
  }

  /** What is due next; false where nothing is by then. */
  async #turn(untilMs: number): Promise<boolean> {
    const run = this.#clock.next(untilMs);
    if (!run) return false;
    this.#catchUpEngine();
    run();
    // Everything but virtual time is settled by the time the next turn of the real loop comes.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#look();
    return true;
  }

  #catchUpEngine(): void {
    while (this.#engineAtMs < this.#clock.nowMs) {
      const milliseconds = Math.min(500, this.#clock.nowMs - this.#engineAtMs);
      this.#engineAtMs += milliseconds;
      for (const engine of this.#engines()) engine.advance(milliseconds);
    }
  }

  #look(): void {
    if (this.#life.dead || !this.#control) return;
    const events = this.#outside.timeline;
    for (; this.#decidedAtMs < events.length; this.#decidedAtMs++) {
      const event = events[this.#decidedAtMs]!;
      this.#log.push(`${this.#clock.nowMs} ms ${event.entry} ${event.reason}: ${event.message}`);
    }
    this.#guard(() => this.#promises.check(this.#scene()));
    const { second } = this.#outside;
    if (second) this.#guard(() => this.#beside.checkBeside(this.#scene(second.engine)));
  }

  #happen(event: SimEvent): void {
    const { engine, second } = this.#outside;
    this.#log.push(`${this.#clock.nowMs} ms -- ${JSON.stringify(event)}`);
    const forAWhile = (forMs: number, undo: () => void) => void this.#clock.after(forMs, undo);
    switch (event.type) {
      case 'Commit':
        return this.#commit(
          event.edits.reduce((tree, edit) => this.#edited(tree, edit), this.#tree),
          this.#outside.head || undefined,
        );
      case 'Rewrite':
        return this.#commit(this.#tree, undefined);
      case 'CrashControl': {
        const life = this.#life;
        if (life.dead) return;
        life.crashIn = event.afterCalls;
        life.crashAfterEffect = event.effectDone;
        life.died = () => void this.#clock.after(event.downMs, () => this.#life === life && this.#boot());
        return;
      }
      case 'RestartEngine':
        return engine.restart();
      case 'RestartSecond':
        this.#restartedAtMs = this.#clock.nowMs;
        return second?.engine.restart();
      case 'SecondAway':
        if (!second) return;
        second.isAway = true;
        return forAWhile(event.forMs, () => {
          second.isAway = false;
          this.#backAtMs = this.#clock.nowMs;
        });
      case 'Upgrade': {
        const [one, other] = TOOLCHAINS;
        this.#outside.toolchain = this.#outside.toolchain === one ? other : one;
        if (event.engine) for (const one of this.#engines()) one.restart();
        // A control that is dead comes back as the new version.
        if (this.#life.dead) return;
        this.#life.dead = true;
        return this.#boot();
      }
      case 'KillReplica': {
        const ready = this.#engines().flatMap((one) =>
          [...one.replicas.values()].filter(({ phase }) => phase === 'Ready').map(({ id }) => ({ one, id })),
        );
        const victim = ready[Math.floor(event.pick * ready.length)];
        victim?.one.crash(victim.id);
        return;
      }
      case 'GitDown':
        this.#outside.gitDown = true;
        return forAWhile(event.forMs, () => (this.#outside.gitDown = false));
      case 'ServersDown':
        this.#outside.serversDown = true;
        return forAWhile(event.forMs, () => (this.#outside.serversDown = false));
      case 'LinkDown':
        this.#outside.linkDown = true;
        return forAWhile(event.forMs, () => (this.#outside.linkDown = false));
      case 'Outage':
        return this.#forAll({ outage: true }, { outage: false }, event.forMs);
      case 'Flaky':
        this.#outside.flaky = event;
        return forAWhile(event.forMs, () => (this.#outside.flaky = undefined));
      case 'Load':
        return this.#forAll({ inFlight: event.inFlight });
      case 'NoTraffic':
        return this.#forAll({ rate: 0 }, { rate: 40 }, event.forMs);
    }
  }

  /** What comes from outside comes to each engine. */
  #forAll(change: Partial<EngineModel>, undo: Partial<EngineModel> = {}, forMs = 0): void {
    for (const engine of this.#engines()) Object.assign(engine, change);
    if (forMs > 0) this.#clock.after(forMs, () => this.#forAll(undo));
  }

  #commit(tree: Tree, parent: string | undefined): void {
    this.#older.push(this.#tree);
    this.#tree = tree;
    const id = hashOfJson({ commit: (this.#commits += 1), seed: this.#history.seed }).slice(0, 40);
    this.#outside.commits.set(id, { id, parent, files: filesOf(tree) });
    this.#outside.head = id;
  }

  #edited(tree: Tree, edit: Edit): Tree {
    const { services } = tree;
    switch (edit.type) {
      case 'Nothing':
        return tree;
      case 'Environment':
        return { ...tree, ...edit.change };
      case 'DeleteAll':
        return { ...tree, services: {} };
      case 'Revert':
        return this.#older.at(-1) ?? tree;
      case 'ConfirmPrune':
        return { ...tree, confirm: this.#pruneHash() };
      case 'ConfirmRevocation':
        return { ...tree, confirm: this.#control?.statusSource.status().revocation?.hash ?? tree.confirm };
      case 'Set': {
        const service = services[edit.name] ?? { ...NEW_SERVICE, path: `/${edit.name}` };
        return { ...tree, services: { ...services, [edit.name]: { ...service, ...edit.change } } };
      }
      case 'Migrate': {
        const service = services[edit.name];
        return service ? { ...tree, services: { ...services, [edit.name]: { ...service, ...edit.change } } } : tree;
      }
      case 'Delete': {
        const { [edit.name]: _gone, ...rest } = services;
        return { ...tree, services: rest };
      }
      case 'Rename': {
        const { [edit.from]: moved, ...rest } = services;
        if (!moved || rest[edit.to]) return tree;
        const replaces = edit.declared ? edit.from : '';
        return { ...tree, services: { ...rest, [edit.to]: { ...moved, replaces } } };
      }
      case 'MoveRoute': {
        const [from, to] = [services[edit.from], services[edit.to]];
        // Where only one of them has a route, this would be a new match, which goes back with its release.
        if (!from?.routed || !to?.routed || edit.from === edit.to) return tree;
        const swapped = { [edit.from]: { ...from, path: to.path }, [edit.to]: { ...to, path: from.path } };
        return { ...tree, services: { ...services, ...swapped } };
      }
      case 'MoveClock': {
        const [from, to] = [services[edit.from], services[edit.to]];
        if (!from || !to || edit.from === edit.to) return tree;
        const swapped = { [edit.from]: { ...from, clock: to.clock }, [edit.to]: { ...to, clock: from.clock } };
        return { ...tree, services: { ...services, ...swapped } };
      }
      case 'Approve':
      case 'Emergency': {
        const service = services[edit.name];
        const revision = this.#revisionOf(edit.name);
        if (!service || !revision) return tree;
        const change = edit.type === 'Approve' ? { approved: revision } : { emergency: revision };
        return { ...tree, services: { ...services, [edit.name]: { ...service, ...change } } };
      }
    }
  }

  #revisionOf(name: string): string | undefined {
    const status = this.#control?.statusSource.status().entries.find((entry) => entry.key === `shop/${name}`);
    return status?.desired?.revision.slice(0, 12);
  }

  /** People copy the hash from where status prints it. */
  #pruneHash(): string {
    const messages = this.#control?.statusSource
      .status()
      .entries.flatMap((entry) => entry.conditions.map((one) => one.message));
    return messages?.map((message) => /confirm: "([0-9a-f]{12})"/.exec(message)?.[1]).find((hash) => hash) ?? '';
  }
}
