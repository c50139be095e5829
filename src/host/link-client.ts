/**
 * Control's end of the link: `EnginePort` over a unix socket. A call while the link is down, or one that gets no answer, is
 * a Problem of policy Waiting: control looks again when `onChange` says that the link is back.
 */
import type net from 'node:net';
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { EnginePort, ServingEngine } from '../reconcile/ports.ts';
import {
  LINK_VERSION,
  LineReader,
  MAX_LINK_LINE_BYTES,
  type FromEngine,
  type LinkMethod,
  type LinkMethods,
  type ToEngine,
} from '../wire/engine-link.ts';
import { connectTo } from './socket-path.ts';

const RECONNECT_BACKOFF_INITIAL_MS = 20;
const RECONNECT_BACKOFF_MAX_MS = 1_000;
/** An engine that has not answered by then is stopped or stuck. */
export const CALL_DEADLINE_MS = 10_000;

export interface EngineLinkOptions {
  readonly path: string;
  readonly log: Logger;
  /** For tests: `CALL_DEADLINE_MS` otherwise. */
  readonly callDeadlineMs?: number;
}

/** The port, and what only its owner needs. */
export interface EngineLink extends ServingEngine {
  readonly connected: boolean;
  /** Of the process at the other end; undefined while there is none. */
  readonly epoch: string | undefined;
  close(): void;
}

export function connectEngine(options: EngineLinkOptions): EngineLink {
  return new EngineLinkClient(options);
}

interface Pending {
  readonly answer: Deferred<Result<unknown, Problem>>;
  readonly timer: NodeJS.Timeout;
}

class EngineLinkClient implements EngineLink {
  readonly #options: EngineLinkOptions;
  readonly #listeners = new Set<() => void>();
  readonly #pending = new Map<number, Pending>();
  #socket: net.Socket | undefined;
  #greeted = false;
  #epoch: string | undefined;
  #why: Problem = problem('HW4120', 'the link to the engine is not up yet');
  #lastId = 0;
  #backoffMs = RECONNECT_BACKOFF_INITIAL_MS;
  #reconnect: NodeJS.Timeout | undefined;
  /** Closed by us, or taken over by another control: never connects again. */
  #over = false;

  constructor(options: EngineLinkOptions) {
    this.#options = options;
    this.#connect();
  }

  get connected(): boolean {
    return this.#greeted;
  }

  get epoch(): string | undefined {
    return this.#greeted ? this.#epoch : undefined;
  }

  observe: EnginePort['observe'] = () => this.#call('observe', null);
  samples: EnginePort['samples'] = () => this.#call('samples', null);
  inForce: ServingEngine['inForce'] = () => this.#call('inForce', null);
  publish: EnginePort['publish'] = (snapshot) => this.#call('publish', snapshot);
  start: EnginePort['start'] = async (replica, cell) => nothing(await this.#call('start', { replica, cell }));
  stop: EnginePort['stop'] = async (replica, deadlineMs) => nothing(await this.#call('stop', { replica, deadlineMs }));
  forget: EnginePort['forget'] = async (replicas) => nothing(await this.#call('forget', { replicas }));
  records: EnginePort['records'] = (after) => this.#call('records', { after });
  stores: EnginePort['stores'] = (order) => this.#call('stores', order);
  synthesize: EnginePort['synthesize'] = async (run) => nothing(await this.#call('synthesize', run));
  fire: EnginePort['fire'] = async (firing) => nothing(await this.#call('fire', firing));
  stopFiring: EnginePort['stopFiring'] = async (firing) => nothing(await this.#call('stopFiring', { firing }));
  forgetFirings: EnginePort['forgetFirings'] = async (firings) =>
    nothing(await this.#call('forgetFirings', { firings }));

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#reconnect);
    this.#socket?.destroy();
  }

  async #call<Method extends LinkMethod>(
    method: Method,
    params: LinkMethods[Method]['params'],
  ): Promise<Result<LinkMethods[Method]['value'], Problem>> {
    if (!this.#greeted) return err(this.#why);
    const id = ++this.#lastId;
    const line = encode({ type: 'call', id, method, params });
    if (line.length > MAX_LINK_LINE_BYTES) {
      return err(problem('HW4121', `${method} of ${line.length} bytes, the longest is ${MAX_LINK_LINE_BYTES}`));
    }
    const answer = new Deferred<Result<unknown, Problem>>();
    const deadlineMs = this.#options.callDeadlineMs ?? CALL_DEADLINE_MS;
    const timer = setTimeout(() => {
      this.#settle(id, err(problem('HW4120', `the engine gave no answer to ${method} within ${deadlineMs} ms`)));
    }, deadlineMs);
    this.#pending.set(id, { answer, timer });
    this.#socket!.write(line);
    return (await answer.promise) as Result<LinkMethods[Method]['value'], Problem>;
  }

  #connect(): void {
    const socket = connectTo(this.#options.path);
    this.#socket = socket;
    const reader = new LineReader((line) => this.#onLine(socket, line));
    socket.on('connect', () => socket.write(encode({ type: 'hello', version: LINK_VERSION, pid: process.pid })));
    socket.on('data', (chunk: Buffer) => {
      if (!reader.push(chunk)) socket.destroy();
    });
    socket.on('error', (error) => {
      if (!this.#greeted) this.#why = problem('HW4120', `the engine is not reachable: ${error.message}`);
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#onClose());
  }

  #onLine(socket: net.Socket, line: string): void {
    if (socket !== this.#socket) return;
    const message = JSON.parse(line) as FromEngine;
    switch (message.type) {
      case 'hello':
        this.#epoch = message.epoch;
        return this.#onHello(message.version);
      case 'answer':
        return this.#settle(message.id, message.result);
      case 'changed':
        return this.#notify();
      case 'replaced':
        this.#over = true;
        this.#why = problem('HW4120', 'another control has taken over this engine');
        this.#options.log.error('another control has taken over this engine');
    }
  }

  #onHello(version: number): void {
    if (version !== LINK_VERSION) {
      this.#why = problem('HW4123', `the engine speaks version ${version} of the link, control ${LINK_VERSION}`);
      return;
    }
    this.#greeted = true;
    this.#backoffMs = RECONNECT_BACKOFF_INITIAL_MS;
    this.#options.log.info('the engine is connected');
    this.#notify();
  }

  #onClose(): void {
    const wasUp = this.#greeted;
    this.#greeted = false;
    if (wasUp && !this.#over) this.#why = problem('HW4120', 'the link to the engine has closed');
    for (const id of this.#pending.keys()) this.#settle(id, err(this.#why));
    if (wasUp) {
      this.#options.log.warn('the engine is gone');
      this.#notify();
    }
    if (this.#over) return;
    this.#reconnect = setTimeout(() => this.#connect(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, RECONNECT_BACKOFF_MAX_MS);
  }

  #settle(id: number, result: Result<unknown, Problem>): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    clearTimeout(pending.timer);
    this.#pending.delete(id);
    pending.answer.resolve(result);
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function encode(message: ToEngine): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\n`);
}

function nothing(result: Result<null, Problem>): Result<void, Problem> {
  return result.ok ? ok(undefined) : result;
}
