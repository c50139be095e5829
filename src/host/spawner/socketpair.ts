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
  readonly #server: net.Server;
  readonly #address: SocketPath;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(server: net.Server, address: SocketPath) {
    this.#server = server;
    this.#address = address;
  }

  static async open(folder: string): Promise<SocketPairs> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Those of spawners that were killed: there is one spawner to a run folder.
    for (const name of await readdir(folder)) {
      if (/^pairs-[0-9]+\.sock$/.test(name)) await rm(path.join(folder, name), { force: true });
    }
    const file = path.join(folder, `pairs-${process.pid}.sock`);
    const address = socketPath(file);
    const server = net.createServer({ pauseOnConnect: true });
    server.listen(address.path);
    await once(server, 'listening');
    return new SocketPairs(server, address);
  }

  create(): Promise<SocketPair> {
    const pair = this.#last.then(() => this.#connect());
    this.#last = pair.catch(() => undefined);
    return pair;
  }

  async #connect(): Promise<SocketPair> {
    const cellEnd = new net.Socket();
    cellEnd.pause();
    const accepted = once(this.#server, 'connection');
    cellEnd.connect(this.#address.path);
    const [[engineEnd]] = await Promise.all([accepted, once(cellEnd, 'connect')]);
    // A peer that is gone shows in the write that fails; without a listener it would end the spawner.
    (engineEnd as net.Socket).on('error', () => undefined);
    cellEnd.on('error', () => undefined);
    return { engineEnd: engineEnd as net.Socket, cellEnd };
  }

  close(): void {
    this.#server.close();
    this.#address.release();
  }
}
