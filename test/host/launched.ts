/** One process in a cell's place, launched as the spawner does it, with another entry module. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { writeBootFolder, type BootFolder } from '../../src/host/spawner/boot-folder.ts';
import { awaitBooted } from '../../src/host/spawner/booted.ts';
import { readCapabilities } from '../../src/host/spawner/capabilities.ts';
import { killQuietly, launch, type LaunchedCell, type SlotPairs } from '../../src/host/spawner/launch.ts';
import type { SandboxKind } from '../../src/host/spawner/messages.ts';
import { findStrictTools, processCommand, strictCommand, type CellCommand } from '../../src/host/spawner/sandbox.ts';
import { filterArchitecture, seccompFilter } from '../../src/host/spawner/seccomp.ts';
import { withStrictFiles, writeFilter } from '../../src/host/spawner/strict-files.ts';
import { SocketPairs } from '../../src/host/spawner/socketpair.ts';
import { Framer } from '../../src/wire/framer.ts';
import { temporaryFolder } from './running.ts';

const FIXTURES = path.join(import.meta.dirname, 'fixtures');
const LIMITS = { heapMiB: 64, maxWasmPages: 1024 };
/** Of the range that the launcher uses: each cell has the next one. */
const FIRST_CELL_UID = 1_879_048_300;

export class Bench {
  readonly folder: string;
  readonly #boot: BootFolder;
  readonly #pairs: SocketPairs;
  #launched = 0;

  private constructor(folder: string, boot: BootFolder, pairs: SocketPairs) {
    this.folder = folder;
    this.#boot = boot;
    this.#pairs = pairs;
  }

  /** @param fixture in `fixtures`, or an absolute path. */
  static async open(fixture: string): Promise<Bench> {
    const folder = temporaryFolder();
    const entry = path.resolve(FIXTURES, fixture);
    const source = { root: path.dirname(entry), entry };
    const boot = await writeBootFolder(source, path.join(folder, 'boot'));
    await writeFilter(folder, seccompFilter(filterArchitecture(process.arch)!));
    return new Bench(folder, boot, await SocketPairs.open(path.join(folder, 'run')));
  }

  /** Resolves when it has booted. */
  async start(
    kind: SandboxKind,
    change = (command: CellCommand): CellCommand => command,
    slots = 1,
  ): Promise<LaunchedCell> {
    const cell = await this.#launch(kind, change, slots);
    const booted = await awaitBooted(cell.channel, 10_000);
    if (!booted.ok) throw new Error(`${booted.error}: ${JSON.stringify(await cell.exited)}`);
    return cell;
  }

  close(): void {
    this.#pairs.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #launch(
    kind: SandboxKind,
    change: (command: CellCommand) => CellCommand,
    count: number,
  ): Promise<LaunchedCell> {
    const uid = readCapabilities().ownUids ? FIRST_CELL_UID + this.#launched++ : undefined;
    const slots: SlotPairs[] = [];
    while (slots.length < count)
      slots.push({ pair: await this.#pairs.create(), brokerPair: await this.#pairs.create() });
    const common = { slots, uid, lower: false };
    if (kind === 'Process') {
      return launched(
        await launch({ ...common, command: change(processCommand(process.execPath, this.#boot, LIMITS, count)) }),
      );
    }
    const tools = await findStrictTools(process.execPath);
    if (!tools.ok) throw new Error(tools.error);
    const command = change(strictCommand(tools.value, process.execPath, this.#boot, LIMITS, count));
    return launched(await withStrictFiles(this.folder, 'test', (strict) => launch({ ...common, command, strict })));
  }
}

function launched(cell: Awaited<ReturnType<typeof launch>>): LaunchedCell {
  if (!cell.ok) throw new Error(cell.error);
  return cell.value[0]!;
}

/** The payload of the next frame; rejects when the process ends first. */
export function nextFrame(cell: LaunchedCell): Promise<string> {
  return new Promise((resolve, reject) => {
    const framer = new Framer((_type, _id, bytes, begin, end) => {
      resolve(bytes.toString('latin1', begin, end));
      return false;
    });
    cell.channel.on('data', (bytes: Buffer) => framer.push(bytes));
    cell.channel.resume();
    void cell.exited.then((exit) => reject(new Error(JSON.stringify(exit))));
  });
}

/** The payload of the last frame before the process ended. */
export async function lastFrame(cell: LaunchedCell): Promise<string> {
  let last = '';
  const framer = new Framer((_type, _id, bytes, begin, end) => {
    last = bytes.toString('latin1', begin, end);
    return true;
  });
  cell.channel.on('data', (bytes: Buffer) => framer.push(bytes));
  const closed = once(cell.channel, 'close');
  cell.channel.resume();
  await Promise.all([cell.exited, closed]);
  return last;
}

export async function endOf(cell: LaunchedCell): Promise<void> {
  killQuietly(cell.pid);
  cell.channel.destroy();
  cell.brokerEnd.destroy();
  await cell.exited;
}
