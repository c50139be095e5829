/** What tests need to start a real server as a child process on a port of its own. */
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_DEADLINE_MS = 30_000;

/** Below what the system hands out to clients (from 32768 on): no connection of another test takes it in between. */
const PORTS = { from: 12_000, to: 32_000 };

let candidate = randomInt(PORTS.from, PORTS.to);

/** A port of the loopback on which nothing listens now; another one each time. */
export async function freePort(): Promise<number> {
  for (;;) {
    candidate = candidate + 1 < PORTS.to ? candidate + 1 : PORTS.from;
    const port = candidate;
    const server = createServer();
    const listens = new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!(await listens)) continue;
    await new Promise((resolve) => {
      server.close(resolve);
    });
    return port;
  }
}

/** Until the port, or the socket of that path, takes connections: with TLS or without, and before any login. Fails with the server's log. */
export async function answering(at: number | string, logFile: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (await connects(at)) return;
    await sleep(25);
  }
  const log = await readFile(logFile, 'utf8').catch(() => '');
  throw new Error(`nothing answers at ${at}: ${log}`);
}

function connects(at: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof at === 'number' ? connect(at, '127.0.0.1') : connect(at);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
