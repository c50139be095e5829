/**
 * All replicas of this engine: starts them within the machine's limits, knows which are ready, and remembers how each ended
 * until control has seen it.
 *
 * Invariants
 * N1 Asking twice for the same replica is asking once, whatever has become of it.
 * N2 What is reserved for all processes that are not gone stays within the engine's memory: refused otherwise, with the
 *    numbers, and nothing is started. For one that is parked nothing is reserved before a call wakes it.
 * N3 A replica that may take no more requests has left its group's list before anybody else hears of it.
 * N4 Of a singleton one process exists: a second one is refused while the first may answer, and waits until it is gone.
 */
import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';
import { err, ok, type Result } from '../kit/result.ts';
import type { Code } from '../model/codes.ts';
import type { EntryKey } from '../model/component.ts';
import type { CellSpec, EngineObserved, ReplicaObserved } from '../model/engine.ts';
import type { DropReason } from '../model/datagrams.ts';
import type { TellLimit } from '../model/limits.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { GroupId } from '../model/snapshot.ts';
import type { Beside, CellCaller, Standby } from '../wire/cell-caller.ts';
import type { Door } from '../wire/door.ts';
import type { CallRemote } from '../wire/remote-call.ts';
import { BrokerClient } from './broker-client.ts';
import { formatBytes, replicaBudget, HEAP_MIB, type ReplicaBudget } from './budget.ts';
import type { CellProcess } from './cell-process.ts';
import { CompiledBindings } from './compiled-bindings.ts';
import { Denials } from './denials.ts';
import { guestId, guestsOf } from './guests.ts';
import { KnownStart } from './known-start.ts';
import { likelyLimits } from './likely-limits.ts';
import { Pool } from './pool.ts';
import { Processor } from './processor.ts';
import { ProvenCells } from './proven.ts';
import { Replica } from './replica.ts';
import { SharedProcesses } from './shared-processes.ts';
import { SpawnerClient } from './spawner-client.ts';
import type { AssignRequest } from './spawner/assign.ts';
import type { SandboxKind } from './spawner/messages.ts';

/** Ended replicas that control has not acknowledged; the oldest go first. */
export const MAX_ENDED_REPLICAS = 1_000;
const WASM_PAGE_BYTES = 64 * 1024;
const MAX_WASM_PAGES = 65_536;
/** After the last replica's deadline, for its process to be gone. */
const CLOSE_GRACE_MS = 3_000;

export interface HostOptions {
  /** Starts `src/process/spawner.ts` with an IPC channel. */
  readonly forkSpawner: () => ChildProcess;
  /** Mode 0700: sockets, records of running cells. */
  readonly runFolder: string;
  /** Readable by everybody: the code of a cell process. */
  readonly bootFolder: string;
  readonly storeFolder: string;
  /** Starts `src/process/broker.ts` with an IPC channel. */
  readonly forkBroker: () => ChildProcess;
  /** Mode 0700: what guests keep. */
  readonly storesFolder: string;
  readonly volumesFolder: string;
  /** How the broker reaches other entries of this engine. */
  readonly door: Door;
  readonly poolSize: number;
  /** What may be reserved for all replicas together. */
  readonly memoryBytes: number;
  readonly maxReplicas: number;
  readonly log: Logger;
  /** The replicas of a group that may take requests now: unhealthy ones only where there is no other. Never written to. */
  readonly onReady: (group: GroupId, callers: readonly CellCaller[], beside: Beside) => void;
  /** A guest calls another entry's cells. */
  readonly callRemote: CallRemote;
  /** A limit of an entry was hit. */
  readonly onLimit: TellLimit;
  /** Datagrams of an entry went nowhere. */
  readonly onDropped: (entry: EntryKey, reason: DropReason, count: number) => void;
  /** A replica has changed: look again. */
  readonly onChange: () => void;
  /** Why Strict must not be used, where the operator says so. */
  readonly forbidStrict?: string | undefined;
  /** Which block of uids its cells have, where other engines start cells beside it. Absent: the first. */
  readonly uidBlock?: number;
}

/** From a change of the replicas until those that wait are prepared for it: longer than most starts take. */
const EXPECT_DELAY_MS = 100;

const UNKNOWN_SANDBOX = { strict: false, why: 'it is being found out which sandboxes work' } as const;

export class Host {
  readonly broker: BrokerClient;
  readonly #options: HostOptions;
  readonly #spawner: SpawnerClient;
  readonly #pool: Pool;
  readonly #shared: SharedProcesses;
  readonly #denials: Denials;
  readonly #processor: Processor;
  readonly #proven = new ProvenCells();
  readonly #compiled = new CompiledBindings();
  readonly #replicas = new Map<string, Replica>();
  /** For the processes that are not gone (N2). */
  #reservedBytes = 0;
  #admitted = 0;
  #closing = false;
  #expecting: NodeJS.Timeout | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    const { runFolder, bootFolder, storeFolder, log, forbidStrict } = options;
    const maxWasmPages = Math.min(MAX_WASM_PAGES, Math.ceil(options.memoryBytes / WASM_PAGE_BYTES));
    this.#spawner = new SpawnerClient({
      fork: options.forkSpawner,
      config: {
        runFolder,
        bootFolder,
        storeFolder,
        heapMiB: HEAP_MIB,
        maxWasmPages,
        ...(forbidStrict === undefined ? {} : { forbidStrict }),
        ...(options.uidBlock === undefined ? {} : { uidBlock: options.uidBlock }),
      },
      log,
      onRestart: () => {
        this.#shared.discard();
        this.#pool.discard();
        this.#pool.fill();
      },
    });
    this.broker = new BrokerClient({
      fork: options.forkBroker,
      config: { storesFolder: options.storesFolder, volumesFolder: options.volumesFolder },
      door: options.door,
      log,
      onRecords: () => options.onChange(),
    });
    this.#denials = new Denials((records) => {
      this.broker.records.add(records);
      options.onChange();
    });
    this.#processor = new Processor({
      guests: () => guestsOf(this.#replicas.values()),
      onStage: ({ id, limitMillis }, use) => {
        for (const replica of this.#replicas.values()) {
          if (guestId(replica) === id) replica.usesProcessor(use, limitMillis);
        }
      },
    });
    this.#pool = new Pool({
      size: options.poolSize,
      kind: () => this.#kindOf('Auto'),
      start: (kind, slots, isAwaited) => this.#spawner.startSlots(kind, slots, isAwaited),
      limitAhead: (cell, limit) => this.#spawner.limitAhead(cell, limit),
      log,
    });
    this.#shared = new SharedProcesses({
      mostDataBytes: options.memoryBytes,
      boot: (kind, slots, isWanted) => this.#pool.boot(kind, slots, isWanted),
      nowMs: () => performance.now(),
    });
    void this.#fillPool();
  }

  /** Starts a replica, or says why there is no room. What comes of it is seen in `observe`. */
  start(id: string, cell: CellSpec): Result<void, Problem> {
    if (this.#replicas.has(id)) return ok(undefined);
    if (this.#closing) return err(problem('HW4115', `${id} was not started: the engine is shutting down`));
    const budget = replicaBudget(cell);
    const refused = this.#refuseSandbox(cell) ?? this.#refuseSecond(id, cell);
    if (refused) return err(refused);
    const noRoom = cell.parked ? undefined : this.#refuse(id, budget.reservedBytes);
    if (noRoom) return err(noRoom);
    const replica = new Replica({
      id,
      cell,
      budget,
      take: (isWanted) => this.#take(id, cell, budget, isWanted),
      assign: (process, request) => this.#assign(process, request),
      known: new KnownStart(cell, this.#proven, this.#compiled),
      broker: this.broker,
      callRemote: this.#options.callRemote,
      log: this.#options.log.child({ entry: cell.entry, revision: cell.revision.slice(0, 12) }),
      onCalled: (member, name, target) => this.#denials.called(cell, member, name, target),
      onDenied: (denial) => this.#denials.note(cell, denial),
      onLimit: (...hit) => this.#options.onLimit(cell.entry, ...hit),
      onDropped: (...dropped) => this.#options.onDropped(cell.entry, ...dropped),
      onChange: (changed) => this.#onReplicaChange(changed),
    });
    this.#replicas.set(id, replica);
    this.#denials.mounted(cell);
    if (!cell.parked) this.#admit(replica);
    // Who calls has to know that there is something to wait for.
    if (cell.parked || cell.awaited) this.#onReplicaChange(replica);
    return ok(undefined);
  }

  stop(id: string, deadlineMs: number): void {
    this.#replicas.get(id)?.stop(deadlineMs);
  }

  /** Drops replicas that have ended; others stay. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      if (this.#replicas.get(id)?.phase === 'Ended') this.#replicas.delete(id);
    }
  }

  observe(): { readonly replicas: readonly ReplicaObserved[] } & Pick<EngineObserved, 'sandbox' | 'poolReady'> {
    return {
      replicas: [...this.#replicas.values()].map((replica) => {
        const guest = guestId(replica);
        const processor = guest === undefined ? undefined : this.#processor.useOf(guest);
        return { ...replica.observe(), ...(processor ? { processor } : {}) };
      }),
      sandbox: this.#spawner.sandbox ?? UNKNOWN_SANDBOX,
      poolReady: this.#pool.ready,
    };
  }

  get spawnerPid(): number | undefined {
    return this.#spawner.pid;
  }

  /** Drains every replica, then ends what is left and the spawner. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#expecting);
    this.#pool.close();
    const replicas = [...this.#replicas.values()];
    for (const replica of replicas) replica.stop(deadlineMs);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs + CLOSE_GRACE_MS);
    });
    await Promise.race([Promise.all(replicas.map((replica) => replica.gone)), late]);
    clearTimeout(timer);
    for (const replica of replicas) replica.kill();
    this.#denials.close();
    this.#processor.close();
    await this.broker.close();
    await this.#spawner.close();
  }

  async #fillPool(): Promise<void> {
    await this.#spawner.configured;
    this.#options.log.info({ sandbox: this.#spawner.sandbox }, 'the sandbox of cells is known');
    this.#pool.fill();
    this.#options.onChange();
  }

  /** Keeps its memory for it until its process is gone. */
  #admit(replica: Replica): void {
    this.#reservedBytes += replica.budget.reservedBytes;
    this.#admitted += 1;
    void this.#giveBack(replica);
  }

  /** N2. */
  #wake(replica: Replica): Code | undefined {
    if (replica.phase !== 'Parked') return undefined;
    const refused = this.#closing
      ? problem('HW4115', `${replica.id} was not started: the engine is shutting down`)
      : (this.#refuseSandbox(replica.cell) ?? this.#refuse(replica.id, replica.budget.reservedBytes));
    if (refused) {
      replica.stayParked(refused);
      return refused.code;
    }
    this.#admit(replica);
    replica.wake();
    return undefined;
  }

  async #giveBack(replica: Replica): Promise<void> {
    await replica.gone;
    this.#reservedBytes -= replica.budget.reservedBytes;
    this.#admitted -= 1;
    // Whoever was refused for want of room may ask again.
    this.#options.onChange();
  }

  #refuse(id: string, bytes: number): Problem | undefined {
    const { memoryBytes, maxReplicas } = this.#options;
    if (this.#admitted >= maxReplicas) {
      return problem('HW4102', `${id} would be replica ${this.#admitted + 1} of at most ${maxReplicas}`);
    }
    if (this.#reservedBytes + bytes <= memoryBytes) return undefined;
    const used = formatBytes(this.#reservedBytes);
    return problem(
      'HW4101',
      `${id} needs ${formatBytes(bytes)}; ${used} of ${formatBytes(memoryBytes)} are kept for ${this.#admitted} other replicas`,
    );
  }

  #refuseSandbox(cell: CellSpec): Problem | undefined {
    const { sandbox } = this.#spawner;
    if (cell.isolation !== 'Strict' || !sandbox || sandbox.strict) return undefined;
    return problem('HW4103', `${cell.entry} asks for Strict: ${sandbox.why}`);
  }

  /** N4. */
  #refuseSecond(id: string, cell: CellSpec): Problem | undefined {
    const other = this.#besides(id, cell).find(({ phase }) => phase !== 'Draining' && phase !== 'Ended');
    return other && problem('HW4751', `${id} was not started: ${other.id} is there, and one of the two is a Singleton`);
  }

  /** The other replicas of an entry, where one of the two must be alone. */
  #besides(id: string, cell: CellSpec): readonly Replica[] {
    return [...this.#replicas.values()].filter(
      (other) => other.id !== id && other.cell.entry === cell.entry && (isSingleton(cell) || isSingleton(other.cell)),
    );
  }

  async #take(
    id: string,
    cell: CellSpec,
    { dataBytes }: ReplicaBudget,
    isWanted: () => boolean,
  ): Promise<Result<CellProcess, Problem>> {
    await this.#spawner.configured;
    await Promise.all(this.#besides(id, cell).map((other) => other.gone));
    const refused = this.#refuseSandbox(cell);
    if (refused) return err(refused);
    const kind = this.#kindOf(cell.isolation);
    const { entry } = cell;
    if (cell.isolation !== 'Shared' || this.#shared.isAlone(entry)) return this.#pool.take(kind, dataBytes, isWanted);
    const isBusy = (): boolean => this.#replicas.get(id)?.isBusy ?? false;
    return this.#shared.take(kind, { replica: id, entry, isWanted, isBusy });
  }

  /** A process that cells share may use what all in it may use. */
  #assign(process: CellProcess, request: AssignRequest): Promise<Result<void, Problem>> {
    if (!process.shared) return this.#spawner.assign(process, request);
    return process.shared.assign(request, (limits) => this.#spawner.assign(process, { ...request, ...limits }));
  }

  #kindOf(isolation: CellSpec['isolation']): SandboxKind {
    if (isolation === 'Process') return 'Process';
    return this.#spawner.sandbox?.strict ? 'Strict' : 'Process';
  }

  #onReplicaChange(changed: Replica): void {
    const { group } = changed.cell;
    const members = [...this.#replicas.values()].filter((replica) => replica.cell.group === group);
    const healthy = open(members.filter((replica) => replica.phase === 'Ready'));
    const callers = healthy.length > 0 ? healthy : open(members.filter((replica) => replica.phase === 'Unhealthy'));
    this.#options.onReady(group, callers, { standby: this.#standbyOf(members), why: changed.whyNotAwake });
    if (changed.phase === 'Ended') this.#dropOldestEnded();
    this.#expectSoon();
    this.#options.onChange();
  }

  /** One on its way goes before one that is parked: several calls wake one. */
  #standbyOf(members: readonly Replica[]): Standby | undefined {
    const one = members.find(({ isWaking }) => isWaking) ?? members.find(({ phase }) => phase === 'Parked');
    return one && { queue: one.cell.limits.queue, wake: () => this.#wake(one) };
  }

  /** Not at once: whoever starts now is not to share the processor with that. */
  #expectSoon(): void {
    if (this.#closing) return;
    this.#expecting ??= setTimeout(() => {
      this.#expecting = undefined;
      this.#pool.expect(likelyLimits([...this.#replicas.values()]));
    }, EXPECT_DELAY_MS);
  }

  #dropOldestEnded(): void {
    const ended = [...this.#replicas.values()].filter((replica) => replica.phase === 'Ended');
    for (const replica of ended.slice(0, Math.max(0, ended.length - MAX_ENDED_REPLICAS))) {
      this.#replicas.delete(replica.id);
    }
  }
}

function isSingleton({ members }: CellSpec): boolean {
  return members[0]?.member.instancePolicy === 'Singleton';
}

function open(replicas: readonly Replica[]): readonly CellCaller[] {
  return replicas.flatMap(({ channel }) => (channel?.open ? [channel] : []));
}
