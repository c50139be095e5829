/**
 * The calls of one channel, by id: a free list and typed arrays, so that a call costs no object.
 *
 * Invariants
 * T1 An id is free or in use, never both; ids are 1 to `capacity`.
 * T2 What an exchange's owner sees as over (`detach`) stays in use until the cell has said so (`release`), because until
 *    then its frames may arrive.
 */
import { FROM_OUTSIDE, type CellExchange } from './cell-caller.ts';
import type { CallInFlight } from './door.ts';

/** What is known of a call, as bits of `state[id]`. */
export const Call = {
  InUse: 1,
  /** The head of the response has come. */
  Answered: 2,
  /** The response's body frames may come. */
  BodyOpen: 4,
  /** The request's body frames may be sent. */
  UploadOpen: 8,
  /** A cancel is out that the cell has to answer by ending the call. */
  Cancelled: 16,
  /** Of an exported function, not of the HTTP handler. */
  Function: 32,
  /** The response to HEAD: its length is declared and its body absent. */
  Bodyless: 64,
} as const;

export class CallTable {
  readonly capacity: number;
  readonly state: Uint8Array;
  /** On the clock of `performance.now()`. */
  readonly deadlineAtMs: Float64Array;
  /** Bytes of the response's body that the cell may still send (W3). */
  readonly receivable: Int32Array;
  /** Bytes of the request's body that the engine may still send (W3). */
  readonly sendable: Int32Array;
  /** What the declared length still misses; -1 where none was declared. */
  readonly missing: Float64Array;
  /** Ticks since the cancel. */
  readonly waited: Uint8Array;
  readonly exchanges: (CellExchange | undefined)[];
  inUse = 0;
  readonly #free: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.state = new Uint8Array(capacity + 1);
    this.deadlineAtMs = new Float64Array(capacity + 1);
    this.receivable = new Int32Array(capacity + 1);
    this.sendable = new Int32Array(capacity + 1);
    this.missing = new Float64Array(capacity + 1);
    this.waited = new Uint8Array(capacity + 1);
    this.exchanges = Array.from({ length: capacity + 1 }, () => undefined);
    this.#free = Int32Array.from({ length: capacity }, (_, index) => capacity - index);
  }

  /** @throws RangeError where every id is in use: callers look at `inFlight` and `concurrency` first. */
  take(exchange: CellExchange, state: number, deadlineAtMs: number): number {
    if (this.inUse === this.capacity) throw new RangeError(`more than ${this.capacity} calls in one cell`);
    const id = this.#free[this.capacity - ++this.inUse]!;
    this.state[id] = state | Call.InUse;
    this.deadlineAtMs[id] = deadlineAtMs;
    this.missing[id] = -1;
    this.waited[id] = 0;
    this.exchanges[id] = exchange;
    return id;
  }

  /** On whose behalf its guest may ask others now; `undefined` where the call is over for its owner. */
  served(id: number): Pick<CallInFlight, 'lineage' | 'deadlineAtMs'> | undefined {
    const exchange = id <= this.capacity && !this.has(id, Call.Cancelled) ? this.exchanges[id] : undefined;
    return exchange && { lineage: exchange.lineage ?? FROM_OUTSIDE, deadlineAtMs: this.deadlineAtMs[id]! };
  }

  /** The exchange hears of this call no more (T2). */
  detach(id: number): CellExchange | undefined {
    const exchange = this.exchanges[id];
    this.exchanges[id] = undefined;
    return exchange;
  }

  release(id: number): CellExchange | undefined {
    const exchange = this.detach(id);
    this.state[id] = 0;
    this.#free[this.capacity - this.inUse--] = id;
    return exchange;
  }

  has(id: number, state: number): boolean {
    return (this.state[id]! & state) === state;
  }

  /** True for an id that is in use; ids come from a hostile peer. */
  isInUse(id: number): boolean {
    return id >= 1 && id <= this.capacity && this.has(id, Call.InUse);
  }
}
