/**
 * RLIMIT_DATA of a cell's process: what it has mapped for writing by its first assignment, and `dataBytes` more.
 *
 * Setting it is a process (`prlimit`), 4 ms of which 2.5 stop the spawner. So it can be set ahead, while the process waits, for
 * what it will probably run. Then only the soft limit is: it bounds as the hard one does, and where something else comes, it
 * can be set to that. The assignment sets both in any case (`assign.ts` H3).
 *
 * Until then a process whose filter does not keep it from changing its limits could raise the soft one. So its hard limit is set
 * ahead as well, to what the most demanding component of the engine may have (ADR 168): who needs more gets another process.
 *
 * Invariants
 * D1 What was set ahead counts only for an assignment of the very same `dataBytes`; and what was begun is over before
 *    anything else is set, so that the last word is the assignment's.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { killQuietly, type LaunchedCell } from './launch.ts';

const execFileAsync = promisify(execFile);
const PRLIMIT_DEADLINE_MS = 5_000;
/** What a process that waits may map until it is assigned: the limit for good counts from then. */
const GROWTH_BYTES = 16 * 2 ** 20;
/** Longer than most starts take. */
const LATER_MS = 100;

/** Absolute path of `prlimit`, or absent: then memory has no hard cap, and status says so. */
type Program = string | undefined;

export interface DataLimit {
  readonly dataBytes: number;
  /** Of a process that cells share: what it can be raised to when more of them come. Absent: it stays as it is set. */
  readonly mostDataBytes?: number;
}

/**
 * Set under the cell's own uid: that needs no capability, while even root needs one for processes of others. Where it is to be
 * raised later, the hard limit is `mostDataBytes` from the first assignment on, because nobody can raise that one again.
 */
export async function limitData(
  cell: LaunchedCell,
  { dataBytes, mostDataBytes }: DataLimit,
  prlimit: Program,
): Promise<Result<void, Problem>> {
  if (prlimit === undefined) return ok(undefined);
  const { process } = cell;
  try {
    const isFirst = !process.isLimited;
    process.isLimited = true;
    const mappedBytes = measured(cell);
    const most = mappedBytes + (mostDataBytes ?? dataBytes);
    const soft = Math.min(mappedBytes + dataBytes, most);
    await run(prlimit, cell, isFirst ? `${soft}:${most}` : `${soft}:`);
    return ok(undefined);
  } catch (error) {
    return err(problem('HW4001', `the memory limit could not be set: ${(error as Error).message}`));
  }
}

/** After the start, for which the one that was set ahead was good enough. */
export function limitDataLater(cell: LaunchedCell, limit: DataLimit, prlimit: Program): void {
  let isOver = false;
  void cell.exited.then(() => (isOver = true));
  const settle = async (): Promise<void> => {
    const limited = isOver ? ok(undefined) : await limitData(cell, limit, prlimit);
    // Without it, nothing says that it has the limit that it should have.
    if (!limited.ok && !isOver) killQuietly(cell.pid);
  };
  setTimeout(() => void settle(), LATER_MS);
}

export interface AheadLimit {
  readonly dataBytes: number;
  /** The most that any component of the engine may have: nobody gets this process who needs more. */
  readonly mostDataBytes: number;
}

/** For a process that waits. Whether it worked, its assignment finds out. */
export function limitDataAhead(cell: LaunchedCell, { dataBytes, mostDataBytes }: AheadLimit, prlimit: Program): void {
  const { process } = cell;
  if (prlimit === undefined || process.isLimited) return;
  const before = process.ahead;
  process.ahead = (async () => {
    await before;
    try {
      const mappedBytes = mappedBytesOf(cell.pid);
      if (!cell.isFiltered) {
        const mostBytes = mappedBytes + mostDataBytes + GROWTH_BYTES;
        process.hardBytes = Math.min(mostBytes, process.hardBytes ?? mostBytes);
      }
      await run(prlimit, cell, `${mappedBytes + dataBytes}:${process.hardBytes ?? ''}`);
      return dataBytes;
    } catch {
      return undefined;
    }
  })();
}

/** D1. Whatever is set from here on counts from what is mapped now, before the cell has been told anything. */
export async function isLimitedAhead(cell: LaunchedCell, { dataBytes, mostDataBytes }: DataLimit): Promise<boolean> {
  const ahead = await cell.process.ahead;
  try {
    measured(cell);
  } catch {
    // It has ended: whoever limits it says so.
    return false;
  }
  return ahead === dataBytes && mostDataBytes === undefined;
}

function measured({ pid, process }: LaunchedCell): number {
  return (process.mappedBytes ??= mappedBytesOf(pid));
}

async function run(prlimit: string, { pid, uid }: LaunchedCell, limit: string): Promise<void> {
  await execFileAsync(prlimit, ['--pid', String(pid), `--data=${limit}`], {
    timeout: PRLIMIT_DEADLINE_MS,
    env: {},
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

function mappedBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmData:\s*([0-9]+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1024;
}
