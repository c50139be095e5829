/** The real engine process, started as the supervisor starts it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectEngine, type EngineLink } from '../../src/host/link-client.ts';
import type { CellSpec, EngineObserved, ReplicaObserved } from '../../src/model/engine.ts';
import type { GroupId, Snapshot } from '../../src/model/snapshot.ts';
import { STAT, statField } from '../../src/host/spawner/process-stat.ts';
import { CellRecords } from '../../src/host/spawner/records.ts';
import type { EngineConfig } from '../../src/process/engine-config.ts';
import { keepingLog } from '../support/log.ts';
import { GROUP, MIB, temporaryFolder } from './running.ts';

const ENGINE = path.resolve(import.meta.dirname, '../../src/process/engine.ts');

export function snapshotOf(generation: number, group: GroupId = GROUP, requestTimeoutMs = 20_000): Snapshot {
  return {
    generation,
    commit: 'c'.repeat(40),
    releaseHeader: true,
    rules: [
      {
        match: { path: { type: 'PathPrefix', value: '/' }, headers: [] },
        route: 'shop/testbed',
        entry: 'shop/testbed',
        requestTimeoutMs,
        requestBodyBytes: MIB,
        responseBodyBytes: 8 * MIB,
        arms: [{ release: 'a'.repeat(64), group, weight: 100 }],
      },
    ],
  };
}

export class RunningEngine {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly control: EngineLink;
  readonly exited: Promise<number | string>;
  url = '';
  #output = '';

  private constructor(folder: string, config: Partial<EngineConfig>) {
    this.folder = folder;
    this.child = spawn(process.execPath, [ENGINE], { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    this.exited = new Promise((resolve) => this.child.once('exit', (code, signal) => resolve(signal ?? code ?? -1)));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    const whole: EngineConfig = {
      listen: { host: '127.0.0.1', port: 0 },
      linkPath: this.linkPath,
      runFolder: path.join(folder, 'run'),
      bootFolder: path.join(folder, 'boot'),
      storeFolder: this.storeFolder,
      storesFolder: path.join(folder, 'stores'),
      volumesFolder: path.join(folder, 'volumes'),
      poolSize: 1,
      memoryBytes: 4096 * MIB,
      drainDeadlineMs: 30_000,
      ...config,
    };
    this.child.stdin!.on('error', () => undefined);
    this.child.stdin!.write(`${JSON.stringify(whole)}\n`);
    this.control = connectEngine({ path: this.linkPath, log: keepingLog().log });
  }

  static async start(folder = temporaryFolder(), config: Partial<EngineConfig> = {}): Promise<RunningEngine> {
    const engine = new RunningEngine(folder, config);
    const port = await engine.logged('listening for traffic');
    engine.url = `http://127.0.0.1:${port['port'] as number}`;
    await engine.until('the link', () => engine.control.connected);
    return engine;
  }

  /** Without waiting for anything but its end. */
  static startInVain(config: Partial<EngineConfig>): RunningEngine {
    return new RunningEngine(temporaryFolder(), config);
  }

  get linkPath(): string {
    return path.join(this.folder, 'run', 'engine.sock');
  }

  get storeFolder(): string {
    return path.join(this.folder, 'store');
  }

  get output(): string {
    return this.#output;
  }

  async observe(): Promise<EngineObserved> {
    const observed = await this.control.observe();
    if (!observed.ok) throw new Error(observed.error.message);
    return observed.value;
  }

  async replica(id: string): Promise<ReplicaObserved | undefined> {
    return (await this.observe()).replicas.find((replica) => replica.id === id);
  }

  async ready(id: string, cell: CellSpec): Promise<ReplicaObserved> {
    const started = await this.control.start(id, cell);
    if (!started.ok) throw new Error(started.error.message);
    let found: ReplicaObserved | undefined;
    await this.until(`${id} is ready`, async () => {
      found = await this.replica(id);
      if (found?.phase === 'Ended') throw new Error(`${id} ended: ${found.problem?.message}`);
      return found?.phase === 'Ready';
    });
    return found!;
  }

  /** Absent while there is none: the broker is a child of the engine too. */
  get spawnerPid(): number | undefined {
    return childrenOf(this.child.pid!).find((pid) => commandOf(pid).includes('spawner.ts'));
  }

  async logged(message: string): Promise<Record<string, unknown>> {
    let line: string | undefined;
    await this.until(`the line "${message}"`, () => {
      line = this.#output.split('\n').find((text) => text.includes(`"msg":"${message}"`));
      return line !== undefined;
    });
    return JSON.parse(line!) as Record<string, unknown>;
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadlineAtMs = performance.now() + 30_000;
    while (!(await holds())) {
      if (performance.now() > deadlineAtMs) throw new Error(`${what} did not come:\n${this.#output}`);
      await sleep(10);
    }
  }

  /** Also where a test has failed half-way: no cell of this folder is left to spin. */
  async stop(): Promise<void> {
    this.control.close();
    this.child.kill('SIGKILL');
    await this.exited;
    await new CellRecords(path.join(this.folder, 'run', 'cells')).sweep(new Set());
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

/** Empty of a process that has ended, whether or not somebody has waited for it. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(statField(readFileSync(`/proc/${pid}/stat`, 'latin1'), STAT.parent));
  } catch {
    return undefined;
  }
}
