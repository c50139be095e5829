/**
 * A descriptor that came over IPC and is kept for somebody else: not one byte of it is read here, so that the next process
 * gets all of them. Without `holdUnread`, Node reads at once.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { holdUnread } from '../../src/host/hold-unread.ts';
import { SocketPairs } from '../../src/host/spawner/socketpair.ts';
import { temporaryFolder } from './running.ts';

const GIVER = path.join(import.meta.dirname, 'fixtures/giver.ts');
const folder = temporaryFolder();
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that makes a pair of sockets, gives one end away, and writes to the other what it is told. */
async function received(
  keep: (socket: net.Socket) => void,
): Promise<{ socket: net.Socket; write: (text: string) => Promise<void> }> {
  const child = fork(GIVER, [folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  const socket = await new Promise<net.Socket>((resolve) =>
    child.once('message', (_message, handle) => {
      keep(handle as net.Socket);
      resolve(handle as net.Socket);
    }),
  );
  return {
    socket,
    write: async (text) => {
      child.send({ text });
      await once(child, 'message');
    },
  };
}

/** What another process reads from it. */
async function readElsewhere(socket: net.Socket, bytes: number): Promise<string> {
  const child = fork(GIVER, ['reader', String(bytes)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  await once(child, 'message');
  child.send({ take: true }, socket, { keepOpen: true });
  const [{ text }] = (await once(child, 'message')) as [{ readonly text: string }];
  return text;
}

test('every byte is there for whoever reads it, one process after the other', async () => {
  const { socket, write } = await received((socket) => holdUnread(socket));
  await write('before ');
  await sleep(50);
  await write('and after');
  await sleep(50);
  expect(socket.bytesRead).toBe(0);
  expect(await readElsewhere(socket, 16)).toBe('before and after');
  await write(', and more');
  expect(await readElsewhere(socket, 10)).toBe(', and more');
  expect(socket.bytesRead).toBe(0);
  socket.destroy();
});

test('a socket that is only paused reads', async () => {
  const { socket, write } = await received((socket) => socket.pause());
  await write('before');
  await expect.poll(() => socket.bytesRead).toBe(6);
  socket.destroy();
});

test('a pair has two ends that nobody reads', async () => {
  const pairs = await SocketPairs.open(path.join(folder, 'run'));
  const { engineEnd, cellEnd } = await pairs.create();
  cellEnd.write('hello');
  await sleep(50);
  expect(engineEnd.bytesRead).toBe(0);
  engineEnd.destroy();
  cellEnd.destroy();
  pairs.close();
  rmSync(folder, { recursive: true, force: true });
});
