/** Replicas that calls wait for: without a process, woken by a call, within the memory of the engine, or not; and awaited. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replicaBudget } from '../../src/host/budget.ts';
import type { HostOptions } from '../../src/host/host.ts';
import type { Bundle, CellSpec } from '../../src/model/engine.ts';
import type { Beside } from '../../src/wire/cell-caller.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, GROUP, MIB, RunningHost } from './running.ts';

let store: RunningHost;
let bundle: Bundle;
beforeAll(async () => {
  store = new RunningHost({ poolSize: 0 });
  bundle = await bundleOf('testbed', store.storeFolder, 16 * MIB);
});
afterAll(() => store.stop());

function open(options: Partial<HostOptions> = {}): { readonly running: RunningHost; readonly beside: () => Beside } {
  let last: Beside = {};
  const running: RunningHost = new RunningHost({
    storeFolder: store.storeFolder,
    poolSize: 1,
    onReady: (group, _callers, beside) => {
      if (group === GROUP) last = beside;
    },
    ...options,
  });
  return { running, beside: () => last };
}

const parked = (cell: CellSpec): CellSpec => ({ ...cell, parked: true });

describe('a parked replica', () => {
  it('has no process until it is woken, and once however often that is asked', async () => {
    const { running, beside } = open();
    expect(running.host.start('a', parked(cellOf(bundle))).ok).toBe(true);
    expect(running.replica('a')).toMatchObject({ phase: 'Parked' });
    expect(running.replica('a').pid).toBeUndefined();
    const standby = beside().standby!;
    expect(standby.queue).toBe(16);
    expect([standby.wake(), standby.wake(), beside().standby!.wake()]).toEqual([undefined, undefined, undefined]);
    await running.until('it is ready', () => running.replica('a').phase === 'Ready');
    expect(beside().standby).toBeUndefined();
    expect(running.host.observe().replicas).toHaveLength(1);
    await running.host.close(0);
  });

  it('keeps no memory for itself; one that does not fit stays parked and says why, until there is room', async () => {
    const cell = cellOf(bundle);
    const { running, beside } = open({ memoryBytes: 2 * replicaBudget(cell).reservedBytes - 1 });
    expect(running.host.start('a', parked(cell)).ok).toBe(true);
    expect(running.host.start('b', { ...cell, group: 'shop/other@b0b0c3d4e5f6' }).ok).toBe(true);
    running.host.start('c', parked(cell));
    const { changes } = running;
    expect(beside().standby!.wake()).toBe('HW4101');
    expect(running.replica('a')).toMatchObject({ phase: 'Parked', problem: { code: 'HW4101', policy: 'Waiting' } });
    expect(running.replica('a').problem!.message).toMatch(/^a needs \d+ MiB; .* are kept for 1 other replicas$/);
    // Who asks again and again is told so, and control is not told at each request.
    for (let count = 0; count < 100; count++) beside().standby!.wake();
    expect(running.changes - changes).toBeLessThanOrEqual(1);
    running.host.stop('b', 0);
    await running.until('room', () => beside().standby!.wake() === undefined);
    await running.until('it is ready', () => running.replica('a').phase === 'Ready');
    expect(running.replica('a').problem).toBeUndefined();
    await running.host.close(0);
  });

  it('that does not get ready ends with the reason, which those who wait are told', async () => {
    const { running, beside } = open();
    const probes = {
      readiness: {
        call: { type: 'httpGet', path: '/status?code=500', headers: [] },
        periodMs: 20,
        timeoutMs: 500,
        successThreshold: 1,
        deadlineMs: 600,
      },
    } as const;
    running.host.start('a', parked(cellOf(bundle, { probes })));
    beside().standby!.wake();
    expect(await running.ended('a')).toMatchObject({ end: 'NeverReady', problem: { code: 'HW4106' } });
    expect(beside()).toEqual({ standby: undefined, why: 'HW4106' });
    await running.host.close(0);
  });

  /** How often the guest was asked, before anybody but the runtime called it. */
  async function wokenTo(running: RunningHost, id: string, cell: CellSpec, wake: () => void): Promise<number> {
    running.host.start(id, cell);
    wake();
    await running.until('it is ready', () => running.replica(id).phase === 'Ready');
    const asked = running.saidBy(id).filter((line) => line === 'out: probed').length;
    running.host.stop(id, 0);
    await running.ended(id);
    return asked;
  }

  const logged = (successThreshold: number) =>
    ({
      readiness: {
        call: { type: 'httpGet', path: '/log?text=probed', headers: [] },
        periodMs: 20,
        // One that is late is asked again.
        timeoutMs: 10_000,
        successThreshold,
        deadlineMs: 30_000,
      },
    }) as const;

  it('is ready by what its cell answered itself, and what was proven once is not proven again', async () => {
    const { running, beside } = open();
    const cell = cellOf(bundle, { probes: logged(1) });
    const wake = (): void => void beside().standby!.wake();
    // For the proof twice, and then the probe, if no call waits.
    expect(await wokenTo(running, 'a', parked(cell), wake)).toBe(2);
    expect(await wokenTo(running, 'b', parked(cell), wake)).toBe(1);
    expect(await wokenTo(running, 'c', cell, () => undefined)).toBe(3);
    expect(await wokenTo(running, 'd', parked(cell), wake)).toBe(1);
    await running.host.close(0);
  });

  it('that is to succeed more than once is asked for the rest of it', async () => {
    const { running, beside } = open();
    const cell = cellOf(bundle, { probes: logged(3) });
    const wake = (): void => void beside().standby!.wake();
    expect(await wokenTo(running, 'a', parked(cell), wake)).toBe(2 + 2);
    expect(await wokenTo(running, 'b', parked(cell), wake)).toBe(1 + 2);
    expect(await wokenTo(running, 'c', cell, () => undefined)).toBe(2 + 3);
    await running.host.close(0);
  });

  it('ends at once when it is told to, and nothing is woken while the engine shuts down', async () => {
    const { running, beside } = open();
    running.host.start('a', parked(cellOf(bundle)));
    const late = beside().standby!;
    running.host.stop('a', 10_000);
    expect(running.replica('a')).toMatchObject({ phase: 'Ended', end: 'Stopped' });
    expect(beside().standby).toBeUndefined();
    running.host.start('b', parked(cellOf(bundle)));
    const closing = running.host.close(0);
    expect(late.wake()).toBeUndefined();
    expect(running.host.observe().replicas.every(({ pid }) => pid === undefined)).toBe(true);
    await closing;
  });
});

describe('a replica that is awaited', () => {
  const awaited = (cell: CellSpec): CellSpec => ({ ...cell, awaited: true });

  it('is started at once, and calls may wait for it until it is ready', async () => {
    const { running, beside } = open();
    expect(running.host.start('a', awaited(cellOf(bundle))).ok).toBe(true);
    expect(running.replica('a').phase).toBe('Starting');
    const standby = beside().standby!;
    expect([standby.queue, standby.wake()]).toEqual([16, undefined]);
    await running.until('it is ready', () => running.replica('a').phase === 'Ready');
    expect(beside().standby).toBeUndefined();
    await running.host.close(0);
  });

  it('counts for the memory of the engine from its start', async () => {
    const cell = cellOf(bundle);
    const { running } = open({ memoryBytes: 2 * replicaBudget(cell).reservedBytes - 1 });
    expect(running.host.start('a', awaited(cell)).ok).toBe(true);
    const other = { ...cell, group: 'shop/other@b0b0c3d4e5f6' } as const;
    expect(running.host.start('b', other)).toMatchObject({ ok: false, error: { code: 'HW4101' } });
    await running.host.close(0);
  });

  it('that is not, leaves calls without anything to wait for', async () => {
    const { running, beside } = open();
    expect(running.host.start('a', cellOf(bundle)).ok).toBe(true);
    expect(beside().standby).toBeUndefined();
    await running.until('it is ready', () => running.replica('a').phase === 'Ready');
    await running.host.close(0);
  });
});
