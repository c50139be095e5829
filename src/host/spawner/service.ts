/**
 * The spawner: does what the engine says, one message at a time per cell. It decides nothing: how many processes wait,
 * which one is used and which is killed is the engine's to say.
 */
import type net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { assign } from './assign.ts';
import { writeBootFolder, type BootSource } from './boot-folder.ts';
import { Contents } from './contents.ts';
import { openControlGroups, type ControlGroups } from './control-groups.ts';
import { limitDataAhead, type AheadLimit } from './data-limit.ts';
import { Launcher } from './launcher.ts';
import { killQuietly, type LaunchedCell } from './launch.ts';
import type { FromSpawner, SandboxKind, SpawnerConfig, ToSpawner } from './messages.ts';
import { CellRecords, cellRecordsFolder } from './records.ts';
import { findProgram } from './sandbox.ts';
import { SocketPairs } from './socketpair.ts';

/** For killed cells to be gone; what is left then is swept by the next spawner. */
const END_DEADLINE_MS = 3_000;

/** `sent` is called when the descriptor is on its way. */
export type Send = (message: FromSpawner, channel?: net.Socket, sent?: () => void) => void;

export class SpawnerService {
  readonly #contents: Contents;
  readonly #launcher: Launcher;
  readonly #records: CellRecords;
  readonly #prlimit: string | undefined;
  readonly #groups: ControlGroups | undefined;
  readonly #send: Send;
  readonly #log: Logger;
  readonly #cells = new Map<number, LaunchedCell>();

  private constructor(
    config: SpawnerConfig,
    parts: {
      launcher: Launcher;
      records: CellRecords;
      prlimit: string | undefined;
      groups: ControlGroups | undefined;
      send: Send;
      log: Logger;
    },
  ) {
    this.#contents = new Contents(config.storeFolder);
    this.#launcher = parts.launcher;
    this.#records = parts.records;
    this.#prlimit = parts.prlimit;
    this.#groups = parts.groups;
    this.#send = parts.send;
    this.#log = parts.log;
  }

  /** Writes the boot folder, sweeps what earlier lives left behind, finds out which sandboxes work, and says so. */
  static async open(config: SpawnerConfig, source: BootSource, send: Send, log: Logger): Promise<SpawnerService> {
    const records = new CellRecords(cellRecordsFolder(config.runFolder));
    const swept = await records.sweep(new Set(config.keep));
    if (swept > 0) log.warn({ swept }, 'ended cells that an earlier run had left behind');
    const groups = openControlGroups(config.runFolder);
    if (groups.ok) await groups.value.sweep(new Set(config.keep));
    const boot = await writeBootFolder(source, config.bootFolder);
    const pairs = await SocketPairs.open(config.runFolder);
    const prlimit = await findProgram('prlimit');
    const limits = { heapMiB: config.heapMiB, maxWasmPages: config.maxWasmPages };
    const launcher = new Launcher({
      runFolder: config.runFolder,
      boot,
      limits,
      pairs,
      log,
      forbidStrict: config.forbidStrict,
      uidBlock: config.uidBlock ?? 0,
    });
    const sandbox = await launcher.probe();
    const why = prlimit ? sandbox.why : `${sandbox.why}; prlimit is missing, so memory has no hard cap`;
    send({ type: 'configured', strict: sandbox.strict, why, processor: describe(groups) });
    const found = groups.ok ? groups.value : undefined;
    return new SpawnerService(config, { launcher, records, prlimit, groups: found, send, log });
  }

  handle(message: Exclude<ToSpawner, { type: 'configure' }>): void {
    switch (message.type) {
      case 'start':
        return void this.#start(message.cells, message.kind, message.isAwaited);
      case 'assign':
        return void this.#assign(message);
      case 'limitAhead':
        return this.#limitAhead(message.cell, message);
      case 'kill':
        return this.#kill(message.pid);
    }
  }

  /** A child of ours cannot have lent its pid to anybody; one of an earlier spawner's may have. */
  #kill(pid: number): void {
    if ([...this.#cells.values()].some((cell) => cell.pid === pid)) killQuietly(pid);
    else void this.#records.kill(pid);
  }

  /** The engine is gone: nobody will ever talk to these cells again, and one that spins would not notice. */
  async endAll(): Promise<void> {
    const cells = [...this.#cells.values()];
    for (const cell of cells) killQuietly(cell.pid);
    // Those that an earlier spawner started and the engine had kept.
    await this.#records.sweep(new Set(cells.map(({ pid }) => pid)));
    const ended = Promise.all(cells.map((cell) => cell.exited.then(() => this.#records.remove(cell.pid))));
    await Promise.race([ended, sleep(END_DEADLINE_MS)]);
    await this.#groups?.close();
  }

  async #start(ids: readonly number[], kind: SandboxKind, isAwaited: boolean): Promise<void> {
    const launched = await this.#launcher.launch(kind, ids.length, isAwaited);
    if (!launched.ok) {
      const failed = problem('HW4103', `${kind}: ${launched.error}`);
      for (const id of ids) this.#send({ type: 'startFailed', cell: id, problem: failed });
      return;
    }
    const cells = launched.value;
    const [{ pid, exited }] = cells as readonly [LaunchedCell];
    for (const [slot, cell] of cells.entries()) this.#cells.set(ids[slot]!, cell);
    this.#inGroup(pid, (groups) => groups.adopt(pid));
    await this.#records.add(pid);
    for (const [slot, { brokerEnd, channel }] of cells.entries()) {
      // Only the engine holds on to it: what a dead broker leaves behind is there for the next.
      this.#send({ type: 'brokerEnd', cell: ids[slot]! }, brokerEnd, () => brokerEnd.destroy());
      this.#send({ type: 'started', cell: ids[slot]!, pid }, channel);
    }
    const exit = await exited;
    for (const id of ids) this.#cells.delete(id);
    for (const { channel } of cells) channel.destroy();
    await this.#records.remove(pid);
    this.#groups?.tidy();
    for (const id of ids) this.#send({ type: 'exited', cell: id, exit });
  }

  async #assign(message: Extract<ToSpawner, { type: 'assign' }>): Promise<void> {
    const failed = await this.#tryAssign(message);
    if (failed)
      this.#log.warn({ replica: message.assignment.replica, problem: failed }, 'a cell could not be assigned');
    this.#send(
      failed ? { type: 'assignFailed', cell: message.cell, problem: failed } : { type: 'assigned', cell: message.cell },
    );
  }

  #limitAhead(id: number, limit: AheadLimit): void {
    const cell = this.#cells.get(id);
    if (cell) limitDataAhead(cell, limit, this.#prlimit);
  }

  async #tryAssign(message: Extract<ToSpawner, { type: 'assign' }>): Promise<Problem | undefined> {
    const cell = this.#cells.get(message.cell);
    if (!cell) return problem('HW4141', 'the waiting process ended before it was assigned');
    this.#inGroup(cell.pid, (groups) => groups.limit(cell.pid, message.cpuMillis));
    const tools = { contents: this.#contents, prlimit: this.#prlimit };
    const assigned = await assign(cell, message, tools);
    // From here on only the engine speaks on this channel.
    cell.channel.destroy();
    return assigned.ok ? undefined : assigned.error;
  }

  /** Without its group a cell has its priority still: nobody is refused for it. */
  #inGroup(pid: number, act: (groups: ControlGroups) => void): void {
    if (!this.#groups) return;
    try {
      act(this.#groups);
    } catch (error) {
      this.#log.warn({ err: error, pid }, 'the control group of a cell cannot be used; it has its priority alone');
    }
  }
}

function describe(groups: Result<ControlGroups, string>): string {
  return groups.ok ? 'priorities, and a control group for each cell' : `priorities alone, because ${groups.error}`;
}
