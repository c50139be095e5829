/**
 * What is written where is shown in a folder that looks like a control group and is none; who may be in which group, and when
 * one goes, by the kernel's own cgroup v2, where there is one to write to. What it makes of `cpu.max`: test/kernel.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ControlGroups,
  cpuMax,
  cpuWeight,
  giveToChildren,
  openControlGroups,
} from '../../src/host/spawner/control-groups.ts';

describe('what limits.cpu is to a control group', () => {
  it.each([
    [5, '1000 100000', 1],
    [10, '1000 100000', 1],
    [11, '1100 100000', 1],
    [500, '50000 100000', 50],
    [999, '99900 100000', 100],
    [1_000, 'max 100000', 100],
    [100_000, 'max 100000', 10_000],
    [100_010, 'max 100000', 10_000],
  ])('%d thousandths of a processor: cpu.max %s, cpu.weight %d', (millis, max, weight) => {
    expect(cpuMax(millis)).toBe(max);
    expect(cpuWeight(millis)).toBe(weight);
  });
});

describe('in a folder that looks like one', () => {
  let folder: string;
  const place = () => ({ folder, daemonPid: process.pid });
  const text = (file: string): string => readFileSync(path.join(folder, file), 'utf8');
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'headway-cgroup-'));
    writeFileSync(path.join(folder, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('gives the controller to the cells, and each its own, at the lowest weight until a guest runs', () => {
    const opened = openControlGroups('/run/one', place());
    if (!opened.ok) throw new Error(opened.error);
    const cells = path.basename(opened.value.folder);
    expect(cells).toMatch(/^headway-[0-9a-f]{12}$/);
    expect(text('cgroup.subtree_control')).toBe('+cpu');
    expect(text(`${cells}/cgroup.subtree_control`)).toBe('+cpu');
    expect(text(`${cells}/cpu.weight`)).toBe('33');
    opened.value.adopt(4711);
    expect(text(`${cells}/4711/cgroup.procs`)).toBe('4711');
    expect(text(`${cells}/4711/cpu.weight`)).toBe('1');
    opened.value.limit(4711, 500);
    expect(text(`${cells}/4711/cpu.weight`)).toBe('50');
    expect(text(`${cells}/4711/cpu.max`)).toBe('50000 100000');
  });

  it('is found again by the next spawner, which runs where the first has moved it', () => {
    const first = openControlGroups('/run/one', place());
    mkdirSync(path.join(folder, 'headway-daemon'));
    const next = openControlGroups('/run/one', { ...place(), folder: path.join(folder, 'headway-daemon') });
    expect(next).toEqual(first);
    expect(openControlGroups('/run/two', place())).not.toEqual(first);
  });

  it('writes nothing where the cpu controller is not there (G1)', () => {
    writeFileSync(path.join(folder, 'cgroup.controllers'), 'hugetlb\n');
    expect(openControlGroups('/run/one', place())).toEqual({ ok: false, error: 'its cgroup has no cpu controller' });
    expect(readdirSync(folder)).toEqual(['cgroup.controllers']);
  });

  it('says why where it may not write, and leaves nothing behind', () => {
    mkdirSync(path.join(folder, 'cgroup.subtree_control'));
    const opened = openControlGroups('/run/one', place());
    expect(opened).toMatchObject({ ok: false, error: expect.stringContaining('not delegated to it: EISDIR') });
    expect(readdirSync(folder).toSorted()).toEqual(['cgroup.controllers', 'cgroup.subtree_control']);
  });
});

const real = realPlace();

describe.skipIf(real === undefined)('in a group of the kernel', () => {
  const sleepers: ChildProcess[] = [];
  let group: string;
  beforeEach(() => {
    group = mkdtempSync(path.join(real!.mount, 'headway-test-'));
  });
  afterEach(async () => {
    await ended();
    for (const name of readdirSync(group, { withFileTypes: true }))
      if (name.isDirectory()) rmdirSync(path.join(group, name.name));
    rmdirSync(group);
  });

  function sleeperIn(folder: string): number {
    const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
    sleepers.push(child);
    writeFileSync(path.join(folder, 'cgroup.procs'), String(child.pid));
    return child.pid!;
  }

  async function ended(): Promise<void> {
    for (const child of sleepers.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    }
  }

  const members = (folder: string): string => readFileSync(path.join(folder, 'cgroup.procs'), 'utf8');
  afterAll(() => {
    if (real?.isNew) writeFileSync(path.join(real.mount, 'cgroup.subtree_control'), `-${real.controller}`);
  });

  it('moves the daemon out of the way of its cells, whoever it is made of', () => {
    const pid = sleeperIn(group);
    expect(giveToChildren(group, { folder: group, daemonPid: process.pid }, real!.controller)).toBeUndefined();
    expect(members(group)).toBe('');
    expect(members(path.join(group, 'headway-daemon'))).toBe(`${pid}\n`);
  });

  it('moves nobody where a stranger is in it (G1)', () => {
    const pid = sleeperIn(group);
    const place = { folder: group, daemonPid: 2 ** 30 };
    expect(giveToChildren(group, place, real!.controller)).toBe('others than the daemon are in its cgroup');
    expect(members(group)).toBe(`${pid}\n`);
  });

  it('leaves groups with somebody in them, removes the others (G2), and ends what an earlier life left', async () => {
    const groups = new ControlGroups(group);
    for (const name of ['10', '11', '12']) mkdirSync(path.join(group, name));
    sleeperIn(path.join(group, '10'));
    sleeperIn(path.join(group, '11'));
    groups.tidy();
    expect(namesIn(group)).toEqual(['10', '11']);
    const left = sleepers[0]!;
    await groups.sweep(new Set([11]));
    expect(namesIn(group)).toEqual(['11']);
    await expect.poll(() => left.signalCode).toBe('SIGKILL');
  });
});

function namesIn(group: string): readonly string[] {
  return readdirSync(group).filter((name) => /^[0-9]+$/.test(name));
}

/** Where a group of our own can be made, and a controller that it can have; nothing where that is not so. */
function realPlace(): { readonly mount: string; readonly controller: string; readonly isNew: boolean } | undefined {
  try {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1');
    const mount = /^\S+ \S+ \S+ \/ (\S+) .* - cgroup2 /m.exec(mounts)?.[1] ?? '';
    const [controller] = namesOf(path.join(mount, 'cgroup.controllers'));
    if (controller === undefined) return undefined;
    const isNew = !namesOf(path.join(mount, 'cgroup.subtree_control')).includes(controller);
    writeFileSync(path.join(mount, 'cgroup.subtree_control'), `+${controller}`);
    rmdirSync(mkdtempSync(path.join(mount, 'headway-test-')));
    return { mount, controller, isNew };
  } catch {
    return undefined;
  }
}

function namesOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8')
    .split(/\s+/)
    .filter((name) => name !== '');
}
