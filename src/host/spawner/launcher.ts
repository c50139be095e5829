/**
 * Knows how cells are started on this machine. Which sandboxes work is found out by starting one cell in each, because
 * nothing else tells reliably: user namespaces can be forbidden in five ways.
 *
 * Where we may change uids each cell gets a uid of its own, from a range that no user and no other tool has, so that not even cells can
 * signal each other. Where the files that a cell needs are closed to that uid, it keeps ours, and `why` says so.
 */
import { realpathSync } from 'node:fs';
import type { Logger } from 'pino';
import { err, type Result } from '../../kit/result.ts';
import type { BootFolder } from './boot-folder.ts';
import { awaitBooted } from './booted.ts';
import { readCapabilities } from './capabilities.ts';
import { describeExit } from './exit.ts';
import { killQuietly, launch, type LaunchedCell, type SlotPairs } from './launch.ts';
import type { SandboxKind } from './messages.ts';
import { findStrictTools, processCommand, strictCommand, type ProcessLimits, type StrictTools } from './sandbox.ts';
import { filterArchitecture, seccompFilter } from './seccomp.ts';
import type { SocketPair, SocketPairs } from './socketpair.ts';
import { withStrictFiles, writeFilter } from './strict-files.ts';

/** 0x70000000: above systemd's range for containers, within 32 bit signed. */
const FIRST_CELL_UID = 1_879_048_192;
/** Of one spawner: those of several engines have a block each. */
const CELL_UIDS = 4_096;
const PROBE_DEADLINE_MS = 10_000;

export interface LauncherOptions {
  readonly runFolder: string;
  readonly boot: BootFolder;
  readonly limits: ProcessLimits;
  readonly pairs: SocketPairs;
  readonly log: Logger;
  /** Why Strict must not be tried; absent where it may. */
  readonly forbidStrict?: string | undefined;
  /** Absent: the first. */
  readonly uidBlock?: number;
}

interface Way {
  readonly kind: SandboxKind;
  readonly ownUid: boolean;
}

export class Launcher {
  readonly #options: LauncherOptions;
  readonly #node = realpathSync(process.execPath);
  readonly #capabilities = readCapabilities();
  /** What was found out, by sandbox: the way that works, or why none does. */
  readonly #ways = new Map<SandboxKind, Promise<Result<Way, string>>>();
  #tools: StrictTools | undefined;
  #launched = 0;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /** Strict where it works. Process is tried only where it does not, or when it is asked for. */
  async probe(): Promise<{ readonly strict: boolean; readonly why: string }> {
    const strict = await this.#wayOf('Strict');
    if (strict.ok) {
      const why = `${this.#tools!.version} and user namespaces work; ${this.#uidOf(strict.value)}`;
      return { strict: true, why };
    }
    const fallback = await this.#wayOf('Process');
    return {
      strict: false,
      why: fallback.ok ? `${strict.error}; ${this.#uidOf(fallback.value)}` : `${strict.error}; ${fallback.error}`,
    };
  }

  /** Starts one cell process; the error says why that sandbox has none. */
  async launch(kind: SandboxKind, slots: number, isAwaited: boolean): Promise<Result<readonly LaunchedCell[], string>> {
    const way = await this.#wayOf(kind);
    return way.ok ? this.#launchAs(way.value, slots, isAwaited) : way;
  }

  #wayOf(kind: SandboxKind): Promise<Result<Way, string>> {
    let found = this.#ways.get(kind);
    if (!found) {
      found = this.#findWay(kind);
      this.#ways.set(kind, found);
    }
    return found;
  }

  async #findWay(kind: SandboxKind): Promise<Result<Way, string>> {
    if (kind === 'Strict') {
      const obstacle = await this.#prepareStrict();
      if (obstacle !== undefined) return err(obstacle);
    }
    let reason = '';
    for (const ownUid of this.#capabilities.ownUids ? [true, false] : [false]) {
      const tried = await this.#try({ kind, ownUid });
      if (tried.ok) return tried;
      reason = tried.error;
      this.#options.log.info({ sandbox: kind, ownUid, reason }, 'a way to start cells does not work here');
    }
    return err(reason);
  }

  async #prepareStrict(): Promise<string | undefined> {
    if (this.#options.forbidStrict !== undefined) return this.#options.forbidStrict;
    const architecture = filterArchitecture(process.arch);
    if (!architecture) return `there is no system call filter for ${process.arch}`;
    const tools = await findStrictTools(this.#node);
    if (!tools.ok) return tools.error;
    this.#tools = tools.value;
    await writeFilter(this.#options.runFolder, seccompFilter(architecture));
    return undefined;
  }

  /** Starts one, waits until it has booted, and ends it. Whatever else the machine does, what works is not taken for what does not. */
  async #try(way: Way): Promise<Result<Way, string>> {
    const cell = await this.#launchAs(way, 1, true);
    if (!cell.ok) return cell;
    const { channel, brokerEnd, exited, pid } = cell.value[0]!;
    const booted = await awaitBooted(channel, PROBE_DEADLINE_MS);
    killQuietly(pid);
    channel.destroy();
    brokerEnd.destroy();
    const exit = await exited;
    return booted.ok ? { ok: true, value: way } : err(`${booted.error}; ${describeExit(exit)}`);
  }

  async #launchAs(way: Way, count: number, isAwaited: boolean): Promise<Result<readonly LaunchedCell[], string>> {
    const { runFolder, boot, limits, uidBlock = 0 } = this.#options;
    const number = this.#launched++;
    const uid = way.ownUid ? FIRST_CELL_UID + uidBlock * CELL_UIDS + (number % CELL_UIDS) : undefined;
    const slots = await this.#pairsFor(count).catch((error: unknown) => (error as Error).message);
    if (typeof slots === 'string') return err(`a channel for the cell cannot be made: ${slots}`);
    const common = { slots, uid, lower: this.#capabilities.priorities && !isAwaited };
    if (way.kind === 'Process') return launch({ ...common, command: processCommand(this.#node, boot, limits, count) });
    const command = strictCommand(this.#tools!, this.#node, boot, limits, count);
    const name = `${process.pid}-${number}`;
    return withStrictFiles(runFolder, name, (strict) => launch({ ...common, command, strict }));
  }

  /** All of them, or none. */
  async #pairsFor(count: number): Promise<readonly SlotPairs[]> {
    const { pairs } = this.#options;
    const made: SocketPair[] = [];
    try {
      while (made.length < 2 * count) made.push(await pairs.create());
    } catch (error) {
      for (const { engineEnd, cellEnd } of made) [engineEnd, cellEnd].forEach((end) => end.destroy());
      throw error;
    }
    return Array.from({ length: count }, (_, slot) => ({ pair: made[2 * slot]!, brokerPair: made[2 * slot + 1]! }));
  }

  #uidOf(way: Way): string {
    if (way.ownUid) return 'each cell has a uid of its own';
    const why = this.#capabilities.ownUids ? 'Node or the data folder is closed to others' : 'it may not change uids';
    return `cells keep the uid of the daemon, because ${why}`;
  }
}
