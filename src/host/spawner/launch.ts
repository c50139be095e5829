/** Starts one cell process, in the sandbox it is told. It boots on its own: `Booted` on its channel says when. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, ok, type Result } from '../../kit/result.ts';
import { describeExit, exitOf } from './exit.ts';
import type { CellExit } from './messages.ts';
import { GUEST_PRIORITY, LOWEST_PRIORITY, setPriority } from './priority.ts';
import type { CellCommand } from './sandbox.ts';
import type { SocketPair } from './socketpair.ts';

const INFO_DEADLINE_MS = 5_000;
const INFO_PERIOD_MS = 2;
const MAX_INFO_BYTES = 4_096;
/** Of 1000, which is "always first". */
const OUT_OF_MEMORY_SCORE = '800';

export interface LaunchedCell {
  /** Node's pid as the host sees it. */
  readonly pid: number;
  /** Its own, where it has one. */
  readonly uid: number | undefined;
  /** Whether a filter of system calls keeps it from changing its own limits. */
  readonly isFiltered: boolean;
  /** The engine's end: written to for the assignment, never read. */
  readonly channel: net.Socket;
  /** The broker's end of descriptor 4: handed on, never read or written. */
  readonly brokerEnd: net.Socket;
  readonly exited: Promise<CellExit>;
  /** What all slots of one process have in common. */
  readonly process: ProcessFacts;
}

export interface ProcessFacts {
  /** What it had mapped for writing at its first assignment; absent until then. */
  mappedBytes: number | undefined;
  /** It has the limit of an assignment. */
  isLimited: boolean;
  /** The limit that was set ahead, in `dataBytes`: when it is, and if it could be. */
  ahead?: Promise<number | undefined>;
  /** The hard limit that was set ahead, or tried to be: nobody can raise it. */
  hardBytes?: number;
}

/** What bubblewrap needs beside its arguments; with it, the command is bubblewrap's. */
export interface StrictDescriptors {
  /** Of the system call filter. */
  readonly filter: number;
  /**
   * Of an empty file, where bubblewrap writes what it started. Not a pipe: a spawner that dies in that moment would end
   * bubblewrap by SIGPIPE, and leave behind the half of it that waits for the other.
   */
  readonly info: number;
}

export interface SlotPairs {
  readonly pair: SocketPair;
  /** Between the cell and whatever broker there is. */
  readonly brokerPair: SocketPair;
}

export interface LaunchRequest {
  readonly command: CellCommand;
  /** Of each slot. */
  readonly slots: readonly SlotPairs[];
  readonly strict?: StrictDescriptors;
  readonly uid: number | undefined;
  /** It runs at the lowest priority until it is assigned: nobody waits for it, and that can be taken back. */
  readonly lower: boolean;
}

/** One of each slot, all of the same process. */
export async function launch(request: LaunchRequest): Promise<Result<readonly LaunchedCell[], string>> {
  const { command, slots, strict, uid, lower } = request;
  const pairs = slots.flatMap(({ pair, brokerPair }) => [pair, brokerPair]);
  const child = spawn(command.file, command.args, {
    stdio: [
      'ignore',
      'ignore',
      'pipe',
      ...pairs.map(({ cellEnd }) => cellEnd),
      ...(strict ? [strict.info, strict.filter] : []),
    ],
    env: command.env,
    cwd: '/',
    // A session of its own, and no second one inside bubblewrap: it has no terminal, what one sends to everybody in it is not
    // for cells, which drain first, and its share of the processor is set once for all that is in it.
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  // Booting competes with traffic for the processor.
  const priority = lower ? LOWEST_PRIORITY : GUEST_PRIORITY;
  if (child.pid !== undefined) setPriority(child.pid, priority);
  const exited = exitOf(child);
  for (const { cellEnd } of pairs) cellEnd.destroy();
  const pid = strict ? await pidInside(child, strict.info, exited) : await pidOf(child, exited);
  if (!pid.ok) {
    killGroup(child);
    for (const { engineEnd } of pairs) engineEnd.destroy();
    return pid;
  }
  // What bubblewrap started before it was told has not heard of it.
  if (strict) setPriority(pid.value, priority);
  // Anyone with our uid could end bubblewrap's own process; the cell must not outlive it unseen.
  if (strict) void exited.then(() => killQuietly(pid.value));
  preferForEnd(pid.value);
  const isFiltered = strict !== undefined;
  const common = {
    pid: pid.value,
    uid,
    isFiltered,
    exited,
    process: { mappedBytes: undefined, isLimited: false },
  };
  return ok(
    slots.map(({ pair, brokerPair }) => ({ ...common, channel: pair.engineEnd, brokerEnd: brokerPair.engineEnd })),
  );
}

async function pidOf(child: ChildProcess, exited: Promise<CellExit>): Promise<Result<number, string>> {
  return child.pid === undefined ? err(describeExit(await exited)) : ok(child.pid);
}

/** Node's pid outside the sandbox, which bubblewrap writes down in pieces; the last of them closes the object. */
async function pidInside(
  child: ChildProcess,
  infoDescriptor: number,
  exited: Promise<CellExit>,
): Promise<Result<number, string>> {
  if (child.pid === undefined) return pidOf(child, exited);
  let exit: CellExit | undefined;
  void exited.then((how) => (exit = how));
  const info = Buffer.alloc(MAX_INFO_BYTES);
  for (const deadlineAtMs = performance.now() + INFO_DEADLINE_MS; performance.now() < deadlineAtMs;) {
    const bytes = readSync(infoDescriptor, info, 0, MAX_INFO_BYTES, 0);
    const pid = /"child-pid":\s*([0-9]+)[^}]*\}/.exec(info.toString('latin1', 0, bytes))?.[1];
    if (pid !== undefined) return ok(Number(pid));
    if (exit) return err(describeExit(exit));
    await sleep(INFO_PERIOD_MS);
  }
  return err('bubblewrap did not start the cell in time');
}

/** A machine without memory loses cells before anything else: their calls are answered, and they start again. */
function preferForEnd(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, OUT_OF_MEMORY_SCORE);
  } catch {
    // Not ours to say here; the kernel chooses by size.
  }
}

/** Both halves of a bubblewrap that did not come up: alone, one would wait for the other for ever. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) killQuietly(-child.pid);
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
