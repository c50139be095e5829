import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { getPriority } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxKind } from '../../src/host/spawner/messages.ts';
import { SpawnerClient } from '../../src/host/spawner-client.ts';
import { awaitBooted } from '../../src/host/spawner/booted.ts';
import { Deferred } from '../../src/kit/deferred.ts';
import { keepingLog } from '../support/log.ts';
import { forkSpawner, isAlive, temporaryFolder } from './running.ts';

let folder: string;
let client: SpawnerClient;
let spawners: ChildProcess[];
let restarted: Deferred<void>;

beforeEach(() => {
  folder = temporaryFolder();
  spawners = [];
  restarted = new Deferred();
});
afterEach(async () => {
  await client.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(answerDeadlineMs?: number, first?: () => ChildProcess): SpawnerClient {
  const forks = first ? [first] : [];
  client = new SpawnerClient({
    fork: () => {
      const fork = forks.shift() ?? (() => forkSpawner(['ignore', 'ignore', 'ignore', 'ipc']));
      const spawner = fork();
      spawners.push(spawner);
      return spawner;
    },
    config: {
      runFolder: path.join(folder, 'run'),
      bootFolder: path.join(folder, 'boot'),
      storeFolder: path.join(folder, 'store'),
      heapMiB: 64,
      maxWasmPages: 1024,
    },
    log: keepingLog().log,
    onRestart: () => restarted.resolve(),
    ...(answerDeadlineMs === undefined ? {} : { answerDeadlineMs }),
  });
  return client;
}

describe('the spawner, as the engine has it', () => {
  it('starts what is asked for, tells how it ended, and takes everything with it when it is closed', async () => {
    await open().configured;
    expect(client.sandbox).toMatchObject({
      strict: true,
      why: expect.stringMatching(/^bubblewrap \d+\.\d+\.\d+ and user namespaces work; /),
    });
    const [first, second] = await Promise.all([client.start('Strict'), client.start('Process')]);
    if (!first.ok || !second.ok) throw new Error('not started');
    expect(await awaitBooted(first.value.channel, 10_000)).toEqual({ ok: true, value: { isRehearsed: true } });
    first.value.end();
    expect(await first.value.exited).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(isAlive(second.value.pid)).toBe(true);
    await client.close();
    await expect.poll(() => isAlive(second.value.pid)).toBe(false);
  });

  it('starts what somebody waits for at the priority of a guest, and what waits itself at the lowest', async () => {
    await open().configured;
    const niceOf = async (kind: SandboxKind, isAwaited: boolean): Promise<number> => {
      const started = await client.startSlots(kind, 1, isAwaited);
      if (!started.ok) throw new Error(started.error.message);
      return getPriority(started.value[0]!.pid);
    };
    // Whoever may not raise what was lowered lowers nothing.
    const mayRaise = process.getuid!() === 0;
    for (const kind of ['Strict', 'Process'] as const) {
      expect([await niceOf(kind, true), await niceOf(kind, false)]).toEqual([5, mayRaise ? 19 : 5]);
    }
  });

  it('lives on when its socket is removed, and when its folder is: then a start is refused and says why', async () => {
    await open().configured;
    const run = path.join(folder, 'run');
    for (const name of readdirSync(run)) if (name.endsWith('.sock')) rmSync(path.join(run, name));
    expect(await client.start('Process')).toMatchObject({ ok: true });
    rmSync(run, { recursive: true });
    expect(await client.start('Process')).toMatchObject({
      ok: false,
      error: { code: 'HW4103', message: expect.stringContaining('a channel for the cell cannot be made') },
    });
    expect(spawners).toHaveLength(1);
    expect(spawners[0]!.exitCode).toBeNull();
  });

  it.each([
    ['says so', () => spawn(path.join(folder, 'not-there'), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })],
    [
      'throws',
      () => {
        throw new Error('spawn ENOMEM');
      },
    ],
  ])('is started again when the system has no room for it and %s', async (_, first: () => ChildProcess) => {
    open(undefined, first);
    await restarted.promise;
    await client.configured;
    expect((await client.start('Process')).ok).toBe(true);
  });

  it('is ended when it gives no answer, and whoever waited is told', async () => {
    await open(8_000).configured;
    const stuck = spawners[0]!;
    stuck.kill('SIGSTOP');
    const ended = once(stuck, 'exit');
    expect(await client.start('Process')).toMatchObject({ ok: false, error: { code: 'HW4141', policy: 'Waiting' } });
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('keeps and can end the cells of the one before it, and says that nobody saw how', async () => {
    await open().configured;
    const started = await client.start('Process');
    if (!started.ok) throw new Error('not started');
    const cell = started.value;
    await awaitBooted(cell.channel, 10_000);
    cell.channel.resume();
    spawners[0]!.kill('SIGKILL');
    await once(spawners[0]!, 'exit');
    expect(await client.start('Process')).toMatchObject({ ok: false, error: { code: 'HW4141' } });
    await restarted.promise;
    const another = await client.start('Process');
    expect(another.ok).toBe(true);
    expect(isAlive(cell.pid)).toBe(true);
    cell.end();
    expect(await cell.exited).toBeUndefined();
  });
});
