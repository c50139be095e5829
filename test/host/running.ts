/** A real host in a folder of its own, with what tests need to ask it. */
import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Host, type HostOptions } from '../../src/host/host.ts';
import type { Isolation, Limits, Member, Probes } from '../../src/model/component.ts';
import type { Bundle, CellSpec, ReplicaObserved } from '../../src/model/engine.ts';
import type { GroupId } from '../../src/model/snapshot.ts';
import type { CellCaller } from '../../src/wire/cell-caller.ts';
import { sendRuntimeRequest, type RuntimeAnswer } from '../../src/wire/runtime-request.ts';
import { keepingLog } from '../support/log.ts';

const SPAWNER = path.resolve(import.meta.dirname, '../../src/process/spawner.ts');
const BROKER = path.resolve(import.meta.dirname, '../../src/process/broker.ts');
export const MIB = 2 ** 20;
export const GROUP = 'shop/testbed@b0b0c3d4e5f6' as const;

export const LIMITS: Limits = {
  memoryBytes: 16 * MIB,
  cpuMillis: 1000,
  concurrency: 4,
  queue: 16,
  requestTimeoutMs: 2_000,
  startTimeoutMs: 10_000,
  requestBodyBytes: MIB,
  responseBodyBytes: 8 * MIB,
  logBytesPerSecond: 64 * 1024,
  handles: 1024,
};

export interface CellChoice {
  readonly isolation?: Isolation;
  readonly probes?: Probes;
  readonly limits?: Partial<Limits>;
  readonly env?: Readonly<Record<string, string>>;
  readonly group?: CellSpec['group'];
  readonly instancePolicy?: Member['instancePolicy'];
}

export function cellOf(bundle: Bundle, choice: CellChoice = {}): CellSpec {
  const limits = { ...LIMITS, ...choice.limits };
  const member: Member = {
    key: 'shop/testbed',
    artifact: bundle.artifact,
    source: { type: 'path', path: 'testbed.wasm' },
    env: Object.entries(choice.env ?? {}).map(([name, value]) => ({ name, value })),
    config: [],
    secretVersions: [],
    capabilities: [],
    limits,
    instancePolicy: choice.instancePolicy ?? 'Pooled',
    isolation: choice.isolation ?? 'Auto',
    links: [],
  };
  return {
    group: choice.group ?? GROUP,
    entry: 'shop/testbed',
    revision: 'b0b0c3d4e5f6'.padEnd(64, '0'),
    members: [{ member, bundle }],
    limits,
    isolation: choice.isolation ?? 'Auto',
    probes: choice.probes ?? {},
    restartToken: '0',
  };
}

export class RunningHost {
  readonly folder: string;
  readonly host: Host;
  readonly lines: string[];
  changes = 0;
  /** As `limit count`, in their order. */
  readonly limits: [string, number][] = [];
  readonly #ready = new Map<GroupId, readonly CellCaller[]>();

  constructor(options: Partial<HostOptions> = {}) {
    const { log, lines } = keepingLog();
    this.lines = lines;
    this.folder = options.storeFolder ? path.dirname(options.storeFolder) : temporaryFolder();
    this.host = new Host({
      forkSpawner: () => forkSpawner(['ignore', 'ignore', 'ignore', 'ipc']),
      runFolder: path.join(this.folder, 'run'),
      bootFolder: path.join(this.folder, 'boot'),
      storeFolder: this.storeFolder,
      forkBroker: () => forkBroker(['ignore', 'ignore', 'ignore', 'ipc']),
      door: { path: path.join(this.folder, 'door.sock'), token: '00' },
      storesFolder: path.join(this.folder, 'stores'),
      volumesFolder: path.join(this.folder, 'volumes'),
      poolSize: 1,
      memoryBytes: 4096 * MIB,
      maxReplicas: 16,
      callRemote: () => {
        throw new Error('no ingress here');
      },
      log,
      onReady: (group, callers) => {
        this.#ready.set(group, callers);
      },
      onLimit: (_entry, limit, count = 1) => this.limits.push([limit, count]),
      onDropped: () => undefined,
      onChange: () => {
        this.changes += 1;
      },
      ...options,
    });
  }

  get storeFolder(): string {
    return path.join(this.folder, 'store');
  }

  readyOf(group: GroupId): readonly CellCaller[] {
    return this.#ready.get(group) ?? [];
  }

  replica(id: string): ReplicaObserved {
    const found = this.host.observe().replicas.find((replica) => replica.id === id);
    if (!found) throw new Error(`${id} is not observed`);
    return found;
  }

  /** Polls until it holds. The test's own deadline is the runner's. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (let waitedMs = 0; !holds(); waitedMs += 10) {
      if (waitedMs > 30_000) throw new Error(`${what} did not come: ${JSON.stringify(this.host.observe())}`);
      await sleep(10);
    }
  }

  async ended(id: string): Promise<ReplicaObserved> {
    await this.until(`the end of ${id}`, () => this.replica(id).phase === 'Ended');
    return this.replica(id);
  }

  /** Starts a replica and waits until it is ready. */
  async ready(id: string, cell: CellSpec): Promise<CellCaller> {
    const started = this.host.start(id, cell);
    if (!started.ok) throw new Error(started.error.message);
    await this.until(`${id} is ready`, () => {
      const { phase, problem } = this.replica(id);
      if (phase === 'Ended') throw new Error(`${id} ended: ${problem?.message}`);
      return phase === 'Ready';
    });
    return this.readyOf(cell.group).find((caller) => caller.replica === id)!;
  }

  /** What the guest of a replica, and the runtime about it, said, in order. */
  saidBy(id: string): readonly string[] {
    return this.lines
      .map((line) => JSON.parse(line) as { readonly replica?: string; readonly text?: string })
      .flatMap(({ replica, text }) => (replica === id && text !== undefined ? [text] : []));
  }

  async stop(): Promise<void> {
    await this.host.close(0);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function forkSpawner(stdio: StdioOptions): ChildProcess {
  return fork(SPAWNER, [], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio });
}

export function forkBroker(stdio: StdioOptions): ChildProcess {
  return fork(BROKER, [], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio });
}

/** Open to other users, as a data folder is: cells run under uids of their own where we are root. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-host-'));
  chmodSync(folder, 0o755);
  return folder;
}

export function get(caller: CellCaller, target: string, timeoutMs = 30_000): Promise<RuntimeAnswer> {
  return sendRuntimeRequest(caller, target, [], timeoutMs);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
