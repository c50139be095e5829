/**
 * Processes that have booted and wait for an assignment, so that a start does not pay for a process.
 *
 * Invariants
 * Q1 Few processes boot at a time, and one of them for the pool: a burst of starts must not take the processor from
 *    traffic. Whoever asks while nothing waits gets a process of its own, in the order of asking.
 * Q2 The place of one that was taken is filled a little later: the boot would take the processor from the start that took
 *    it, and a call may wait for that.
 * Q3 A process that ends while it waits leaves the pool, and failure to start backs off.
 * Q4 Those that wait are given limits ahead, and whoever asks gets one that has his where there is one. It is no promise:
 *    the spawner knows what is in force.
 * Q5 One whose hard limit was set ahead, which nobody can raise, goes to nobody who needs more; where somebody may come who does,
 *    it is replaced, one at a time.
 */
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { CellProcess } from './cell-process.ts';
import { shareOut, type LikelyLimits } from './likely-limits.ts';
import { awaitBooted } from './spawner/booted.ts';
import type { AheadLimit } from './spawner/data-limit.ts';
import type { SandboxKind } from './spawner/messages.ts';

const BOOT_DEADLINE_MS = 10_000;
/** Cells that boot at once, when an engine has started and control asks for everything. */
export const MAX_BOOTING = 4;
/** Q2: longer than most starts take from a process that waits. */
const REFILL_DELAY_MS = 100;
const REFILL_BACKOFF_INITIAL_MS = 500;
const REFILL_BACKOFF_MAX_MS = 30_000;

export interface PoolOptions {
  readonly size: number;
  /** What waiting processes are started as. */
  readonly kind: () => SandboxKind;
  /** One process with so many slots; where nobody waits for it, it boots when the processor has nothing else to do. */
  readonly start: (
    kind: SandboxKind,
    slots: number,
    isAwaited: boolean,
  ) => Promise<Result<readonly CellProcess[], Problem>>;
  /** Has the memory limit of one that waits set. */
  readonly limitAhead: (cell: CellProcess, limit: AheadLimit) => void;
  readonly log: Logger;
}

interface Waiting {
  readonly cell: CellProcess;
  /** What its limit was set for (Q4). */
  dataBytes: number | undefined;
  /** The most that it can be given (Q5). */
  mostDataBytes: number;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #waiting: Waiting[] = [];
  #expected: LikelyLimits = { likely: [], most: 0 };
  /** Whoever waits for a place among those that boot. */
  readonly #queue: Deferred<void>[] = [];
  #booting = 0;
  #filling = false;
  #backoffMs = REFILL_BACKOFF_INITIAL_MS;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get ready(): number {
    return this.#waiting.length;
  }

  /**
   * A booted process: one that waits, else a new one. `isWanted` is asked again before one is started.
   *
   * @param dataBytes what it will be given.
   */
  async take(kind: SandboxKind, dataBytes: number, isWanted: () => boolean): Promise<Result<CellProcess, Problem>> {
    const fits = this.#waiting.filter(({ cell, mostDataBytes }) => cell.kind === kind && mostDataBytes >= dataBytes);
    const taken = fits.find((one) => one.dataBytes === dataBytes) ?? fits[0];
    if (!taken) return first(await this.boot(kind, 1, isWanted));
    this.#waiting.splice(this.#waiting.indexOf(taken), 1);
    if (!this.#retry) this.#fillAfter(REFILL_DELAY_MS);
    return ok(taken.cell);
  }

  /** What may come next (Q4). */
  expect(expected: LikelyLimits): void {
    this.#expected = expected;
    const { likely, most } = expected;
    const has = this.#waiting.map(({ dataBytes }) => dataBytes);
    for (const [index, dataBytes] of shareOut(likely, this.#options.size, has).entries()) {
      const one = this.#waiting[index]!;
      if (dataBytes === undefined || dataBytes === one.dataBytes || dataBytes > one.mostDataBytes) continue;
      one.dataBytes = dataBytes;
      // What a filter keeps from changing its limits has no hard one before it is assigned.
      if (one.cell.kind === 'Process') one.mostDataBytes = Math.min(one.mostDataBytes, most);
      this.#options.limitAhead(one.cell, { dataBytes, mostDataBytes: most });
    }
    const tight = this.#waiting.find(({ mostDataBytes }) => mostDataBytes < most);
    if (tight) this.#leave(tight.cell);
  }

  /** Starts processes, one after the other, until enough wait. */
  fill(): void {
    if (this.#filling || this.#closed || this.#retry || this.#waiting.length >= this.#options.size) return;
    void this.#fillOne();
  }

  async #fillOne(): Promise<void> {
    this.#filling = true;
    const cell = first(await this.boot(this.#options.kind(), 1, () => !this.#closed, false));
    this.#filling = false;
    if (cell.ok) this.#park(cell.value);
    else this.#backOff(cell.error);
  }

  /** Ends what waits: its spawner is gone, or the engine goes. */
  discard(): void {
    for (const { cell } of this.#waiting.splice(0)) cell.end();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.discard();
  }

  /** A process that has booted, of none that waited: one cell for each of its slots (Q1). Somebody waits for it. */
  async boot(
    kind: SandboxKind,
    slots: number,
    isWanted: () => boolean,
    isAwaited = true,
  ): Promise<Result<readonly CellProcess[], Problem>> {
    if (this.#booting >= MAX_BOOTING) {
      const turn = new Deferred<void>();
      this.#queue.push(turn);
      await turn.promise;
    } else this.#booting += 1;
    try {
      return isWanted()
        ? await this.#start(kind, slots, isAwaited)
        : err(problem('HW4001', 'nobody wants the process any more'));
    } finally {
      const next = this.#queue.shift();
      if (next) next.resolve();
      else this.#booting -= 1;
    }
  }

  async #start(kind: SandboxKind, slots: number, isAwaited: boolean): Promise<Result<readonly CellProcess[], Problem>> {
    const started = await this.#options.start(kind, slots, isAwaited);
    if (!started.ok) return started;
    // What is said on the first is true for all: the others say it in the same turn.
    const booted = await awaitBooted(started.value[0]!.channel, BOOT_DEADLINE_MS);
    if (booted.ok) {
      const { pid } = started.value[0]!;
      // It starts what it is given all the same, and nobody would know why that took so long.
      if (!booted.value.isRehearsed) this.#options.log.warn({ pid }, 'a process waits that has not rehearsed a start');
      return started;
    }
    for (const cell of started.value) cell.end();
    return err(problem('HW4141', booted.error));
  }

  #park(cell: CellProcess): void {
    this.#backoffMs = REFILL_BACKOFF_INITIAL_MS;
    if (this.#closed) return cell.end();
    this.#waiting.push({ cell, dataBytes: undefined, mostDataBytes: Number.POSITIVE_INFINITY });
    this.expect(this.#expected);
    cell.channel.once('close', () => this.#leave(cell));
    void cell.exited.then(() => this.#leave(cell));
    this.fill();
  }

  #leave(cell: CellProcess): void {
    const index = this.#waiting.findIndex((one) => one.cell === cell);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    cell.end();
    this.fill();
  }

  #backOff(why: Problem): void {
    if (this.#closed) return;
    this.#options.log.warn({ problem: why, backoffMs: this.#backoffMs }, 'no process for the pool');
    this.#fillAfter(this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, REFILL_BACKOFF_MAX_MS);
  }

  #fillAfter(delayMs: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.fill();
    }, delayMs);
  }
}

function first(booted: Result<readonly CellProcess[], Problem>): Result<CellProcess, Problem> {
  return booted.ok ? ok(booted.value[0]!) : booted;
}
