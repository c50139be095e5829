/** Starts one cell process, in the sandbox it is told. It boots on its own: `Booted` on its channel says when. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type net from 'node:net';
import os from 'node:os';
import type { Readable } from 'node:stream';
import { err, ok, type Result } from '../../kit/result.ts';
import { describeExit, exitOf } from './exit.ts';
import type { CellExit } from './messages.ts';
import { INFO_DESCRIPTOR, type CellCommand } from './sandbox.ts';
import type { SocketPair } from './socketpair.ts';

const INFO_DEADLINE_MS = 5_000;
const MAX_INFO_BYTES = 4_096;
/** Of 1000, which is "always first". */
const OUT_OF_MEMORY_SCORE = '800';
export const LOWEST_PRIORITY = 19;

export interface LaunchedCell {
  /** Node's pid as the host sees it. */
  readonly pid: number;
  /** Its own, where it has one. */
  readonly uid: number | undefined;
  /** Whether it runs at the lowest priority until it is assigned. */
  readonly lowered: boolean;
  /** The engine's end: written to for the assignment, never read. */
  readonly channel: net.Socket;
  readonly exited: Promise<CellExit>;
}

export interface LaunchRequest {
  readonly command: CellCommand;
  readonly pair: SocketPair;
  /** Of the system call filter: with it, `command` is bubblewrap's. */
  readonly filterDescriptor?: number;
  readonly uid: number | undefined;
  /** Whether its priority can be taken back at the assignment. */
  readonly lower: boolean;
}

export async function launch(request: LaunchRequest): Promise<Result<LaunchedCell, string>> {
  const { command, pair, filterDescriptor, uid, lower } = request;
  const strict = filterDescriptor !== undefined;
  const child = spawn(command.file, command.args, {
    stdio: ['ignore', 'ignore', 'pipe', pair.cellEnd, ...(strict ? ['pipe' as const, filterDescriptor] : [])],
    env: {},
    cwd: '/',
    // A session of its own: what a terminal sends to everybody in it is not for cells, which drain first.
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  // Booting competes with traffic for the processor.
  if (child.pid !== undefined && lower) os.setPriority(child.pid, LOWEST_PRIORITY);
  const exited = exitOf(child);
  pair.cellEnd.destroy();
  const pid = strict ? await pidInside(child, exited) : await pidOf(child, exited);
  if (!pid.ok) {
    child.kill('SIGKILL');
    pair.engineEnd.destroy();
    return pid;
  }
  // Anyone with our uid could end bubblewrap's own process; the cell must not outlive it unseen.
  if (strict) void exited.then(() => killQuietly(pid.value));
  preferForEnd(pid.value);
  return ok({ pid: pid.value, uid, lowered: lower, channel: pair.engineEnd, exited });
}

async function pidOf(child: ChildProcess, exited: Promise<CellExit>): Promise<Result<number, string>> {
  return child.pid === undefined ? err(describeExit(await exited)) : ok(child.pid);
}

/**
 * Node's pid outside the sandbox, which bubblewrap says on a descriptor of its own, in pieces: closing our end before the
 * last of them would end it by SIGPIPE, with the cell waiting for it for ever.
 */
async function pidInside(child: ChildProcess, exited: Promise<CellExit>): Promise<Result<number, string>> {
  if (child.pid === undefined) return pidOf(child, exited);
  const info = child.stdio[INFO_DESCRIPTOR] as Readable;
  let timer: NodeJS.Timeout | undefined;
  const pid = await new Promise<Result<number, string>>((resolve) => {
    let text = '';
    info.on('data', (bytes: Buffer) => {
      text = (text + bytes.toString('latin1')).slice(0, MAX_INFO_BYTES);
      const found = /"child-pid":\s*([0-9]+)[^}]*\}/.exec(text)?.[1];
      if (found !== undefined) resolve(ok(Number(found)));
    });
    info.on('error', () => undefined);
    timer = setTimeout(() => resolve(err('bubblewrap did not start the cell in time')), INFO_DEADLINE_MS);
    void exited.then((exit) => resolve(err(describeExit(exit))));
  });
  clearTimeout(timer);
  return pid;
}

/** A machine without memory loses cells before anything else: their calls are answered, and they start again. */
function preferForEnd(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, OUT_OF_MEMORY_SCORE);
  } catch {
    // Not ours to say here; the kernel chooses by size.
  }
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
