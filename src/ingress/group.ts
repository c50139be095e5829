/**
 * The ready replicas of one cell content, and the requests that wait for one of them to have room.
 *
 * Invariants
 * G1 A request waits only while every replica is at its concurrency, in order of arrival, at most until its deadline (room that
 *    comes later is not for it), and at most as many as the replicas' `queue` limits add up to.
 * G2 With a mailbox it also waits while there is no replica at all, at most as many as the mailbox holds.
 * G3 Where no replica is there but one that a call can start, requests wait for that one, at most as many as its `queue`, and
 *    one at least.
 */
import type { Code } from '../model/codes.ts';
import type { EntryKey } from '../model/component.ts';
import type { TellLimit } from '../model/limits.ts';
import { entryOfGroup, type GroupId } from '../model/snapshot.ts';
import { Outliers, type Ejected } from './outliers.ts';
import type { Beside, CellCaller, Standby } from '../wire/cell-caller.ts';

export interface Waiting {
  /** On the clock of `performance.now()`. */
  readonly deadlineAtMs: number;
}

const SWEEP_MS = 20;

export interface GroupOptions<Request extends Waiting> {
  readonly onTimeout: (request: Request) => void;
  /** Requests wait and a replica has room for the first of them. */
  readonly onRoom: (group: Group<Request>) => void;
  /** A replica was ejected, or may have requests again. */
  readonly onEjected: () => void;
  readonly onLimit: TellLimit;
}

export class Group<Request extends Waiting> {
  readonly id: GroupId;
  callers: readonly CellCaller[] = [];
  /** Grows with each call that goes to a replica or waits for one. */
  uses = 0;
  /** Why a call could not start a replica, as callers may know it; absent where one is there or can be had. */
  why: string | undefined;
  #standby: Standby | undefined;
  /** How many may wait whatever the replicas do; 0: none without a replica. */
  mailbox = 0;
  readonly #waiting: Request[] = [];
  readonly #onTimeout: (request: Request) => void;
  readonly #onRoom: (group: Group<Request>) => void;
  readonly #entry: EntryKey;
  readonly #onLimit: TellLimit;
  readonly #outliers: Outliers;
  /** Those of `callers` that are not ejected. */
  #rotation: readonly CellCaller[] = this.callers;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(id: GroupId, { onTimeout, onRoom, onEjected, onLimit }: GroupOptions<Request>) {
    this.id = id;
    this.#entry = entryOfGroup(id);
    this.#onTimeout = onTimeout;
    this.#onRoom = onRoom;
    this.#onLimit = onLimit;
    this.#outliers = new Outliers(() => {
      this.#rotate();
      onEjected();
    });
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Nothing is lost with it. */
  get isEmpty(): boolean {
    return this.callers.length === 0 && this.waiting === 0 && this.#standby === undefined;
  }

  get isReady(): boolean {
    return this.callers.some((caller) => caller.open);
  }

  /** May a request come here now, to a replica or to wait for one? */
  get takesRequests(): boolean {
    return this.mailbox > 0 || this.isReady || this.#standby !== undefined;
  }

  replace(callers: readonly CellCaller[], { standby, why }: Beside): void {
    this.callers = callers;
    this.#outliers.retain(callers);
    this.#rotate();
    this.#standby = standby;
    this.why = callers.length > 0 || standby !== undefined ? undefined : (whyNone(why) ?? this.why);
  }

  /** The replica with the fewest calls in flight that has room for one more; one that is ejected only where no other is there. */
  leastBusy(except?: CellCaller): CellCaller | undefined {
    let best = leastBusyOf(this.#rotation, except);
    if (
      best === undefined &&
      this.#rotation !== this.callers &&
      !this.#rotation.some((one) => one.open && one !== except)
    )
      best = leastBusyOf(this.callers, except);
    if (best !== undefined) this.uses++;
    return best;
  }

  /** A call of the replica is over, and its guest is to blame for how. */
  failed(caller: CellCaller): void {
    this.#outliers.failed(caller, this.callers);
  }

  succeeded(caller: CellCaller): void {
    this.#outliers.succeeded(caller);
  }

  get ejected(): readonly Ejected[] {
    return this.#outliers.read();
  }

  #rotate(): void {
    const left = this.callers.filter((caller) => !this.#outliers.isEjected(caller));
    this.#rotation = left.length === this.callers.length ? this.callers : left;
    if (this.waiting > 0 && this.isReady) this.#onRoom(this);
  }

  /** `false` where the queue is full, or where nothing is there and nothing can be started: then `why` says so. */
  enqueue(request: Request): boolean {
    const isReady = this.isReady;
    if (this.#waiting.length >= this.#room()) {
      if (this.why === undefined) this.#onLimit(this.#entry, 'queue');
      return false;
    }
    // Where none is ready it waits for a replica, not for room in one.
    if (isReady) this.#onLimit(this.#entry, 'concurrency');
    this.uses++;
    this.#waiting.push(request);
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return true;
  }

  #room(): number {
    if (this.mailbox > 0) return this.mailbox;
    let room = 0;
    for (const caller of this.callers) if (caller.open) room += caller.queue;
    if (this.#standby === undefined || this.isReady) return room;
    this.why = whyNone(this.#standby.wake());
    return this.why === undefined ? Math.max(1, this.#standby.queue) : 0;
  }

  /** The request that has waited longest. */
  dequeue(): Request | undefined {
    const request = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#stopSweeping();
    return request;
  }

  /** Its client is gone. `false` where it did not wait. */
  remove(request: Request): boolean {
    const index = this.#waiting.indexOf(request);
    if (index !== -1) this.#waiting.splice(index, 1);
    if (this.#waiting.length === 0) this.#stopSweeping();
    return index !== -1;
  }

  /**
   * Also looks for room that nobody told of: a cell ends a probe, a synthetic call, or a call that was over for its client
   * at the deadline, and none of these is a request of this group's any more.
   */
  #sweep(): void {
    const now = performance.now();
    for (const request of this.#waiting.filter(({ deadlineAtMs }) => deadlineAtMs < now)) {
      this.remove(request);
      this.#onTimeout(request);
    }
    if (this.waiting > 0 && this.leastBusy() !== undefined) this.#onRoom(this);
  }

  #stopSweeping(): void {
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

function leastBusyOf(callers: readonly CellCaller[], except: CellCaller | undefined): CellCaller | undefined {
  let best: CellCaller | undefined;
  for (const caller of callers) {
    if (!caller.open || caller === except || caller.inFlight >= caller.concurrency) continue;
    if (best === undefined || caller.inFlight < best.inFlight) best = caller;
  }
  return best;
}

/** What the node has left, and what a guest died of, is for those who read status. */
function whyNone(code: Code | undefined): string | undefined {
  return code && `none could be started (${code})`;
}
