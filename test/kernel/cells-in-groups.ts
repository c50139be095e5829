/**
 * Runs in a machine of its own, as root: a daemon of two processes in a group that was delegated to it with the cpu controller, and
 * two cells that spin, of which one has a fifth of a processor. Prints what the kernel says, as one line of JSON.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openControlGroups, type ControlGroups } from '../../src/host/spawner/control-groups.ts';

export interface Seen {
  /** Why there are no groups, where that is so. */
  readonly refused?: string;
  readonly daemonIsMoved: boolean;
  readonly delegatedIsEmpty: boolean;
  /** Of the group of all cells. */
  readonly weight: string;
  readonly limited: CellSeen;
  readonly free: CellSeen;
  /** Groups that are left when the cells have been ended and the spawner goes. */
  readonly left: readonly string[];
}

export interface CellSeen {
  readonly max: string;
  readonly weight: string;
  readonly isIn: boolean;
  /** Of one processor, over the time that was looked at. */
  readonly used: number;
  /** Periods in which the kernel stopped it. */
  readonly throttled: number;
}

const MOUNT = '/sys/fs/cgroup';
const SERVICE = path.join(MOUNT, 'headway.service');
const LIMITED_MILLIS = 200;
const LOOK_MS = 5_000;

function text(...file: readonly string[]): string {
  return readFileSync(path.join(...file), 'utf8').trim();
}

function statOf(group: string, field: string): number {
  return Number(new RegExp(`^${field} ([0-9]+)$`, 'm').exec(text(group, 'cpu.stat'))![1]);
}

function start(command: string): ChildProcess & { readonly pid: number } {
  return spawn('/bin/sh', ['-c', command], { stdio: 'ignore' }) as ChildProcess & { readonly pid: number };
}

function cell(groups: ControlGroups, cpuMillis: number): ChildProcess & { readonly pid: number } {
  const child = start('while :; do :; done');
  groups.adopt(child.pid);
  groups.limit(child.pid, cpuMillis);
  return child;
}

async function look(groups: ControlGroups, pids: readonly number[]): Promise<readonly CellSeen[]> {
  const folders = pids.map((pid) => path.join(groups.folder, String(pid)));
  const [fromMs, from] = [performance.now(), folders.map((group) => statOf(group, 'usage_usec'))];
  await sleep(LOOK_MS);
  const elapsedMs = performance.now() - fromMs;
  return folders.map((group, at) => ({
    max: text(group, 'cpu.max'),
    weight: text(group, 'cpu.weight'),
    isIn: text(group, 'cgroup.procs') === String(pids[at]),
    used: (statOf(group, 'usage_usec') - from[at]!) / 1_000 / elapsedMs,
    throttled: statOf(group, 'nr_throttled'),
  }));
}

async function run(): Promise<Seen | Pick<Seen, 'refused'>> {
  writeFileSync(path.join(MOUNT, 'cgroup.subtree_control'), '+cpu');
  mkdirSync(SERVICE);
  const daemon = start('sleep 600');
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
  for (const { pid } of [daemon, child]) writeFileSync(path.join(SERVICE, 'cgroup.procs'), String(pid));
  const opened = openControlGroups('/run/one', { folder: SERVICE, daemonPid: process.pid });
  if (!opened.ok) return { refused: opened.error };
  const groups = opened.value;
  const cells = [cell(groups, LIMITED_MILLIS), cell(groups, 1_000)];
  const [limited, free] = await look(
    groups,
    cells.map(({ pid }) => pid),
  );
  const moved = text(SERVICE, 'headway-daemon', 'cgroup.procs').split('\n').map(Number);
  const seen = {
    daemonIsMoved: moved.includes(daemon.pid) && moved.includes(child.pid!),
    delegatedIsEmpty: text(SERVICE, 'cgroup.procs') === '',
    weight: text(groups.folder, 'cpu.weight'),
    limited: limited!,
    free: free!,
  };
  for (const one of [...cells, daemon, child]) one.kill('SIGKILL');
  await groups.close();
  return { ...seen, left: readdirSync(SERVICE).filter((name) => name === path.basename(groups.folder)) };
}

process.stdout.write(`seen ${JSON.stringify(await run())}\n`);
// Where it was refused, others still run.
process.exit();
