/**
 * The engine's end of the link to control.
 *
 * Invariants
 * K1 One control at a time: whoever said hello last. An older one is told, and closed.
 * K2 A control that does not read (stopped, swapped out) costs a bounded amount of memory: nothing more is read from it
 *    while it owes us the reading of its answers, and "changed" is one bit until it has caught up.
 * K3 Losing the link changes nothing about what the engine serves.
 */
import { chmodSync, rmSync } from 'node:fs';
import net from 'node:net';
import type { Logger } from 'pino';
import { err, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import {
  LINK_VERSION,
  LineReader,
  MAX_LINK_LINE_BYTES,
  type FromEngine,
  type LinkHandlers,
  type LinkMethod,
  type ToEngine,
} from '../wire/engine-link.ts';
import { socketPath } from './socket-path.ts';

/** Answers that control has not read, before we stop reading its calls. */
export const MAX_UNREAD_BYTES = 1024 * 1024;
/** A control that asks for more than this without reading is cut off: it comes back and asks again. */
export const MAX_OWED_BYTES = 2 * MAX_LINK_LINE_BYTES;
/** A connection that has not said hello by then is not control. */
const HELLO_DEADLINE_MS = 5_000;
const MAX_CONNECTIONS = 8;

export interface LinkServerOptions {
  readonly path: string;
  readonly epoch: string;
  readonly handlers: LinkHandlers;
  readonly log: Logger;
}

export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #server: net.Server;
  #current: Link | undefined;

  private constructor(options: LinkServerOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#onConnection(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws when the socket cannot be made: without it there is no engine. */
  static async open(options: LinkServerOptions): Promise<LinkServer> {
    // What lies there belongs to an engine that is gone: two never share a data folder.
    rmSync(options.path, { force: true });
    const link = new LinkServer(options);
    const address = socketPath(options.path);
    await new Promise<void>((resolve, reject) => {
      link.#server.once('error', reject);
      link.#server.listen(address.path, resolve);
    }).finally(() => address.release());
    chmodSync(options.path, 0o600);
    return link;
  }

  /** Something is worth looking at. Cheap, and said as often as anybody likes. */
  changed(): void {
    this.#current?.changed();
  }

  get connected(): boolean {
    return this.#current !== undefined;
  }

  /** Bytes of answers that control has not taken (K2). */
  get unreadBytes(): number {
    return this.#current?.unreadBytes ?? 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#current?.close();
    await closed;
  }

  #onConnection(socket: net.Socket): void {
    const link: Link = new Link(socket, this.#options, {
      onHello: (pid) => {
        this.#current?.replace();
        this.#current = link;
        this.#options.log.info({ controlPid: pid }, 'control is connected');
      },
      onClose: () => {
        if (this.#current !== link) return;
        this.#current = undefined;
        this.#options.log.warn('control is gone; serving on');
      },
    });
  }
}

interface LinkOwner {
  onHello(pid: number): void;
  onClose(): void;
}

class Link {
  readonly #socket: net.Socket;
  readonly #options: LinkServerOptions;
  readonly #owner: LinkOwner;
  readonly #helloTimer: NodeJS.Timeout;
  #isControl = false;
  #changed = false;

  constructor(socket: net.Socket, options: LinkServerOptions, owner: LinkOwner) {
    this.#socket = socket;
    this.#options = options;
    this.#owner = owner;
    const reader = new LineReader((line) => this.#onLine(line));
    this.#helloTimer = setTimeout(() => socket.destroy(), HELLO_DEADLINE_MS);
    socket.on('data', (chunk: Buffer) => {
      if (!reader.push(chunk)) this.#refuse(`a line of more than ${MAX_LINK_LINE_BYTES} bytes`);
    });
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(this.#helloTimer);
      owner.onClose();
    });
  }

  get unreadBytes(): number {
    return this.#socket.writableLength;
  }

  changed(): void {
    this.#changed = true;
    if (this.#socket.writableLength === 0) this.#sayChanged();
  }

  replace(): void {
    this.#send({ type: 'replaced' });
    this.close();
  }

  close(): void {
    // Not `end`: a control that does not read would keep the connection open for ever.
    if (this.#socket.writableLength === 0) this.#socket.end();
    else this.#socket.destroy();
  }

  #sayChanged(): void {
    this.#changed = false;
    this.#send({ type: 'changed' });
  }

  #onDrain(): void {
    this.#socket.resume();
    if (this.#changed) this.#sayChanged();
  }

  #onLine(line: string): void {
    let message: ToEngine;
    try {
      message = JSON.parse(line) as ToEngine;
    } catch {
      return this.#refuse('a line that is not JSON');
    }
    if (message.type === 'hello') return this.#onHello(message);
    if (!this.#isControl) return this.#refuse('a call before the hello');
    void this.#answer(message);
  }

  #onHello({ version, pid }: Extract<ToEngine, { type: 'hello' }>): void {
    clearTimeout(this.#helloTimer);
    this.#send({ type: 'hello', version: LINK_VERSION, epoch: this.#options.epoch, pid: process.pid });
    if (version !== LINK_VERSION) {
      this.#options.log.error({ control: version, engine: LINK_VERSION }, 'control speaks another version');
      this.#socket.end();
      return;
    }
    this.#isControl = true;
    this.#owner.onHello(pid);
  }

  async #answer({ id, method, params }: Extract<ToEngine, { type: 'call' }>): Promise<void> {
    const result = await this.#handle(method, params);
    if (this.#socket.destroyed) return;
    this.#send({ type: 'answer', id, result });
    if (this.#socket.writableLength > MAX_OWED_BYTES) this.#refuse('more answers than control reads');
    else if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.pause();
  }

  async #handle(method: LinkMethod, params: unknown): Promise<Result<unknown, Problem>> {
    const handler = this.#options.handlers[method] as LinkHandlers[LinkMethod] | undefined;
    if (!handler) return err(problem('HW4123', `the engine knows no method ${method}`));
    try {
      return await handler(params as never);
    } catch (error) {
      // A bug of ours: the engine serves on, and control says what it was.
      this.#options.log.error({ err: error, method }, 'a call of control failed');
      return err(problem('HW4120', `the engine failed in ${method}: ${(error as Error).message}`));
    }
  }

  #refuse(why: string): void {
    this.#options.log.error({ why }, 'the link was closed');
    this.#socket.destroy();
  }

  #send(message: FromEngine): void {
    if (!this.#socket.writable) return;
    const line = JSON.stringify(message);
    if (Buffer.byteLength(line) < MAX_LINK_LINE_BYTES) return void this.#socket.write(`${line}\n`);
    if (message.type !== 'answer') return;
    const tooLarge = err(problem('HW4121', `an answer of ${line.length} bytes, the longest is ${MAX_LINK_LINE_BYTES}`));
    this.#send({ ...message, result: tooLarge });
  }
}
