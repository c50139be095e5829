/** Cells that share a process, in each sandbox that one can have. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAT, statField } from '../../src/host/spawner/process-stat.ts';
import type { EntryKey } from '../../src/model/component.ts';
import type { Bundle, CellSpec } from '../../src/model/engine.ts';
import { LOST, TAKEN_ALONG, type CellCaller } from '../../src/wire/cell-caller.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { MAX_SLOTS } from '../../src/wire/slots.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, get, isAlive, LIMITS, MIB, RunningHost, type CellChoice } from './running.ts';

/** What its threads have had of the processor, in hundredths of a second. */
function ticksOf(pid: number): number {
  return Number(statField(readFileSync(`/proc/${pid}/stat`, 'latin1'), STAT.userTicks));
}

describe.each(['Strict', 'Process'] as const)('cells that share a process as %s', (kind) => {
  let running: RunningHost;
  let testbed: Bundle;
  let managed: Bundle;
  let lastId = 0;

  beforeAll(async () => {
    running = new RunningHost({ maxReplicas: 64, ...(kind === 'Process' ? { forbidStrict: 'not here' } : {}) });
    testbed = await bundleOf('testbed', running.storeFolder, LIMITS.memoryBytes);
    managed = await bundleOf('testbed-managed', running.storeFolder, LIMITS.memoryBytes);
  });
  afterAll(() => running.stop());

  /** Ids of replicas are never used twice, nor is a namespace: what earlier tests left shares nothing with the next. */
  const nextNamespace = (): string => `n${++lastId}`;
  const idOf = (entry: EntryKey): string => `${entry}#${++lastId}`;

  function sharing(entry: EntryKey, choice: CellChoice = {}, bundle = testbed): CellSpec {
    return { ...cellOf(bundle, { isolation: 'Shared', group: `${entry}@b0b0c3d4e5f6`, ...choice }), entry };
  }

  async function start(entry: EntryKey, choice: CellChoice = {}, bundle = testbed) {
    const id = idOf(entry);
    const caller = await running.ready(id, sharing(entry, choice, bundle));
    return { id, entry, caller, pid: running.replica(id).pid! };
  }

  async function three(names: readonly string[] = ['a', 'b', 'c']) {
    const namespace = nextNamespace();
    return Promise.all(names.map((name) => start(`${namespace}/${name}`)));
  }

  const statusOf = async (caller: CellCaller, target = '/healthz') => (await get(caller, target)).status;

  it('are one process in the same sandbox as others, and each answers on its own channel', async () => {
    const cells = await three();
    expect(new Set(cells.map(({ pid }) => pid)).size).toBe(1);
    for (const { id, caller } of cells) {
      expect(running.replica(id)).toMatchObject({ isolation: kind, sharedBy: 3 });
      expect(await statusOf(caller)).toBe(200);
    }
    const open = readdirSync(`/proc/${cells[0]!.pid}/fd`).map((fd) => [
      Number(fd),
      readlinkSync(`/proc/${cells[0]!.pid}/fd/${fd}`),
    ]);
    const sockets = open.filter(([fd, target]) => Number(fd) > 2 && String(target).startsWith('socket:'));
    // Two of each slot, and no more.
    expect(sockets.map(([fd]) => fd).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 2 * MAX_SLOTS }, (_, index) => 3 + index),
    );
  });

  it('are of one namespace, and never two of one entry', async () => {
    const [a] = await three(['a', 'b']);
    const again = await start(a!.entry);
    const elsewhere = await start(`${nextNamespace()}/a`);
    expect(new Set([a!.pid, again.pid, elsewhere.pid]).size).toBe(3);
  });

  it(`are ${MAX_SLOTS}: one more is in another process`, async () => {
    const names = Array.from({ length: MAX_SLOTS + 1 }, (_, index) => `e${index}`);
    const cells = await three(names);
    const pids = cells.map(({ pid }) => pid);
    const counts = [...new Set(pids)].map((pid) => pids.filter((one) => one === pid).length);
    expect(counts.sort((one, other) => one - other)).toEqual([1, MAX_SLOTS]);
  }, 60_000);

  it('leave alone: what the others do goes on, the memory is given back, the last one ends the process', async () => {
    const [a, b] = await three(['a', 'b']);
    const slow = get(b!.caller, '/sleep?ms=400');
    running.host.stop(a!.id, 2_000);
    expect(await running.ended(a!.id)).toMatchObject({ end: 'Stopped' });
    expect(await slow).toMatchObject({ end: Outcome.Ok, status: 200 });
    expect(isAlive(b!.pid)).toBe(true);
    await running.until('the slot to be left', () => running.replica(b!.id).sharedBy === 1);
    // A slot that had a cell is not used again, the others are.
    const c = await start(b!.entry.replace(/b$/, 'c') as EntryKey);
    expect(c.pid).toBe(b!.pid);
    running.host.stop(b!.id, 0);
    running.host.stop(c.id, 0);
    await running.until('the end of the process', () => !isAlive(b!.pid));
  });

  it('are told who ended their process, and only that one has failed', async () => {
    const [a, b, c] = await three();
    const waiting = get(b!.caller, '/sleep?ms=20000');
    // Long enough to have begun: one that hears of its cancel first ends.
    expect(await get(a!.caller, '/spin', 1_000)).toMatchObject({ end: Outcome.Deadline });
    expect((await waiting).end).toBe(TAKEN_ALONG);
    expect(await running.ended(a!.id)).toMatchObject({ end: 'LimitExceeded', problem: { code: 'HW4111' } });
    for (const other of [b!, c!]) {
      const { end, problem } = await running.ended(other.id);
      expect([end, problem?.code]).toEqual(['WithOthers', 'HW4140']);
      expect(problem?.message).toBe(
        `${other.id} ended with the process that it shared, because of ${a!.id}: ` +
          `a call of ${a!.id} did not end within 50 ms of its cancel`,
      );
    }
    await running.until('the end of the process', () => !isAlive(a!.pid));
    // Who took others along is by itself for a while; they come together again.
    const [again, beside, third] = [await start(a!.entry), await start(b!.entry), await start(c!.entry)];
    expect(running.replica(again.id).sharedBy).toBeUndefined();
    expect(beside.pid).toBe(third.pid);
    expect(again.pid).not.toBe(beside.pid);
  });

  it('are not blamed for a deadline that passes while another one has the thread', async () => {
    const [a, b] = await three(['a', 'b']);
    const before = ticksOf(a!.pid);
    const spinning = get(a!.caller, '/spin', 6_000);
    await running.until('it spins', () => ticksOf(a!.pid) > before + 10);
    // Long over when the one that spins is at its own.
    expect(await get(b!.caller, '/healthz', 100)).toMatchObject({ end: Outcome.Deadline });
    await sleep(200);
    expect(running.replica(b!.id).phase).toBe('Ready');
    expect(await spinning).toMatchObject({ end: Outcome.Deadline });
    expect(await running.ended(a!.id)).toMatchObject({ end: 'LimitExceeded' });
    expect(await running.ended(b!.id)).toMatchObject({ end: 'WithOthers' });
  });

  it('have not failed where they had no call when the process was killed', async () => {
    const [a, b] = await three(['a', 'b']);
    const slow = get(a!.caller, '/sleep?ms=20000');
    await sleep(50);
    process.kill(a!.pid, 'SIGKILL');
    expect((await slow).end).toBe(LOST);
    expect(await running.ended(a!.id)).toMatchObject({ end: 'Crashed', problem: { code: 'HW4107' } });
    const other = await running.ended(b!.id);
    expect(other).toMatchObject({ end: 'WithOthers', problem: { code: 'HW4140' } });
    expect(other.problem?.message).toContain(`while ${a!.id} had a call`);
  });

  it('do not go with one that does not start', async () => {
    const [a] = await three(['a']);
    const bad = idOf(`${a!.entry.slice(0, -2)}/bad`);
    const entry = bad.slice(0, bad.indexOf('#')) as EntryKey;
    running.host.start(bad, sharing(entry, { env: { INIT: 'fail' } }, managed));
    expect(await running.ended(bad)).toMatchObject({ end: 'StartFailed', problem: { code: 'HW4104' } });
    expect(await statusOf(a!.caller)).toBe(200);
    expect(isAlive(a!.pid)).toBe(true);
  });

  it('do not wait for one that spins while it starts: it is known by its turn, and ended with the process', async () => {
    const [a] = await three(['a']);
    const namespace = a!.entry.slice(0, -2);
    const entry: EntryKey = `${namespace}/bad`;
    const bad = idOf(entry);
    running.host.start(bad, sharing(entry, { env: { INIT: 'spin' }, limits: { startTimeoutMs: 3_000 } }, managed));
    expect(await running.ended(bad)).toMatchObject({ end: 'StartFailed', problem: { code: 'HW4105' } });
    const other = await running.ended(a!.id);
    expect(other).toMatchObject({ end: 'WithOthers' });
    expect(other.problem?.message).toContain(`because of ${bad}: it did not leave when it was told to`);
  });

  it('may map together what each of them may, and the guest cannot raise it', async () => {
    const softOf = (pid: number): readonly number[] =>
      /^Max data size\s+(\d+)\s+(\d+)/m
        .exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))!
        .slice(1)
        .map(Number);
    const namespace = nextNamespace();
    const a = await start(`${namespace}/a`, { limits: { memoryBytes: 16 * MIB } });
    const [one, most] = softOf(a.pid);
    const b = await start(`${namespace}/b`, { limits: { memoryBytes: 16 * MIB } });
    const [two, still] = softOf(b.pid);
    expect(b.pid).toBe(a.pid);
    expect(two! - one!).toBeGreaterThan(200 * MIB);
    expect(still).toBe(most);
    running.host.stop(a.id, 0);
    await running.until('the slot to be left', () => running.replica(b.id).sharedBy === 1);
    await start(`${namespace}/c`, { limits: { memoryBytes: 16 * MIB } });
    expect(softOf(b.pid)[0]).toBe(two);
    expect(most! - one!).toBeGreaterThan(3_000 * MIB);
  });
});

it('shares nothing with an ordinary cell, which has its two descriptors', async () => {
  const running = new RunningHost();
  const bundle = await bundleOf('testbed', running.storeFolder, LIMITS.memoryBytes);
  await running.ready('shop/a#1', {
    ...cellOf(bundle, { isolation: 'Shared', group: 'shop/a@b0b0c3d4e5f6' }),
    entry: 'shop/a',
  });
  await running.ready('shop/b#1', { ...cellOf(bundle, { group: 'shop/b@b0b0c3d4e5f6' }), entry: 'shop/b' });
  const { pid, sharedBy } = running.replica('shop/b#1');
  expect(sharedBy).toBeUndefined();
  expect(pid).not.toBe(running.replica('shop/a#1').pid);
  const sockets = readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:'),
  );
  expect(sockets.filter((fd) => Number(fd) > 2)).toEqual(['3', '4']);
  await running.stop();
});
