/**
 * The engine's end of its broker process.
 *
 * Invariants
 * M1 There is a broker from the first cell on that can ask for something. One that dies is started again, with back-off. The cells live on: their ends of the channels are held here, and
 *    the next broker gets them with the grants in force. What guests were waiting for ends with their interface's error.
 * M2 A broker hears of the grants before it hears of a cell, and `grant` resolves when they are in force; where there is
 *    no broker they are in force as well: nobody is asked by others.
 * M3 Records are kept until control has said that it has them, at most `MAX_RECORDS`; what is beyond is counted.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type net from 'node:net';
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { err, type Result } from '../kit/result.ts';
import type { DropReason } from '../model/datagrams.ts';
import type { StoreOrder, StoresDone } from '../model/edition.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { GrantsInForce } from '../model/snapshot.ts';
import { ATTACH_BYTES } from '../wire/broker-frames.ts';
import type { CallInFlight, Door } from '../wire/door.ts';
import type { BrokerCell, BrokerConfig, BrokerLimit, FromBrokerProcess, ToBrokerProcess } from '../wire/broker-link.ts';
import { endChild } from './end-child.ts';
import { startChild } from './start-child.ts';
import { RecordQueue } from './record-queue.ts';

const RESTART_BACKOFF_INITIAL_MS = 20;
const RESTART_BACKOFF_MAX_MS = 5_000;
/** A broker that lived this long starts over with the shortest back-off. */
const STABLE_AFTER_MS = 10_000;
/** A broker that has not said by then that grants are in force is stuck, and is ended for it. */
const GRANT_DEADLINE_MS = 5_000;
const CLOSE_DEADLINE_MS = 2_000;

export interface BrokerClientOptions {
  /** Starts the process `src/process/broker.ts` with an IPC channel. */
  readonly fork: () => ChildProcess;
  readonly config: BrokerConfig;
  /** How the broker reaches other entries of this engine. */
  readonly door: Door;
  readonly log: Logger;
  readonly onRecords: () => void;
}

/** A cell's side of it: told with which token its channel begins, or that there is nobody at the other end. */
export interface BrokerUser {
  readonly cell: Omit<BrokerCell, 'token' | 'door'>;
  readonly end: net.Socket;
  onBroker(token: Buffer | undefined): void;
  onLimit(limit: BrokerLimit, count: number): void;
  onDropped(reason: DropReason, count: number): void;
  onViolation(why: string): void;
  /** A call that the cell is serving. */
  callOf(id: number): Omit<CallInFlight, 'group'> | undefined;
}

export class BrokerClient {
  readonly records = new RecordQueue();
  readonly #options: BrokerClientOptions;
  readonly #users = new Map<number, BrokerUser>();
  readonly #granting = new Map<number, Deferred<void>>();
  readonly #ordered = new Map<number, Deferred<Result<StoresDone, Problem>>>();
  #grants: GrantsInForce | undefined;
  #child: ChildProcess | undefined;
  #startedAtMs = 0;
  #lastId = 0;
  #backoffMs = RESTART_BACKOFF_INITIAL_MS;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BrokerClientOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** M2. */
  async grant(grants: GrantsInForce): Promise<void> {
    this.#grants = grants;
    if (this.#child) await this.#sendGrants(grants);
  }

  /** What control wants done with stores. Where the broker ends meanwhile nobody knows: it is asked again. */
  async carryOut(order: StoreOrder): Promise<Result<StoresDone, Problem>> {
    if (this.#closed || this.#restart) return err(problem('HW4120', 'the broker is being started again'));
    if (!this.#child) this.#start();
    if (!this.#child) return err(problem('HW4120', 'the broker could not be started'));
    const id = ++this.#lastId;
    const done = new Deferred<Result<StoresDone, Problem>>();
    this.#ordered.set(id, done);
    this.#send({ type: 'stores', id, order });
    return done.promise;
  }

  attach(user: BrokerUser): void {
    this.#users.set(user.cell.cell, user);
    if (this.#child) this.#attach(user);
    else if (!this.#restart) this.#start();
  }

  detach(cell: number): void {
    if (!this.#users.delete(cell)) return;
    this.#send({ type: 'gone', cell });
  }

  /** Which call of which cell somebody asks for; `undefined` where there is no such call. */
  callOf(cell: number, call: number): CallInFlight | undefined {
    const user = this.#users.get(cell);
    const found = user?.callOf(call);
    return user && found && { group: user.cell.group, ...found };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#restart);
    if (this.#child) await endChild(this.#child, CLOSE_DEADLINE_MS);
  }

  #start(): void {
    this.#restart = undefined;
    const { fork, log } = this.#options;
    const child = startChild({
      fork,
      name: 'the broker',
      log,
      onExit: (ended, code, signal) => this.#onExit(ended, code, signal),
    });
    if (!child) return this.#startLater();
    this.#child = child;
    this.#startedAtMs = performance.now();
    child.on('message', (message) => {
      if (this.#child === child) this.#onMessage(message as FromBrokerProcess);
    });
    this.#send({ type: 'configure', config: this.#options.config });
    if (this.#grants) void this.#sendGrants(this.#grants);
    for (const user of this.#users.values()) this.#attach(user);
  }

  /** M1: a token of its own each time (B3 of `wire/broker-frames.ts`). */
  #attach(user: BrokerUser): void {
    const token = randomBytes(ATTACH_BYTES);
    this.#send(
      { type: 'cell', cell: { ...user.cell, door: this.#options.door, token: token.toString('hex') } },
      user.end,
    );
    user.onBroker(token);
  }

  async #sendGrants(grants: GrantsInForce): Promise<void> {
    const child = this.#child;
    const id = ++this.#lastId;
    const granted = new Deferred<void>();
    this.#granting.set(id, granted);
    this.#send({ type: 'grants', id, grants });
    const timer = setTimeout(() => {
      this.#options.log.error({ pid: child?.pid }, 'the broker gives no answer; ending it');
      child?.kill('SIGKILL');
    }, GRANT_DEADLINE_MS);
    await granted.promise;
    clearTimeout(timer);
  }

  #onMessage(message: FromBrokerProcess): void {
    switch (message.type) {
      case 'ready':
        this.#options.log.info({ pid: this.#child?.pid }, 'the broker is up');
        return;
      case 'granted':
        this.#granting.get(message.id)?.resolve();
        this.#granting.delete(message.id);
        return;
      case 'stores':
        this.#ordered.get(message.id)?.resolve(message.result);
        this.#ordered.delete(message.id);
        return;
      case 'records':
        this.records.add(message.records);
        return this.#options.onRecords();
      case 'limit':
        return this.#users.get(message.cell)?.onLimit(message.limit, message.count);
      case 'dropped':
        return this.#users.get(message.cell)?.onDropped(message.reason, message.count);
      case 'violation':
        this.#users.get(message.cell)?.onViolation(message.why);
    }
  }

  #onExit(child: ChildProcess, code: number | null, signal: string | null): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const granted of this.#granting.values()) granted.resolve();
    this.#granting.clear();
    for (const done of this.#ordered.values())
      done.resolve(err(problem('HW4120', 'the broker ended before it answered')));
    this.#ordered.clear();
    if (this.#closed) return;
    for (const user of this.#users.values()) user.onBroker(undefined);
    if (performance.now() - this.#startedAtMs > STABLE_AFTER_MS) this.#backoffMs = RESTART_BACKOFF_INITIAL_MS;
    this.#options.log.error({ code, signal, backoffMs: this.#backoffMs }, 'the broker ended; starting it again');
    this.#startLater();
  }

  #startLater(): void {
    this.#restart = setTimeout(() => this.#start(), this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, RESTART_BACKOFF_MAX_MS);
  }

  #send(message: ToBrokerProcess, handle?: net.Socket): void {
    // One that is going down answers nothing: its exit ends what is pending.
    if (this.#child?.connected) this.#child.send(message, handle, { keepOpen: true }, () => undefined);
  }
}
