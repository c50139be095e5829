/**
 * A pair of connected unix sockets, which Node has no call for: a listener in a folder of mode 0700 that is connected to,
 * one at a time. Neither end is ever read here, so no byte of the cell can get lost on the way to the engine
 * (`child_process`'s own pipes start reading at once).
 */
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { socketPath, type SocketPath } from '../socket-path.ts';

export interface SocketPair {
  /** Goes to the engine; written to, never read. */
  readonly engineEnd: net.Socket;
  /** Goes to the cell; closed here once the cell has it. */
  readonly cellEnd: net.Socket;
}

export class SocketPairs {
  readonly #file: string;
  #listener: Listener;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: string, listener: Listener) {
    this.#file = file;
    this.#listener = listener;
  }

  static async open(folder: string): Promise<SocketPairs> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Those of spawners that were killed: there is one spawner to a run folder.
    for (const name of await readdir(folder)) {
      if (/^pairs-[0-9]+\.sock$/.test(name)) await rm(path.join(folder, name), { force: true });
    }
    const file = path.join(folder, `pairs-${process.pid}.sock`);
    return new SocketPairs(file, await listen(file));
  }

  /** @throws what the file system says, where not even a new listener can be made. */
  create(): Promise<SocketPair> {
    const pair = this.#last.then(() => this.#create());
    this.#last = pair.catch(() => undefined);
    return pair;
  }

  /** Whoever tidies up may have removed the socket's file: then there is a new listener. */
  async #create(): Promise<SocketPair> {
    try {
      return await this.#connect();
    } catch {
      this.close();
      this.#listener = await listen(this.#file);
      return this.#connect();
    }
  }

  async #connect(): Promise<SocketPair> {
    const cellEnd = new net.Socket();
    cellEnd.pause();
    const givenUp = new AbortController();
    const accepted = once(this.#listener.server, 'connection', { signal: givenUp.signal });
    // Its end is that of the connection: without one nobody waits for it.
    accepted.catch(() => undefined);
    cellEnd.connect(this.#listener.address.path);
    await once(cellEnd, 'connect').catch((error: unknown) => {
      givenUp.abort();
      cellEnd.destroy();
      throw error;
    });
    const [engineEnd] = (await accepted) as [net.Socket];
    // A peer that is gone shows in the write that fails; without a listener it would end the spawner.
    engineEnd.on('error', () => undefined);
    cellEnd.on('error', () => undefined);
    return { engineEnd, cellEnd };
  }

  close(): void {
    this.#listener.server.close();
    this.#listener.address.release();
  }
}

interface Listener {
  readonly server: net.Server;
  readonly address: SocketPath;
}

async function listen(file: string): Promise<Listener> {
  const address = socketPath(file);
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(address.path);
  try {
    await once(server, 'listening');
  } catch (error) {
    address.release();
    throw error;
  }
  return { server, address };
}
