/**
 * The engine's end of its spawner process.
 *
 * Invariants
 * P1 A spawner that dies is started again, with back-off. Cells that it had started live on: their channels are ours, and
 *    the next spawner is told to keep and, when asked, to kill them.
 * P2 Every request ends: with its answer, or with a Problem when the spawner that had it is gone. One that leaves a
 *    request without an answer is stuck, and is killed for it.
 */
import type { ChildProcess } from 'node:child_process';
import type net from 'node:net';
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { CellProcess } from './cell-process.ts';
import { endChild } from './end-child.ts';
import { startChild } from './start-child.ts';
import { holdUnread } from './hold-unread.ts';
import type { AssignRequest } from './spawner/assign.ts';
import type { AheadLimit } from './spawner/data-limit.ts';
import type { CellExit, FromSpawner, SandboxKind, SpawnerConfig, ToSpawner } from './spawner/messages.ts';

const RESTART_BACKOFF_INITIAL_MS = 20;
const RESTART_BACKOFF_MAX_MS = 5_000;
/** Above the sum of the spawner's own deadlines for a start or an assignment. */
const ANSWER_DEADLINE_MS = 30_000;
/** From the close of an orphan's channel until we stop waiting for somebody to say how it ended. */
const CLOSE_DEADLINE_MS = 5_000;

export interface SpawnerClientOptions {
  /** Starts the process `src/process/spawner.ts` with an IPC channel. */
  readonly fork: () => ChildProcess;
  readonly config: Omit<SpawnerConfig, 'keep'>;
  readonly log: Logger;
  /** A new spawner is there: processes that waited for the old one cannot be assigned any more. */
  readonly onRestart: () => void;
  /** For tests: `ANSWER_DEADLINE_MS` otherwise. */
  readonly answerDeadlineMs?: number;
}

export interface Sandbox {
  readonly strict: boolean;
  readonly why: string;
  readonly processor: string;
}

interface Held {
  readonly pid: number;
  readonly channel: net.Socket;
  readonly exited: Deferred<CellExit | undefined>;
  /** The spawner that started it; another one does not see it end. */
  readonly spawner: ChildProcess;
}

export class SpawnerClient {
  /** Absent until the first spawner has found out. */
  sandbox: Sandbox | undefined;
  readonly #options: SpawnerClientOptions;
  readonly #starting = new Map<number, { kind: SandboxKind; result: Deferred<Result<CellProcess, Problem>> }>();
  readonly #assigning = new Map<number, Deferred<Result<void, Problem>>>();
  readonly #held = new Map<number, Held>();
  /** Of processes that are about to be said to have started. */
  readonly #brokerEnds = new Map<number, net.Socket>();
  #child: ChildProcess | undefined;
  readonly #configured = new Deferred<void>();
  /** Of the present spawner: it is configured, or has ended. */
  #ready = new Deferred<void>();
  #lastId = 0;
  #backoffMs = RESTART_BACKOFF_INITIAL_MS;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SpawnerClientOptions) {
    this.#options = options;
    this.#fork();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the first spawner has said what the machine offers. */
  get configured(): Promise<void> {
    return this.#configured.promise;
  }

  /** Starts a process. It is still booting when this resolves. */
  async start(kind: SandboxKind): Promise<Result<CellProcess, Problem>> {
    const started = await this.startSlots(kind, 1, true);
    return started.ok ? ok(started.value[0]!) : started;
  }

  /** The same with a channel for each of so many cells: one process, or none. Where nobody waits for it, it boots at the lowest priority. */
  async startSlots(
    kind: SandboxKind,
    slots: number,
    isAwaited: boolean,
  ): Promise<Result<readonly CellProcess[], Problem>> {
    const spawner = this.#child;
    if (!spawner) return err(gone());
    const ids = Array.from({ length: slots }, () => ++this.#lastId);
    const results = ids.map((id) => {
      const result = new Deferred<Result<CellProcess, Problem>>();
      this.#starting.set(id, { kind, result });
      return result.promise;
    });
    this.#send({ type: 'start', cells: ids, kind, isAwaited });
    const started = await this.#inTime(spawner, Promise.all(results));
    const failed = started.find((one) => !one.ok);
    const cells = started.flatMap((one) => (one.ok ? [one.value] : []));
    if (!failed) return ok(cells);
    for (const cell of cells) cell.end();
    return failed.ok ? ok(cells) : failed;
  }

  /** What a process that waits will probably run may map: its start does not wait for that limit then. */
  limitAhead(cell: CellProcess, limit: AheadLimit): void {
    if (this.#held.get(cell.id)?.spawner === this.#child) this.#send({ type: 'limitAhead', cell: cell.id, ...limit });
  }

  /** Writes the assignment and its files to the process. From then on the channel is the engine's alone. */
  async assign(cell: CellProcess, request: AssignRequest): Promise<Result<void, Problem>> {
    const held = this.#held.get(cell.id);
    if (!held || held.spawner !== this.#child) return err(gone());
    const result = new Deferred<Result<void, Problem>>();
    this.#assigning.set(cell.id, result);
    this.#send({ type: 'assign', cell: cell.id, ...request });
    return this.#inTime(held.spawner, result.promise);
  }

  /** Ends the spawner, and with it every cell that still runs. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    if (this.#child) await endChild(this.#child, CLOSE_DEADLINE_MS);
  }

  #fork(): void {
    const { fork, log } = this.#options;
    const child = startChild({
      fork,
      name: 'the spawner',
      log,
      onExit: (ended, code, signal) => this.#onExit(ended, code, signal),
    });
    if (!child) return this.#forkLater();
    this.#child = child;
    child.on('message', (message, handle) => {
      if (this.#child === child) this.#onMessage(child, message as FromSpawner, handle as net.Socket | undefined);
    });
    this.#send({
      type: 'configure',
      config: { ...this.#options.config, keep: [...this.#held.values()].map(({ pid }) => pid) },
    });
    this.#ready = new Deferred<void>();
    void this.#inTime(child, this.#ready.promise);
  }

  /** The answer, which comes when the spawner gives it or ends. */
  async #inTime<T>(spawner: ChildProcess, answer: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#options.log.error({ pid: spawner.pid }, 'the spawner gives no answer; ending it');
      spawner.kill('SIGKILL');
    }, this.#options.answerDeadlineMs ?? ANSWER_DEADLINE_MS);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #send(message: ToSpawner): void {
    // A spawner that is going down answers nothing: its exit ends what is pending.
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  #onMessage(spawner: ChildProcess, message: FromSpawner, channel: net.Socket | undefined): void {
    switch (message.type) {
      case 'configured':
        this.sandbox = { strict: message.strict, why: message.why, processor: message.processor };
        this.#backoffMs = RESTART_BACKOFF_INITIAL_MS;
        this.#ready.resolve();
        return this.#configured.resolve();
      case 'brokerEnd':
        if (channel) this.#brokerEnds.set(message.cell, holdUnread(channel));
        return;
      case 'started':
        return this.#onStarted(spawner, message.cell, message.pid, channel);
      case 'startFailed':
        this.#starting.get(message.cell)?.result.resolve(err(message.problem));
        this.#starting.delete(message.cell);
        return;
      case 'assigned':
        return this.#onAssigned(message.cell, ok(undefined));
      case 'assignFailed':
        return this.#onAssigned(message.cell, err(message.problem));
      case 'exited':
        this.#held.get(message.cell)?.exited.resolve(message.exit);
        this.#held.delete(message.cell);
        return;
    }
  }

  #onStarted(spawner: ChildProcess, id: number, pid: number, channel: net.Socket | undefined): void {
    const starting = this.#starting.get(id);
    this.#starting.delete(id);
    const brokerEnd = this.#brokerEnds.get(id);
    this.#brokerEnds.delete(id);
    // Node drops a descriptor whose other end is closed already: the process died at once.
    if (!starting || !channel) {
      brokerEnd?.destroy();
      return starting?.result.resolve(err(problem('HW4141', 'the process ended as it started')));
    }
    const exited = new Deferred<CellExit | undefined>();
    const held = { pid, channel, exited, spawner };
    if (brokerEnd) void exited.promise.then(() => brokerEnd.destroy());
    this.#held.set(id, held);
    channel.pause();
    channel.on('error', () => undefined);
    channel.once('close', () => {
      if (held.spawner !== this.#child) this.#lose(id, held);
    });
    const end = (): void => {
      this.#send({ type: 'kill', pid });
      channel.destroy();
      brokerEnd?.destroy();
    };
    starting.result.resolve(
      ok({ id, pid, kind: starting.kind, channel, brokerEnd, exited: exited.promise, end, kill: end }),
    );
  }

  #onAssigned(id: number, result: Result<void, Problem>): void {
    this.#assigning.get(id)?.resolve(result);
    this.#assigning.delete(id);
  }

  /** Nobody will say how this one ended. */
  #lose(id: number, held: Held): void {
    held.exited.resolve(undefined);
    this.#held.delete(id);
  }

  #onExit(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const { result } of this.#starting.values()) result.resolve(err(gone()));
    for (const result of this.#assigning.values()) result.resolve(err(gone()));
    this.#starting.clear();
    for (const brokerEnd of this.#brokerEnds.values()) brokerEnd.destroy();
    this.#brokerEnds.clear();
    this.#assigning.clear();
    this.#ready.resolve();
    for (const [id, held] of this.#held) {
      if (held.spawner === child && held.channel.destroyed) this.#lose(id, held);
    }
    if (this.#closed) return;
    this.#options.log.error({ code, signal, backoffMs: this.#backoffMs }, 'the spawner ended; starting it again');
    this.#forkLater();
  }

  #forkLater(): void {
    this.#restart = setTimeout(() => {
      this.#fork();
      this.#options.onRestart();
    }, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, RESTART_BACKOFF_MAX_MS);
  }
}

function gone(): Problem {
  return problem('HW4141', 'the process that starts cells is itself being started again');
}
