import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/host/link-client.ts';
import type { Isolation, Limits } from '../../src/model/component.ts';
import { EXIT } from '../../src/model/exit.ts';
import { keepingLog } from '../support/log.ts';
import { MAX_UNREAD_LOG_BYTES } from '../../src/process/log-sink.ts';
import { bundleOf } from './bundles.ts';
import { RunningEngine, snapshotOf } from './engine-process.ts';
import { cellOf, isAlive, MIB } from './running.ts';

let engine: RunningEngine;
const BOTH: readonly Isolation[] = ['Strict', 'Process'];

afterEach(() => engine.stop());

async function serving(isolation: Isolation = 'Auto', limits: Partial<Limits> = {}): Promise<{ pid: number }> {
  engine = await RunningEngine.start();
  const bundle = await bundleOf('testbed', engine.storeFolder, 16 * MIB);
  const { pid } = await engine.ready('r1', cellOf(bundle, { isolation, limits }));
  expect(await engine.control.publish(snapshotOf(1))).toEqual({ ok: true, value: { generation: 1 } });
  return { pid: pid! };
}

async function status(target: string): Promise<number> {
  const response = await fetch(`${engine.url}${target}`);
  await response.arrayBuffer();
  return response.status;
}

describe('the engine', () => {
  it('answers 503 until it has a snapshot, then serves what control has started', async () => {
    engine = await RunningEngine.start();
    expect(await status('/healthz')).toBe(503);
    expect(statSync(engine.linkPath).mode & 0o777).toBe(0o600);
    const bundle = await bundleOf('testbed', engine.storeFolder, 16 * MIB);
    const { pid, isolation } = await engine.ready('r1', cellOf(bundle));
    expect(isolation).toBe('Strict');
    expect(await engine.control.publish(snapshotOf(5))).toEqual({ ok: true, value: { generation: 5 } });
    expect(await status('/healthz')).toBe(200);
    expect(await engine.control.publish(snapshotOf(4))).toMatchObject({ ok: false, error: { code: 'HW4122' } });
    await engine.control.start('r1', cellOf(bundle));
    expect(await engine.observe()).toMatchObject({ generation: 5, replicas: [{ id: 'r1', pid }] });
    const samples = await engine.control.samples();
    expect(samples.ok && samples.value[0]?.traffic.requests).toBe(1);
  });

  it('tells control of every change, and reports synthetic runs', async () => {
    await serving();
    let changes = 0;
    engine.control.onChange(() => {
      changes += 1;
    });
    const call = { type: 'httpGet', path: '/healthz', headers: [] } as const;
    const run = { id: 's1', release: 'a'.repeat(64), group: cellOfGroup(), requests: 20, call, timeoutMs: 1_000 };
    expect(await engine.control.synthesize(run)).toEqual({ ok: true, value: undefined });
    await engine.until('the end of the run', async () => (await engine.observe()).syntheticRuns[0]?.done === true);
    expect((await engine.observe()).syntheticRuns).toEqual([{ id: 's1', sent: 20, done: true }]);
    await engine.control.stop('r1', 0);
    await engine.until('the end of the replica', async () => (await engine.replica('r1'))?.phase === 'Ended');
    expect(changes).toBeGreaterThanOrEqual(2);
    await engine.control.forget(['r1']);
    expect(await engine.replica('r1')).toBeUndefined();
  });

  it('serves on without control, and a new control finds everything as it was', async () => {
    const { pid } = await serving();
    const { epoch } = await engine.observe();
    engine.control.close();
    expect(await engine.control.observe()).toMatchObject({ ok: false, error: { code: 'HW4120', policy: 'Waiting' } });
    expect(await status('/healthz')).toBe(200);
    const next = connectEngine({ path: engine.linkPath, log: keepingLog().log });
    await engine.until('the link', () => next.connected);
    const observed = await next.observe();
    expect(observed).toMatchObject({ ok: true, value: { epoch, generation: 1, replicas: [{ id: 'r1', pid }] } });
    next.close();
  });

  it('serves on while nobody reads what it logs', async () => {
    await serving('Auto', { logBytesPerSecond: 16 * MIB });
    engine.child.stderr!.pause();
    const text = 'x'.repeat(1_000);
    for (let count = 0; count < 400; count++) expect(await status(`/log?text=${text}&times=20`)).toBe(200);
    engine.child.stderr!.resume();
    await engine.until('the lines that were kept', () => engine.output.length > MAX_UNREAD_LOG_BYTES);
    await engine.control.stop('r1', 0);
    await engine.logged('a replica has ended');
    // What the pipe held comes on top; what did not fit was dropped.
    expect(engine.output.length).toBeLessThan(1.5 * MAX_UNREAD_LOG_BYTES);
  });

  it('ends with a code of its own where the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    engine = RunningEngine.startInVain({ listen: { host: '127.0.0.1', port } });
    expect(await engine.exited).toBe(EXIT.PortInUse);
    expect(engine.output).toContain('HW4501');
    other.close();
  });

  it.each(['SIGTERM', 'the end of its standard input'])(
    'finishes what is in flight at %s, and leaves nothing behind',
    async (how) => {
      const { pid } = await serving('Process');
      const { spawnerPid } = engine;
      const slow = status('/sleep?ms=3000');
      await engine.until('the request', async () => (await engine.replica('r1'))?.inFlight === 1);
      // As Ctrl+C does, to the whole group of the terminal.
      process.kill(-engine.child.pid!, 'SIGINT');
      if (how === 'SIGTERM') engine.child.kill('SIGTERM');
      else engine.child.stdin!.end();
      expect(await slow).toBe(200);
      expect(await engine.exited).toBe(0);
      await engine.until('no process is left', () => ![pid, spawnerPid!].some(isAlive));
    },
  );
});

describe.each(BOTH)('when processes die, with cells as %s', (isolation) => {
  it('the engine dies: its cells end, one that spins included', async () => {
    const { pid } = await serving(isolation);
    const lost = status('/spin').catch(() => 'lost');
    await engine.until('the request', async () => (await engine.replica('r1'))?.inFlight === 1);
    engine.child.kill('SIGKILL');
    expect(await lost).toBe('lost');
    await engine.until('the end of the cell', () => !isAlive(pid));
  });

  it('engine and spawner die together: the next spawner sweeps the cell that spins', async () => {
    const { pid } = await serving(isolation);
    const { spawnerPid } = engine;
    const lost = status('/spin').catch(() => 'lost');
    await engine.until('the request', async () => (await engine.replica('r1'))?.inFlight === 1);
    process.kill(spawnerPid!, 'SIGKILL');
    engine.child.kill('SIGKILL');
    await engine.exited;
    await lost;
    engine.control.close();
    expect(isAlive(pid)).toBe(true);
    engine = await RunningEngine.start(engine.folder);
    await engine.until('the end of the cell', () => !isAlive(pid));
  });

  it('the spawner dies: cells serve on, new ones start, and the old ones can still be ended', async () => {
    const { pid } = await serving(isolation);
    const before = engine.spawnerPid;
    process.kill(before!, 'SIGKILL');
    expect(await status('/healthz')).toBe(200);
    await engine.until('another spawner', () => ![undefined, before].includes(engine.spawnerPid));
    const bundle = await bundleOf('testbed', engine.storeFolder, 16 * MIB);
    await engine.until('a second replica', async () => {
      const id = `r${performance.now()}`;
      await engine.control.start(id, cellOf(bundle, { isolation }));
      await engine.until('its fate', async () => ['Ready', 'Ended'].includes((await engine.replica(id))!.phase));
      return (await engine.replica(id))?.phase === 'Ready';
    });
    expect((await engine.replica('r1'))?.phase).toBe('Ready');
    expect((await engine.control.publish(snapshotOf(2, undefined, 1_500))).ok).toBe(true);
    const lost = status('/spin').catch(() => 0);
    await engine.until('the end of the one that spins', () => !isAlive(pid));
    await lost;
    await engine.until('its reason', async () => (await engine.replica('r1'))?.end === 'LimitExceeded');
  });

  it('the spawner dies and then the engine: a cell of the first spawner ends, even while it spins', async () => {
    const { pid } = await serving(isolation);
    const before = engine.spawnerPid;
    process.kill(before!, 'SIGKILL');
    await engine.until(
      'another spawner',
      async () => ![undefined, before].includes(engine.spawnerPid) && (await hasPool()),
    );
    const lost = status('/spin').catch(() => 'lost');
    await engine.until('the request', async () => (await engine.replica('r1'))?.inFlight === 1);
    engine.child.kill('SIGKILL');
    expect(await lost).toBe('lost');
    await engine.until('the end of the cell', () => !isAlive(pid));
  });

  it('a cell dies: its request is answered, and control is told', async () => {
    const { pid } = await serving(isolation);
    const slow = status('/sleep?ms=15000');
    await engine.until('the request', async () => (await engine.replica('r1'))?.inFlight === 1);
    process.kill(pid, 'SIGKILL');
    expect([502, 503]).toContain(await slow);
    await engine.until('its end', async () => (await engine.replica('r1'))?.end === 'Crashed');
  });
});

async function hasPool(): Promise<boolean> {
  return (await engine.observe()).poolReady > 0;
}

function cellOfGroup() {
  return snapshotOf(0).rules[0]!.arms[0]!.group;
}
