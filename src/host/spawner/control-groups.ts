/**
 * A control group (cgroup v2) for each cell, where the daemon runs in a subtree that is delegated to it: systemd's
 * `Delegate=yes`, or root with a mount that can be written to. Whether that is so is found out by trying, once, at start.
 *
 *   <delegated>/headway-daemon/           our own processes: a group with children that have controllers may have none of its own
 *   <delegated>/headway-<run folder>/     all cells of one engine: together at the weight of one process at nice 5
 *     <pid>/                              one cell: `cpu.weight` and `cpu.max` by its `limits.cpu`
 *
 * Invariants
 * G1 Nothing is written where the cpu controller is not there, and nobody is moved but the daemon's own processes.
 * G2 A group is removed only by `rmdir`, which the kernel refuses while a process is in it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, ok, type Result } from '../../kit/result.ts';
import { killQuietly } from './launch.ts';
import { STAT, statFieldOf } from './process-stat.ts';

const DAEMON_GROUP = 'headway-daemon';
const PERIOD_MICROS = 100_000;
/** The kernel takes no shorter one. */
const MIN_QUOTA_MICROS = 1_000;
/** The kernel's table has this for nice 5, where nice 0 is 100. */
const WEIGHT_OF_ALL_CELLS = 33;
/** Of a cell that may use one processor. */
const WEIGHT_OF_A_PROCESSOR = 100;
const LOWEST_WEIGHT = 1;
const HIGHEST_WEIGHT = 10_000;
/** A file that every group has but the one that is the machine. */
const NOT_IN_THE_ROOT = 'cgroup.type';
/** Processes that are started while the others are moved. */
const MOVE_ATTEMPTS = 5;
/** A process that was killed leaves its group a little later. */
const LEAVE_DEADLINE_MS = 1_000;
const LEAVE_PERIOD_MS = 10;

export interface GroupPlace {
  /** Absolute path of the group that we are in. */
  readonly folder: string;
  /** The topmost of the daemon's processes: only it and what it has started is ours to move. */
  readonly daemonPid: number;
  /** Pid → its parent's; `undefined` where it has ended. */
  readonly parentOf?: (pid: number) => number | undefined;
}

export class ControlGroups {
  readonly folder: string;

  /** @param folder the group of all cells, which has the cpu controller for its children. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** A process that boots gets a group, at the lowest weight. @throws what the kernel says. */
  adopt(pid: number): void {
    const group = this.#of(pid);
    mkdirSync(group);
    write(group, 'cpu.weight', LOWEST_WEIGHT);
    write(group, 'cgroup.procs', pid);
  }

  /** From here on it runs a guest. @throws what the kernel says. */
  limit(pid: number, cpuMillis: number): void {
    const group = this.#of(pid);
    write(group, 'cpu.max', cpuMax(cpuMillis));
    write(group, 'cpu.weight', cpuWeight(cpuMillis));
  }

  /** Removes the groups that nobody is in (G2). */
  tidy(): void {
    for (const name of groupsIn(this.folder)) removeQuietly(path.join(this.folder, name));
  }

  /** Ends what earlier lives left in their groups, and removes these. */
  async sweep(keep: ReadonlySet<number>): Promise<void> {
    const left = groupsIn(this.folder).filter((name) => !keep.has(Number(name)));
    for (const name of left) for (const pid of membersOf(path.join(this.folder, name))) killQuietly(pid);
    await this.#removed(left);
  }

  /** Every cell has been killed. */
  async close(): Promise<void> {
    await this.#removed(groupsIn(this.folder));
    removeQuietly(this.folder);
  }

  async #removed(names: readonly string[]): Promise<void> {
    let left = names.map((name) => path.join(this.folder, name));
    for (let waitedMs = 0; waitedMs < LEAVE_DEADLINE_MS; waitedMs += LEAVE_PERIOD_MS) {
      left = left.filter((group) => !removeQuietly(group));
      if (left.length === 0) return;
      await sleep(LEAVE_PERIOD_MS);
    }
  }

  #of(pid: number): string {
    return path.join(this.folder, String(pid));
  }
}

/** The share of a whole processor and more is kept by the weight: the guest has one thread (ADR 0115). */
export function cpuMax(cpuMillis: number): string {
  if (cpuMillis >= 1_000) return `max ${PERIOD_MICROS}`;
  return `${Math.max(MIN_QUOTA_MICROS, Math.round((cpuMillis * PERIOD_MICROS) / 1_000))} ${PERIOD_MICROS}`;
}

export function cpuWeight(cpuMillis: number): number {
  const weight = Math.round((cpuMillis * WEIGHT_OF_A_PROCESSOR) / 1_000);
  return Math.min(HIGHEST_WEIGHT, Math.max(LOWEST_WEIGHT, weight));
}

/** Makes the group of all cells, or says why there is none. */
export function openControlGroups(runFolder: string, place = findPlace()): Result<ControlGroups, string> {
  if (typeof place === 'string') return err(place);
  // A spawner before us has moved the daemon already.
  const isMoved = path.basename(place.folder) === DAEMON_GROUP;
  const delegated = isMoved ? path.dirname(place.folder) : place.folder;
  if (!controllersOf(delegated).includes('cpu')) return err('its cgroup has no cpu controller');
  const folder = path.join(delegated, `headway-${nameOf(runFolder)}`);
  const refused = makeGroupOfCells(delegated, folder, place);
  if (refused === undefined) return ok(new ControlGroups(folder));
  removeQuietly(folder);
  return err(refused);
}

function makeGroupOfCells(delegated: string, folder: string, place: GroupPlace): string | undefined {
  try {
    mkdirSync(folder, { recursive: true });
    const refused = giveToChildren(delegated, place);
    if (refused !== undefined) return refused;
    write(folder, 'cpu.weight', WEIGHT_OF_ALL_CELLS);
    write(folder, 'cgroup.subtree_control', '+cpu');
    return undefined;
  } catch (error) {
    return `its cgroup is not delegated to it: ${(error as Error).message}`;
  }
}

/**
 * Nobody may stay in the group itself, the root of the machine aside. That is asked before, because the kernel says so (EBUSY) for
 * controllers of whole processes only: `cpu`, one of threads, it gives to a group that somebody is in, and then lets nobody
 * into the children (EOPNOTSUPP; cgroups(7), "Domain invalid").
 */
export function giveToChildren(delegated: string, place: GroupPlace, controller = 'cpu'): string | undefined {
  const refused = existsSync(path.join(delegated, NOT_IN_THE_ROOT)) ? moveDaemon(delegated, place) : undefined;
  if (refused === undefined) write(delegated, 'cgroup.subtree_control', `+${controller}`);
  return refused;
}

function moveDaemon(delegated: string, place: GroupPlace): string | undefined {
  for (let attempt = 0; attempt < MOVE_ATTEMPTS; attempt++) {
    const members = membersOf(delegated);
    if (members.length === 0) return undefined;
    if (!members.every((pid) => isOurs(pid, place))) return 'others than the daemon are in its cgroup';
    const daemon = path.join(delegated, DAEMON_GROUP);
    mkdirSync(daemon, { recursive: true });
    for (const pid of members) moveQuietly(daemon, pid);
  }
  return `the daemon cannot be moved into ${DAEMON_GROUP}`;
}

function isOurs(pid: number, { daemonPid, parentOf = parentInProc }: GroupPlace): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 0; at = parentOf(at))
    if (at === daemonPid) return true;
  return false;
}

function parentInProc(pid: number): number | undefined {
  const parent = statFieldOf(pid, STAT.parent);
  return parent === undefined ? undefined : Number(parent);
}

/** Supervisor → engine → spawner, which we are. */
function findPlace(): GroupPlace | string {
  const mount = /^\S+ \S+ \S+ (\S+) (\S+) .* - cgroup2 /m.exec(readQuietly('/proc/self/mountinfo'));
  const own = /^0::(.*)$/m.exec(readQuietly('/proc/self/cgroup'))?.[1];
  if (!mount || own === undefined) return 'there is no cgroup v2';
  const [, root, mountPoint] = mount;
  const below = path.posix.relative(root!, own);
  if (below.startsWith('..')) return 'its cgroup is not in the mount of cgroup v2';
  return { folder: path.join(mountPoint!, below), daemonPid: parentInProc(process.ppid) ?? process.ppid };
}

/** One daemon sees none of the groups of another in the same place. */
function nameOf(runFolder: string): string {
  return createHash('sha256').update(runFolder).digest('hex').slice(0, 12);
}

function controllersOf(group: string): readonly string[] {
  return readQuietly(path.join(group, 'cgroup.controllers')).trim().split(' ');
}

function membersOf(group: string): readonly number[] {
  return readQuietly(path.join(group, 'cgroup.procs'))
    .split('\n')
    .flatMap((line) => (/^[1-9][0-9]*$/.test(line) ? [Number(line)] : []));
}

function groupsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^[0-9]+$/.test(name));
  } catch {
    return [];
  }
}

function write(group: string, file: string, value: string | number): void {
  writeFileSync(path.join(group, file), String(value));
}

function moveQuietly(group: string, pid: number): void {
  try {
    write(group, 'cgroup.procs', pid);
  } catch {
    // It has ended. Where that is not so, it is found there again.
  }
}

/** False where somebody is in it. */
function removeQuietly(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
