/**
 * One small file per running cell, so that a cell can never outlive everybody who knows it: when engine and spawner die
 * together while a guest spins, nobody is left to see the channel close. The supervisor sweeps what it finds when an engine
 * has ended, and so does the next spawner.
 *
 * A record is `<pid>` → the process's start time in clock ticks since boot, because pids come round again.
 */
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { killQuietly } from './launch.ts';
import { STAT, statFieldOf } from './process-stat.ts';

/** When it started, by the kernel's clock: with the pid, that names one process. */
export function startTicks(pid: number): string | undefined {
  return statFieldOf(pid, STAT.startTicks);
}

export function cellRecordsFolder(runFolder: string): string {
  return path.join(runFolder, 'cells');
}

export class CellRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Kills every recorded cell that still runs and is not in `keep`, and drops the records of those that do not. */
  async sweep(keep: ReadonlySet<number>): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    let swept = 0;
    for (const name of await readdir(this.#folder)) {
      const pid = Number(name);
      if (keep.has(pid)) continue;
      if (await this.#isStillOurs(pid)) {
        killQuietly(pid);
        swept += 1;
      }
      await rm(path.join(this.#folder, name), { force: true });
    }
    return swept;
  }

  async add(pid: number): Promise<void> {
    const ticks = startTicks(pid);
    if (ticks !== undefined) await writeFile(path.join(this.#folder, String(pid)), ticks);
  }

  async remove(pid: number): Promise<void> {
    await rm(path.join(this.#folder, String(pid)), { force: true });
  }

  /** SIGKILL, if that pid is still the process that was recorded. */
  async kill(pid: number): Promise<void> {
    if (await this.#isStillOurs(pid)) killQuietly(pid);
  }

  async #isStillOurs(pid: number): Promise<boolean> {
    if (!Number.isSafeInteger(pid) || pid <= 1) return false;
    const recorded = await readFile(path.join(this.#folder, String(pid)), 'latin1').catch(() => undefined);
    return recorded !== undefined && recorded === startTicks(pid);
  }
}
