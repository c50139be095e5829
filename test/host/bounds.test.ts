import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CellProcess } from '../../src/host/cell-process.ts';
import { GuestLog } from '../../src/host/guest-log.ts';
import { MAX_BOOTING, Pool } from '../../src/host/pool.ts';
import { MAX_SOCKET_PATH_BYTES, socketPath } from '../../src/host/socket-path.ts';
import { CellRecords, startTicks } from '../../src/host/spawner/records.ts';
import { err, ok } from '../../src/kit/result.ts';
import { problem } from '../../src/model/problem.ts';
import type { Denial } from '../../src/wire/reports.ts';
import { keepingLog } from '../support/log.ts';
import { isAlive, LIMITS, temporaryFolder } from './running.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the path of a socket', () => {
  it.each([MAX_SOCKET_PATH_BYTES, MAX_SOCKET_PATH_BYTES + 1, 400])('may have %i bytes', async (bytes) => {
    const deep = path.join(
      folder,
      ...Array.from({ length: 3 }, () => 'd'.repeat(Math.ceil((bytes - folder.length) / 4))),
    );
    mkdirSync(deep, { recursive: true });
    const file = path.join(deep, 's'.repeat(bytes - Buffer.byteLength(deep) - 1));
    expect(Buffer.byteLength(file)).toBe(bytes);
    const address = socketPath(file);
    expect(address.path === file).toBe(bytes <= MAX_SOCKET_PATH_BYTES);
    const server = net.createServer((socket) => socket.end('hello')).listen(address.path);
    await once(server, 'listening');
    expect(readdirSync(deep)).toEqual([path.basename(file)]);
    const client = net.connect(address.path);
    const [greeting] = (await once(client, 'data')) as [Buffer];
    expect(greeting.toString()).toBe('hello');
    client.destroy();
    server.close();
    address.release();
  });
});

const DENIAL: Denial = {
  member: 0,
  interface: 'a',
  function: 'b',
  asked: '',
  others: false,
  mount: undefined,
  reason: 'c',
  count: 1,
};

describe('the log of a guest', () => {
  const BURST_BYTES = 64 * 1024;
  const logged = (write: (log: GuestLog) => void): Record<string, unknown>[] => {
    const { log, lines } = keepingLog();
    write(new GuestLog(log, [{ key: 'shop/one', limits: { ...LIMITS, logBytesPerSecond: 1 } }]));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  it('has a line for each line, with its stream', () => {
    const lines = logged((log) => {
      log.write(1, 0, 0, 'one\ntwo\n');
      log.write(2, 0, 7, 'three');
      log.denied({ ...DENIAL, interface: 'wasi:sockets/tcp', function: 'connect', asked: 'a peer' });
    });
    expect(lines).toMatchObject([
      { stream: 'stdout', text: 'one', msg: 'guest output' },
      { stream: 'stdout', text: 'two' },
      { droppedBytes: 7, msg: 'guest output was dropped' },
      { stream: 'stderr', text: 'three' },
      { denial: { interface: 'wasi:sockets/tcp', function: 'connect', asked: 'a peer' } },
    ]);
  });

  it('takes a burst of its size, drops what goes over it, and says how much that was', () => {
    expect(logged((log) => log.write(1, 0, 0, 'x'.repeat(BURST_BYTES)))).toHaveLength(1);
    expect(logged((log) => log.write(1, 0, 0, 'x'.repeat(BURST_BYTES + 1)))).toMatchObject([
      { droppedBytes: BURST_BYTES + 1, msg: 'guest output was dropped' },
    ]);
    const lines = logged((log) => {
      log.write(1, 0, 0, 'x'.repeat(BURST_BYTES + 1));
      log.write(1, 0, 0, 'after');
    });
    expect(lines).toMatchObject([{ droppedBytes: BURST_BYTES + 1 }, { text: 'after' }]);
  });

  it('names the member where there are several; a position that there is not is the entry', () => {
    const { log, lines } = keepingLog();
    const members = (['shop/one', 'shop/two'] as const).map((key) => ({ key, limits: LIMITS }));
    const guestLog = new GuestLog(log, members);
    guestLog.write(1, 0, 0, 'one');
    guestLog.write(1, 1, 0, 'two');
    guestLog.write(1, 255, 0, 'nobody');
    guestLog.denied({ ...DENIAL, member: 1 });
    const named = lines.map((line) => (JSON.parse(line) as { readonly member?: string }).member);
    expect(named).toEqual(['shop/one', 'shop/two', 'shop/one', 'shop/two']);
  });

  it('cannot be flooded by denials', () => {
    const floodOf = (asked: string): number =>
      logged((log) => {
        for (let count = 0; count < 10_000; count++) log.denied({ ...DENIAL, asked });
      }).length;
    expect(floodOf('')).toBe(BURST_BYTES / 512);
    expect(floodOf('x'.repeat(512))).toBe(BURST_BYTES / 1024);
  });
});

describe('those who ask for a process while none waits', () => {
  it(`boot ${MAX_BOOTING} at a time, and not at all when they want it no more`, async () => {
    let booting = 0;
    let most = 0;
    let started = 0;
    const pool = new Pool({
      size: 0,
      kind: () => 'Process',
      limitAhead: () => {},
      log: keepingLog().log,
      start: async () => {
        started += 1;
        booting += 1;
        most = Math.max(most, booting);
        await sleep(5);
        booting -= 1;
        return err(problem('HW4001', 'none today'));
      },
    });
    const answers = Array.from({ length: 20 }, (_, index) => pool.take('Process', 1, () => index % 2 === 0));
    expect(await Promise.all(answers)).toHaveLength(20);
    expect({ started, most }).toEqual({ started: 10, most: MAX_BOOTING });
  });
});

describe('a process that never waits for an assignment', () => {
  it('is no crash of what was to run in it: no guest has been near it', async () => {
    const channel = new net.Socket();
    const pool = new Pool({
      size: 0,
      kind: () => 'Process',
      limitAhead: () => {},
      log: keepingLog().log,
      start: () => {
        setImmediate(() => channel.destroy());
        return Promise.resolve(ok([{ channel, end: () => {} } as unknown as CellProcess]));
      },
    });
    expect(await pool.take('Process', 1, () => true)).toMatchObject({
      ok: false,
      error: { code: 'HW4141', policy: 'Waiting', message: 'the process closed its channel before it was ready' },
    });
  });
});

describe('records of cells', () => {
  it('are swept: what still runs is ended, a pid that has been lent to another is not', async () => {
    const children = ['swept', 'kept', 'reused'].map(() => spawn('sleep', ['60'], { stdio: 'ignore' }));
    const [swept, kept, reused] = children.map((child) => child.pid!) as [number, number, number];
    const cells = path.join(folder, 'cells');
    const records = new CellRecords(cells);
    await records.sweep(new Set());
    for (const pid of [swept, kept, reused]) await records.add(pid);
    expect(readFileSync(path.join(cells, String(swept)), 'latin1')).toBe(startTicks(swept));
    writeFileSync(path.join(cells, String(reused)), '1');
    writeFileSync(path.join(cells, 'not-a-pid'), '1');
    const ended = once(children[0]!, 'exit');
    expect(await records.sweep(new Set([kept]))).toBe(1);
    await ended;
    expect(readdirSync(cells)).toEqual([String(kept)]);
    expect([kept, reused].map(isAlive)).toEqual([true, true]);
    for (const child of children) child.kill('SIGKILL');
  });
});
