import { RepeatedTexts } from './latin1.ts';
import { CallEnded, HostTrap } from './trap.ts';

/** Something that a suspended guest waits for. */
export interface Condition {
  ready(): boolean;
  /** When it becomes ready by time alone: milliseconds of `performance.now()`; `Infinity` where time does not do it. */
  readonly dueMs: number;
}

/** What the scope tells the call that the instance serves. */
export interface ScopeCall {
  /** It is a copy of somebody else's request: it must have no effect. */
  readonly mirrored: boolean;
  /** The engine's; absent where the cell calls by itself. */
  readonly id?: number;
  /** The guest is about to wait for the outside: whatever it has written should go out first. */
  beforeWait(): void;
}

/** The longest delay that a Node timer takes; a longer wait is armed again when it fires. */
const MAX_TIMER_DELAY_MS = 2 ** 31 - 1;

/** What the members of one instance share: they wait as one, and when one has ended, all have. */
export class Fate {
  readonly #onWait: () => void;
  readonly #onTurn: () => void;
  readonly #scopes: Scope[] = [];
  #ended: HostTrap | undefined;
  /** From outside, to any of them. */
  calls = 0;

  /**
   * @param onWait called when a guest begins to wait for the outside.
   * @param onTurn called before it may go on because time has passed.
   */
  constructor(onWait: () => void, onTurn: () => void = () => undefined) {
    this.#onWait = onWait;
    this.#onTurn = onTurn;
  }

  get ended(): HostTrap | undefined {
    return this.#ended;
  }

  get waiting(): boolean {
    for (const scope of this.#scopes) if (scope.waiting) return true;
    return false;
  }

  join(scope: Scope): void {
    this.#scopes.push(scope);
  }

  waits(): void {
    this.#onWait();
  }

  turns(): void {
    this.#onTurn();
  }

  /** The first reason stands. */
  end(trap: HostTrap): void {
    if (this.#ended) return;
    this.#ended = trap;
    for (const scope of this.#scopes) scope.unwind(trap);
  }
}

/**
 * What one member of an instance holds on the host's side: how many handles, which call it serves, and the one thing that
 * it waits for.
 *
 * Invariants
 * S1 A member serves one call at a time, so it waits for at most one set of conditions.
 * S2 A wait owns its timer: whichever way the wait ends, the timer is cleared.
 * S3 After `end`, nothing waits and nothing new may: every later wait traps.
 * S4 A guest can never hold more than `maxHandles` host resources; one more is a trap, and told.
 */
export class Scope {
  readonly #maxHandles: number;
  readonly #fate: Fate;
  readonly #onTooMany: () => void;
  /** Of the member, over all its instances. */
  readonly texts: RepeatedTexts;
  #handles = 0;
  #call: ScopeCall | undefined;
  #maySuspend = false;
  #conditions: readonly Condition[] | undefined;
  #resolve: (() => void) | undefined;
  #reject: ((reason: HostTrap) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #unwind: ((reason: HostTrap) => void) | undefined;

  constructor(
    maxHandles: number,
    fate: Fate,
    onTooMany: () => void = () => undefined,
    texts: RepeatedTexts = new RepeatedTexts(),
  ) {
    this.#onTooMany = onTooMany;
    this.texts = texts;
    this.#maxHandles = maxHandles;
    this.#fate = fate;
    fate.join(this);
  }

  get waiting(): boolean {
    return this.#conditions !== undefined;
  }

  get handles(): number {
    return this.#handles;
  }

  get ended(): boolean {
    return this.#fate.ended !== undefined;
  }

  /** Whether the export that runs can wait. */
  get maySuspend(): boolean {
    return this.#maySuspend;
  }

  /** Grows with each call: two questions with the same number are of one call. */
  get calls(): number {
    return this.#fate.calls;
  }

  /** Of the call that it serves; `undefined` while it serves none of the engine's. */
  get callId(): number | undefined {
    return this.#call?.id;
  }

  get mirrored(): boolean {
    return this.#call?.mirrored ?? false;
  }

  /** One more resource of this instance. */
  acquire(): void {
    if (this.#handles >= this.#maxHandles) {
      this.#onTooMany();
      throw new HostTrap(`more than ${this.#maxHandles} handles`);
    }
    this.#handles += 1;
  }

  release(): void {
    this.#handles -= 1;
  }

  /** From here to `leave`, the instance runs `call`; `maySuspend` says whether its export can wait. */
  enter(call: ScopeCall | undefined, maySuspend: boolean): void {
    this.#call = call;
    this.#fate.calls += 1;
    this.#maySuspend = maySuspend;
  }

  /** The same for a call from another member: it runs for whatever the caller runs for. */
  enterFrom(caller: Scope, maySuspend: boolean): void {
    this.#call = caller.#call;
    this.#maySuspend = maySuspend;
  }

  leave(): void {
    this.#call = undefined;
    this.#maySuspend = false;
  }

  /** Resolves once one of the conditions is ready; rejects when the call is ended first. */
  wait(conditions: readonly Condition[]): Promise<void> {
    if (this.#fate.ended) throw this.#fate.ended;
    if (!this.#maySuspend) throw this.trap('cannot wait while starting, or in an export that cannot block');
    if (this.#conditions) throw this.trap('an instance waits for one thing at a time');
    this.#call?.beforeWait();
    this.#fate.waits();
    return new Promise((resolve, reject) => {
      this.#conditions = conditions;
      this.#resolve = resolve;
      this.#reject = reject;
      // What `beforeWait` sent may have been the last thing missing.
      this.notify();
      if (this.#conditions === conditions) this.#arm(conditions);
    });
  }

  /** Something that a guest may wait for has changed. */
  notify(): void {
    const conditions = this.#conditions;
    if (!conditions) return;
    for (const condition of conditions) {
      if (condition.ready()) {
        const resolve = this.#resolve;
        this.#forget();
        resolve?.();
        return;
      }
    }
  }

  /** No more of this instance: what it is suspended on is rejected with `reason`, and so is every later wait. */
  end(reason: string): void {
    this.#fate.end(new CallEnded(reason));
  }

  /** A trap in a function without a `result`, where the bindings would lose it. For `throw`. */
  trap(message: string): HostTrap {
    return this.endBy(new HostTrap(message));
  }

  /** The same with a trap that there is already. */
  endBy(trap: HostTrap): HostTrap {
    this.#fate.end(trap);
    return trap;
  }

  /** What a guest is suspended on: settles like `pending`, or is rejected when the scope ends first. */
  untilEnded(pending: Promise<unknown>): Promise<unknown> {
    const ended = Promise.withResolvers<never>();
    this.#unwind = ended.reject;
    if (this.#fate.ended) ended.reject(this.#fate.ended);
    return Promise.race([pending, ended.promise]);
  }

  /** Only for its fate: what it is suspended on is rejected. */
  unwind(trap: HostTrap): void {
    const reject = this.#reject;
    this.#forget();
    reject?.(trap);
    this.#unwind?.(trap);
  }

  #arm(conditions: readonly Condition[]): void {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const condition of conditions) dueMs = Math.min(dueMs, condition.dueMs);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(0, Math.ceil(dueMs - performance.now())), MAX_TIMER_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#fate.turns();
      this.notify();
      // Timers fire a fraction of a millisecond early, and long waits in pieces.
      if (this.#conditions === conditions) this.#arm(conditions);
    }, delayMs);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#conditions = undefined;
    this.#resolve = undefined;
    this.#reject = undefined;
  }
}
