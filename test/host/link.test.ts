import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine, type EngineLink } from '../../src/host/link-client.ts';
import { LinkServer, MAX_OWED_BYTES, MAX_UNREAD_BYTES } from '../../src/host/link-server.ts';
import { ok } from '../../src/kit/result.ts';
import type { EngineObserved } from '../../src/model/engine.ts';
import { LINK_VERSION, LineReader, MAX_LINK_LINE_BYTES, type LinkHandlers } from '../../src/wire/engine-link.ts';
import { keepingLog } from '../support/log.ts';
import { temporaryFolder } from './running.ts';
import { snapshotOf } from './engine-process.ts';

const OBSERVED: EngineObserved = {
  epoch: 'e',
  generation: 3,
  replicas: [],
  samples: [],
  syntheticRuns: [],
  sandbox: { strict: true, why: '' },
  poolReady: 0,
};

let folder: string;
let socketPath: string;
let server: LinkServer | undefined;
const links: EngineLink[] = [];
let published: number[];
let observed: EngineObserved;

beforeEach(() => {
  folder = temporaryFolder();
  socketPath = path.join(folder, 'engine.sock');
  published = [];
  observed = OBSERVED;
});
afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const handlers: LinkHandlers = {
  observe: () => ok(observed),
  samples: () => ok([]),
  inForce: () => ok(null),
  start: ({ replica }) => {
    if (replica === 'bug') throw new Error('a bug of ours');
    return ok(null);
  },
  stop: async () => {
    await new Promise(() => undefined);
    return ok(null);
  },
  forget: () => ok(null),
  publish: (snapshot) => {
    published.push(snapshot.generation);
    return ok({ generation: snapshot.generation });
  },
  records: ({ after }) => ok({ last: after, records: [], lost: 0 }),
  synthesize: () => ok(null),
  fire: () => ok(null),
  stopFiring: () => ok(null),
  forgetFirings: () => ok(null),
  stores: () => ok({}),
};

async function open(): Promise<LinkServer> {
  server = await LinkServer.open({ path: socketPath, epoch: 'e', handlers, log: keepingLog().log });
  return server;
}

function connect(callDeadlineMs?: number): EngineLink {
  const log = keepingLog().log;
  const link = connectEngine({ path: socketPath, log, ...(callDeadlineMs === undefined ? {} : { callDeadlineMs }) });
  links.push(link);
  return link;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineAtMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadlineAtMs) throw new Error(`${what} did not come`);
    await sleep(5);
  }
}

describe('the link', () => {
  it('carries calls and answers', async () => {
    await open();
    const link = connect();
    await until('the link', () => link.connected);
    expect(await link.observe()).toEqual(ok(OBSERVED));
    expect(await link.publish(snapshotOf(7))).toEqual(ok({ generation: 7 }));
    expect(published).toEqual([7]);
    expect(await link.forget(['a'])).toEqual(ok(undefined));
  });

  it('waits for an engine that is not there yet, and comes back after it was gone', async () => {
    const link = connect();
    let changes = 0;
    link.onChange(() => {
      changes += 1;
    });
    expect(await link.observe()).toMatchObject({ ok: false, error: { code: 'HW4120', policy: 'Waiting' } });
    await open();
    await until('the link', () => link.connected);
    await server!.close();
    await until('the end of the link', () => !link.connected);
    expect(await link.observe()).toMatchObject({ ok: false, error: { code: 'HW4120' } });
    await open();
    await until('the link again', () => link.connected);
    expect(await link.observe()).toEqual(ok(OBSERVED));
    expect(changes).toBe(3);
  });

  it('ends a call without an answer at its deadline, and those in flight when the link goes', async () => {
    await open();
    const link = connect(100);
    await until('the link', () => link.connected);
    expect(await link.stop('a', 0)).toMatchObject({ ok: false, error: { code: 'HW4120', policy: 'Waiting' } });
    const patient = connect();
    await until('the link', () => patient.connected);
    const waiting = patient.stop('a', 0);
    await server!.close();
    expect(await waiting).toMatchObject({ ok: false, error: { code: 'HW4120' } });
  });

  it('belongs to the last control that said hello; the older one does not fight', async () => {
    await open();
    const older = connect();
    await until('the older', () => older.connected);
    const newer = connect();
    await until('the newer', () => newer.connected && !older.connected);
    await sleep(200);
    expect(newer.connected).toBe(true);
    expect(await newer.observe()).toEqual(ok(OBSERVED));
    const refused = await older.observe();
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW4120' } });
    expect(!refused.ok && refused.error.message).toContain('another control');
  });

  it('survives a bug in a handler and says so', async () => {
    await open();
    const link = connect();
    await until('the link', () => link.connected);
    const cell = {} as Parameters<EngineLink['start']>[1];
    const answer = await link.start('bug', cell);
    expect(!answer.ok && answer.error.message).toContain('a bug of ours');
    expect(await link.observe()).toEqual(ok(OBSERVED));
  });

  it.each([
    { what: 'a line that is not JSON', line: 'hello\n' },
    { what: 'a call before the hello', line: '{"type":"call","id":1,"method":"observe","params":null}\n' },
    { what: 'another version', line: `{"type":"hello","version":${LINK_VERSION + 1},"pid":1}\n` },
  ])('closes on $what', async ({ line }) => {
    await open();
    const socket = net.connect(socketPath);
    socket.write(line);
    socket.resume();
    await once(socket, 'close');
    expect(server!.connected).toBe(false);
  });

  it('refuses a message that is too large, on the side that would send it', async () => {
    await open();
    const link = connect();
    await until('the link', () => link.connected);
    const snapshot = { ...snapshotOf(1), commit: 'c'.repeat(MAX_LINK_LINE_BYTES) };
    expect(await link.publish(snapshot)).toMatchObject({ ok: false, error: { code: 'HW4121' } });
    observed = { ...OBSERVED, epoch: 'e'.repeat(MAX_LINK_LINE_BYTES) };
    expect(await link.observe()).toMatchObject({ ok: false, error: { code: 'HW4121' } });
    observed = OBSERVED;
    expect(await link.observe()).toEqual(ok(OBSERVED));
  });
});

describe('a control that does not read', () => {
  const CONTROL = `
    const net = require('node:net');
    const socket = net.connect(process.argv[1]);
    socket.write(JSON.stringify({ type: 'hello', version: ${LINK_VERSION}, pid: process.pid }) + '\\n');
    socket.on('data', () => process.stdout.write('.'));
  `;

  it('costs a bounded amount of memory while it is stopped, and hears once that something changed', async () => {
    await open();
    const control = spawn(process.execPath, ['-e', CONTROL, socketPath], { stdio: ['ignore', 'pipe', 'inherit'] });
    await until('the link', () => server!.connected);
    await once(control.stdout, 'data');
    control.kill('SIGSTOP');
    for (let round = 0; round < 100_000 && server!.unreadBytes === 0; round++) {
      server!.changed();
      await new Promise(setImmediate);
    }
    const unread = server!.unreadBytes;
    expect(unread, "the kernel's buffer is full").toBeGreaterThan(0);
    for (let count = 0; count < 100_000; count++) server!.changed();
    expect(server!.unreadBytes).toBe(unread);
    const heard = once(control.stdout, 'data');
    control.kill('SIGCONT');
    await heard;
    control.kill('SIGKILL');
    await until('the end of the link', () => !server!.connected);
  });

  it('is not read from while it owes the reading of its answers, and is cut off when it asks for far more', async () => {
    await open();
    const CALL = `${JSON.stringify({ type: 'call', id: 1, method: 'observe', params: null })}\n`;
    const socket = net.connect(socketPath);
    socket.on('error', () => undefined);
    socket.write(`{"type":"hello","version":${LINK_VERSION},"pid":1}\n`);
    await until('the link', () => server!.connected);
    observed = { ...OBSERVED, epoch: 'e'.repeat(MAX_UNREAD_BYTES) };
    socket.pause();
    for (let count = 0; count < 3; count++) {
      socket.write(CALL);
      await sleep(20);
    }
    await until('it owes', () => server!.unreadBytes > MAX_UNREAD_BYTES);
    const owed = server!.unreadBytes;
    socket.write(CALL);
    await sleep(50);
    expect(server!.unreadBytes).toBe(owed);
    socket.destroy();
    await until('the end of the link', () => !server!.connected);

    const greedy = net.connect(socketPath);
    greedy.on('error', () => undefined);
    greedy.pause();
    greedy.write(`{"type":"hello","version":${LINK_VERSION},"pid":1}\n`);
    await until('the link', () => server!.connected);
    greedy.write(CALL.repeat(2 + MAX_OWED_BYTES / MAX_UNREAD_BYTES));
    await until('the end of the link', () => !server!.connected);
    greedy.destroy();
  });
});

describe('lines', () => {
  const read = (chunks: readonly string[], maxBytes: number) => {
    const lines: string[] = [];
    const reader = new LineReader((line) => lines.push(line), maxBytes);
    return { fine: chunks.every((chunk) => reader.push(Buffer.from(chunk))), lines };
  };

  it.each([
    { name: 'whole', chunks: ['one\ntwo\n'], lines: ['one', 'two'] },
    { name: 'in pieces', chunks: ['o', 'ne\nt', 'wo', '\n'], lines: ['one', 'two'] },
    { name: 'unfinished', chunks: ['one\ntw'], lines: ['one'] },
    { name: 'empty', chunks: ['\n\n'], lines: ['', ''] },
  ])('are read $name', ({ chunks, lines }) => {
    expect(read(chunks, 100)).toEqual({ fine: true, lines });
  });

  it('keep a letter whose bytes come apart', () => {
    const lines: string[] = [];
    const reader = new LineReader((line) => lines.push(line), 100);
    const bytes = Buffer.from('é\n');
    for (const byte of bytes) reader.push(Buffer.from([byte]));
    expect(lines).toEqual(['é']);
  });

  it.each([
    { bytes: 8, fine: true },
    { bytes: 9, fine: false },
  ])('of $bytes bytes, where 8 may be: $fine', ({ bytes, fine }) => {
    expect(read(['x'.repeat(bytes)], 8).fine).toBe(fine);
    expect(read([`${'x'.repeat(bytes)}\n`], 8).fine).toBe(fine);
    expect(read(['x'.repeat(bytes - 1), 'x\n'], 8).fine).toBe(fine);
  });
});
