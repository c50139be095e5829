/** Servers to compare with, each in a process of its own on an ephemeral port of loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../support/child-server.ts';

export interface Peer {
  readonly url: string;
  /** Of the process that has the listener; absent where nobody knows. */
  readonly serverPid?: number;
  /** Of the cells that run now. */
  readonly cellPids?: () => readonly number[];
  readonly stop: () => Promise<void>;
}

const ROOT = join(import.meta.dirname, '../../..');
const START_DEADLINE_MS = 60_000;
const MAX_OUTPUT_CHARACTERS = 10_000;
const STOP_DEADLINE_MS = 5_000;

export function startBare(): Promise<Peer> {
  return startPeer([join(import.meta.dirname, 'bare.ts')], /listening on (\S+)/);
}

/** `jco serve` of an example, as it comes. */
export async function startJcoServe(example: string): Promise<Peer> {
  const port = await freePort();
  const jco = join(ROOT, 'node_modules/@bytecodealliance/jco/dist/jco.js');
  const component = join(ROOT, 'examples/wasm', `${example}.wasm`);
  const peer = await startPeer(
    [jco, 'serve', component, '--host', '127.0.0.1', '--port', String(port)],
    /(Server listening)/i,
  );
  // The server is a child of it.
  const { stop } = peer;
  return { url: `http://127.0.0.1:${port}/`, stop };
}

/** Runs a script of Node until it prints what shows that it listens. */
async function startPeer(args: readonly string[], listening: RegExp): Promise<Peer> {
  // A group of its own: `jco serve` runs its server as a child, which outlives a signal to jco alone.
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  // Only when nobody of the group holds its pipes any more.
  const closed = once(child, 'close');
  const killGroup = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // Gone already.
    }
  };
  const killAtExit = (): void => killGroup('SIGKILL');
  process.once('exit', killAtExit);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (what: string): void => reject(new Error(`${args.join(' ')} ${what}: ${output}`));
    const deadline = setTimeout(() => {
      fail(`did not listen within ${START_DEADLINE_MS} ms`);
      killGroup('SIGKILL');
    }, START_DEADLINE_MS);
    const take = (text: string): void => {
      output = (output + text).slice(-MAX_OUTPUT_CHARACTERS);
      const match = listening.exec(output);
      if (!match) return;
      clearTimeout(deadline);
      resolve(match[1]!);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('exit', (code) => {
      clearTimeout(deadline);
      fail(`ended with ${code}`);
    });
  });
  return {
    url,
    serverPid: child.pid!,
    stop: async () => {
      killGroup('SIGTERM');
      const deadline = setTimeout(killAtExit, STOP_DEADLINE_MS);
      await closed;
      clearTimeout(deadline);
      process.removeListener('exit', killAtExit);
    },
  };
}
