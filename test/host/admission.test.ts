import type { StdioOptions } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatBytes, replicaBudget } from '../../src/host/budget.ts';
import { MAX_ENDED_REPLICAS } from '../../src/host/host.ts';
import type { Bundle } from '../../src/model/engine.ts';
import { bundleOf } from './bundles.ts';
import { cellOf, forkSpawner, isAlive, MIB, RunningHost, temporaryFolder } from './running.ts';

let bundle: Bundle;
let running: RunningHost;

function open(options: ConstructorParameters<typeof RunningHost>[0]): RunningHost {
  running = new RunningHost({ storeFolder: store.storeFolder, poolSize: 0, ...options });
  return running;
}

let store: RunningHost;
beforeAll(async () => {
  store = new RunningHost({ poolSize: 0 });
  bundle = await bundleOf('testbed', store.storeFolder, 16 * MIB);
});
afterAll(() => store.stop());

describe('the budget of a replica', () => {
  const quiet = (): Bundle => ({ ...bundle, blockingExports: [] });

  it('holds an instance for each call where calls can wait, and two where they cannot', () => {
    const waiting = replicaBudget(cellOf(bundle, { limits: { concurrency: 8, memoryBytes: 32 * MIB } }));
    expect(waiting.instances).toBe(8);
    const direct = replicaBudget(cellOf(quiet(), { limits: { concurrency: 8, memoryBytes: 32 * MIB } }));
    expect(direct.instances).toBe(2);
    // Six instances of 32 MiB and eight suspended stacks.
    expect(waiting.dataBytes - direct.dataBytes).toBe((6 * 32 + 8) * MIB);
    const few = replicaBudget(cellOf(bundle, { limits: { concurrency: 8, instances: 3, memoryBytes: 32 * MIB } }));
    expect([few.instances, few.dataBytes - direct.dataBytes]).toEqual([3, (32 + 3) * MIB]);
  });

  it('reserves one instance at its limit and the others as they start', () => {
    const small = { ...bundle, initialMemoryBytes: 2 * MIB };
    const few = replicaBudget(cellOf(small, { limits: { concurrency: 4, memoryBytes: 64 * MIB } }));
    const many = replicaBudget(cellOf(small, { limits: { concurrency: 32, memoryBytes: 64 * MIB } }));
    const large = replicaBudget(cellOf(small, { limits: { concurrency: 4, memoryBytes: 128 * MIB } }));
    expect(many.reservedBytes - few.reservedBytes).toBe(28 * 2 * MIB);
    expect(large.reservedBytes - few.reservedBytes).toBe(64 * MIB);
    expect(few.reservedBytes).toBeLessThan(few.dataBytes);
  });

  it.each([
    { bytes: 96 * MIB, text: '96 MiB' },
    { bytes: 96 * MIB + 1, text: '97 MiB' },
    { bytes: 1536 * MIB, text: '1.5 GiB' },
  ])('reads as $text', ({ bytes, text }) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('admission', () => {
  it('takes replicas up to the memory of the engine and not one more, until one is gone', async () => {
    const cell = cellOf(bundle);
    const { reservedBytes } = replicaBudget(cell);
    const { host } = open({ memoryBytes: 2 * reservedBytes });
    await running.ready('a', cell);
    await running.ready('b', cell);
    const refused = host.start('c', cell);
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW4101', policy: 'Waiting' } });
    expect(!refused.ok && refused.error.message).toMatch(/needs .* MiB; .* of .* are kept for 2 other replicas/);
    expect(host.observe().replicas.map(({ id }) => id)).toEqual(['a', 'b']);
    const { pid } = running.replica('a');
    host.stop('a', 0);
    await running.until('room', () => host.start('c', cell).ok);
    expect(isAlive(pid!)).toBe(false);
    await host.close(0);
  });

  it('refuses one byte less', async () => {
    const cell = cellOf(bundle);
    const { host } = open({ memoryBytes: replicaBudget(cell).reservedBytes - 1 });
    expect(host.start('a', cell)).toMatchObject({ ok: false, error: { code: 'HW4101' } });
    await host.close(0);
  });

  it('takes as many replicas as it may have', async () => {
    const cell = cellOf(bundle);
    const { host } = open({ maxReplicas: 2 });
    expect(host.start('a', cell).ok).toBe(true);
    expect(host.start('b', cell).ok).toBe(true);
    expect(host.start('c', cell)).toMatchObject({ ok: false, error: { code: 'HW4102', policy: 'Waiting' } });
    await host.close(0);
    expect(host.start('d', cell)).toMatchObject({ ok: false, error: { code: 'HW4115' } });
  });

  it('counts every member of a cell, each by its own limit', () => {
    const one = cellOf(bundle, { limits: { concurrency: 8, memoryBytes: 32 * MIB } });
    const other = cellOf(bundle, { limits: { memoryBytes: 16 * MIB } }).members[0]!;
    const both = replicaBudget({ ...one, members: [one.members[0]!, other] });
    const alone = replicaBudget(one);
    expect(both.instances).toBe(alone.instances);
    expect(both.dataBytes - alone.dataBytes).toBe(alone.instances * 16 * MIB);
    const initial = Math.min(2 * bundle.initialMemoryBytes, 48 * MIB) - Math.min(bundle.initialMemoryBytes, 32 * MIB);
    expect(both.reservedBytes - alone.reservedBytes).toBe(16 * MIB + (alone.instances - 1) * initial);
  });

  it('refuses Strict where there is none', async () => {
    const { host } = open({ forbidStrict: 'the test says so' });
    await running.until('the sandbox', () => host.observe().sandbox.why.includes('the test says so'));
    expect(host.observe().sandbox.processor).toMatch(
      /^priorities(, and a control group for each cell| alone, because .+)$/,
    );
    const cell = cellOf(bundle);
    const strict = host.start('b', cellOf(bundle, { isolation: 'Strict' }));
    expect(strict).toMatchObject({ ok: false, error: { code: 'HW4103', policy: 'Waiting' } });
    expect(!strict.ok && strict.error.message).toContain('the test says so');
    await running.ready('c', cell);
    expect(running.replica('c').isolation).toBe('Process');
    await host.close(0);
  });

  it('gives what runs as Process exactly what it may have, whatever those that wait were limited for', async () => {
    const { host } = open({ forbidStrict: 'the test says so', poolSize: 2 });
    const limits: { readonly dataBytes: number; readonly hard: number }[] = [];
    // More than all before, less, and more again.
    for (const mebibytes of [32, 64, 16, 128]) {
      const cell = cellOf(bundle, {
        limits: { memoryBytes: mebibytes * MIB },
        group: `shop/a${mebibytes}@b0b0c3d4e5f6`,
      });
      const id = `of ${mebibytes} MiB`;
      await running.ready(id, cell);
      const [, soft, hard] = /^Max data size\s+(\d+)\s+(\d+)/m.exec(
        readFileSync(`/proc/${running.replica(id).pid}/limits`, 'latin1'),
      )!;
      expect(soft).toBe(hard);
      limits.push({ dataBytes: replicaBudget(cell).dataBytes, hard: Number(hard) });
      await running.until('others wait', () => host.observe().poolReady === 2);
      await sleep(300);
    }
    // Beyond what each had mapped, which is about the same.
    const [first] = limits;
    for (const { dataBytes, hard } of limits) {
      expect(Math.abs(hard - first!.hard - (dataBytes - first!.dataBytes))).toBeLessThan(16 * MIB);
    }
    await host.close(0);
  });

  it('starts a second one of a singleton when the first is told to go, and has its process only when that is gone', async () => {
    const { host } = open({});
    const old = cellOf(bundle, { instancePolicy: 'Singleton' });
    const next = { ...old, group: 'shop/testbed@c1c1c3d4e5f6' as const };
    await running.ready('a', old);
    const refused = host.start('b', next);
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW4751', policy: 'Waiting' } });
    // Pooled beside it would be two as well.
    expect(host.start('b', { ...cellOf(bundle), group: next.group })).toMatchObject({ ok: false });
    const { pid } = running.replica('a');
    process.kill(pid!, 'SIGSTOP');
    host.stop('a', 0);
    expect(host.start('b', next).ok).toBe(true);
    await running.until('the new one waits', () => running.replica('a').phase === 'Draining');
    expect(running.replica('b')).toMatchObject({ phase: 'Starting' });
    expect(running.replica('b').pid).toBeUndefined();
    await running.until('the new one is ready', () => running.replica('b').phase === 'Ready');
    expect(isAlive(pid!)).toBe(false);
    await host.close(0);
  });

  it(`remembers the last ${MAX_ENDED_REPLICAS} that ended`, async () => {
    const { host } = open({});
    const cell = cellOf(bundle);
    for (let count = 0; count <= MAX_ENDED_REPLICAS; count++) {
      host.start(`r${count}`, cell);
      host.stop(`r${count}`, 0);
      await Promise.resolve();
    }
    const ids = host.observe().replicas.map(({ id }) => id);
    expect(ids).toHaveLength(MAX_ENDED_REPLICAS);
    expect(ids).not.toContain('r0');
    expect(ids).toContain(`r${MAX_ENDED_REPLICAS}`);
    await host.close(0);
  });
});

describe('the pool', () => {
  it('keeps its number of waiting processes, also after one has died', async () => {
    const folder = temporaryFolder();
    const { host } = open({ poolSize: 2, runFolder: `${folder}/run` });
    await running.until('the pool', () => host.observe().poolReady === 2);
    await running.ready('a', cellOf(bundle));
    await running.until('the pool', () => host.observe().poolReady === 2);
    const waiting = cellPids(`${folder}/run`).filter((pid) => pid !== running.replica('a').pid);
    expect(waiting).toHaveLength(2);
    process.kill(waiting[0]!, 'SIGKILL');
    await running.until('another', () => {
      const now = cellPids(`${folder}/run`);
      return host.observe().poolReady === 2 && now.length === 3 && !now.includes(waiting[0]!);
    });
    const all = cellPids(`${folder}/run`);
    await host.close(0);
    expect(all.filter(isAlive)).toEqual([]);
    expect(cellPids(`${folder}/run`)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('leaves nothing of what our own starter had open to the cells', async () => {
    const folder = temporaryFolder();
    const file = openSync(`${folder}/secret`, 'w');
    // Node closes low descriptors by itself, up to a gap; this one is beyond it.
    const gap = Array.from({ length: 60 }, () => 'ignore' as const);
    const stdio: StdioOptions = ['ignore', 'ignore', 'ignore', 'ipc', ...gap, file];
    const { host } = open({ forkSpawner: () => forkSpawner(stdio) });
    await running.ready('a', cellOf(bundle));
    const descriptors = `/proc/${running.replica('a').pid}/fd`;
    const targetOf = (name: string): string => readlinkSync(`${descriptors}/${name}`);
    const names = readdirSync(descriptors);
    expect(names.filter((name) => targetOf(name).startsWith(folder))).toEqual([]);
    // Standard error, which the spawner reads, the channel to the engine, and the one to the broker.
    expect(names.filter((name) => targetOf(name).startsWith('socket:'))).toEqual(['2', '3', '4']);
    await host.close(0);
    closeSync(file);
    rmSync(folder, { recursive: true });
  });
});

/** What the spawner has on record. */
function cellPids(runFolder: string): number[] {
  return readdirSync(`${runFolder}/cells`).map(Number);
}
