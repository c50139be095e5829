/**
 * Which instance runs which call.
 *
 * Invariants
 * P1 One call per instance at a time; at most `most` instances exist, those that still unwind included.
 * P2 An instance that trapped, or whose call was ended from outside, serves no other call.
 * P3 Calls start one after the other: the next one when the last has returned or waits for the outside. A call that can
 *    suspend goes on in microtasks, so a burst would otherwise start on as many instances and stacks: measured at 32
 *    calls, five times the cost.
 * P4 Calls wait in the order of their arrival; the engine bounds how many it sends, and more than `MAX_QUEUED_CALLS`
 *    of them is a broken engine.
 * P5 An instance serves at most `requestsPerInstance` calls, those of the warm-up among them.
 * P6 A fresh call (a command) gets an instance that has served nothing, and it is dropped afterwards whatever the policy.
 */
import type { InstancePolicy } from '../model/component.ts';
import type { Call } from './call.ts';
import { CallQueue } from './call-queue.ts';
import { Discarded, type Collect } from './discarded.ts';
import { Instance, type InstanceSettings } from './instance.ts';
import type { TellLimit } from './limits.ts';
import { initialise, migrate, shutDown } from './life-cycle.ts';
import type { MemberSettings } from './member.ts';
import { Reuse } from './reuse.ts';
import { declared, describeFailure, HostTrap } from './trap.ts';

export const MAX_QUEUED_CALLS = 16 * 1024;
/** `lifecycle.shutdown` of an instance that goes while the cell stays may wait this long. */
export const SHUTDOWN_DEADLINE_MS = 2000;

export interface PoolSettings {
  readonly instances: InstanceSettings;
  readonly policy: InstancePolicy;
  /** Instances at once. */
  readonly most: number;
  readonly requestsPerInstance?: number | undefined;
  readonly tellLimit: TellLimit;
  readonly collect: Collect;
  /** A line for the runtime's log. */
  readonly say: (line: string) => void;
  /** Instances serve one call each from here on, and why. */
  readonly onPerRequest: (why: string) => void;
}

export class InstancePool {
  readonly #settings: PoolSettings;
  readonly #most: number;
  readonly #idle: Instance[] = [];
  readonly #queue = new CallQueue();
  /** All of them, those that still unwind included (P1). */
  readonly #instances = new Set<Instance>();
  readonly #discarded: Discarded;
  /** The call that was last told to wait for an instance. */
  #waitsForInstance: Call | undefined;
  /** P5. */
  readonly reuse: Reuse;
  #whenIdle: (() => void) | undefined;
  /** The instance whose call has started and neither returned nor waited yet (P3). */
  #starting: Instance | undefined;
  #nextScheduled = false;
  #advancing = false;
  readonly #nextLater = (): void => {
    this.#nextScheduled = false;
    this.#starting = undefined;
    this.#settings.instances.onTurn();
    this.#next();
  };

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.reuse = new Reuse(settings.policy, settings.requestsPerInstance, settings.onPerRequest);
    this.#discarded = new Discarded(settings.collect);
    this.#most = settings.policy === 'Singleton' ? 1 : settings.most;
  }

  /** The member that calls from outside go to. */
  get entry(): MemberSettings {
    return this.#settings.instances.members[0]!;
  }

  /** A member wants to hear of the end of its instance. */
  get hasLifecycle(): boolean {
    return this.#settings.instances.members.some(({ names }) => names.lifecycle !== undefined);
  }

  /** Makes the first instance ahead of the first call. Rejects with what it failed by, at the latest after `timeoutMs`. */
  async warm(timeoutMs: number): Promise<{ readonly instantiateMs: number; readonly initMs: number }> {
    const startMs = performance.now();
    const instance = this.#make();
    const madeMs = performance.now();
    const timer = setTimeout(() => instance.scope.end(`init took longer than ${timeoutMs} ms`), timeoutMs);
    try {
      await this.#initialise(instance);
    } catch (thrown) {
      this.#discard(instance, 'initialisation failed');
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
    this.#idle.push(instance);
    return { instantiateMs: madeMs - startMs, initMs: performance.now() - madeMs };
  }

  /**
   * Lets the entry bring its data into its own form, on an instance that is dropped afterwards. Rejects with what it failed
   * by, at the latest after `timeoutMs`.
   */
  async migrate(fromVersion: string | undefined, timeoutMs: number): Promise<void> {
    const instance = this.#make();
    const timer = setTimeout(() => instance.scope.end(`migrate took longer than ${timeoutMs} ms`), timeoutMs);
    try {
      await migrate(instance, fromVersion);
    } finally {
      clearTimeout(timer);
      this.#discard(instance, 'it was for the migration');
    }
  }

  /** Runs the call now, or when an instance is free. `false`: too many wait. */
  submit(call: Call): boolean {
    if (this.#queue.length === 0 && this.#starting === undefined) {
      const instance = this.#takeFor(call);
      if (instance) {
        this.#run(instance, call);
        return true;
      }
      if (this.#instances.size < this.#most) {
        this.#runOnNew(call);
        return true;
      }
    }
    this.#queue.push(call);
    // Should the starting call be stuck in the bindings' own timers, the others go on in the next turn.
    if (this.#starting) this.#nextSoon();
    else this.#tellWait(call);
    return this.#queue.length <= MAX_QUEUED_CALLS;
  }

  /**
   * The call was ended from outside: its guest is stopped where it waits, and its instance is discarded.
   *
   * @param lateness 0, or what it weighs that its time was over (`Reuse.late`).
   */
  stop(call: Call, reason: string, lateness: number): void {
    for (const instance of this.#instances) {
      if (instance.call !== call) continue;
      if (lateness > 0 && this.reuse.late(instance.served, lateness)) this.#retireIdle();
      instance.scope.end(reason);
    }
  }

  /** Resolves when no call runs and none waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
      this.#tellIdle();
    });
  }

  /** After the last call: each instance hears of it, then is dropped. All of it within `deadlineMs` where they wait. */
  async close(deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    for (const instance of this.#idle.splice(0)) {
      await this.#shutDown(instance, Math.max(0, endMs - performance.now()));
      this.#discard(instance, 'shut down');
    }
  }

  /** At once: whatever waits is brought down, and nothing holds on to its memory. */
  end(reason: string): void {
    while (this.#queue.length > 0) this.#queue.shift();
    for (const instance of this.#instances) instance.scope.end(reason);
    for (const instance of this.#idle.splice(0)) this.#discard(instance, reason);
  }

  #make(): Instance {
    this.#discarded.makeRoom();
    const instance = new Instance(this.#settings.instances, (waiting) => this.#waits(waiting));
    this.#instances.add(instance);
    return instance;
  }

  #initialise(instance: Instance): Promise<void> | undefined {
    return initialise(instance);
  }

  #runOnNew(call: Call): void {
    let instance: Instance;
    try {
      instance = this.#make();
    } catch (thrown) {
      call.fail(new HostTrap(`no instance: ${describeFailure(thrown)}`));
      return;
    }
    const initialised = this.#initialise(instance);
    if (!initialised) {
      this.#run(instance, call);
      return;
    }
    instance.call = call;
    initialised.then(
      () => this.#run(instance, call),
      (thrown: unknown) => {
        call.fail(new HostTrap(`no instance: ${describeFailure(thrown)}`));
        this.#discard(instance, 'initialisation failed');
        this.#next();
      },
    );
  }

  #run(instance: Instance, call: Call): void {
    if (call.over) {
      // Ended while its instance was being made: the instance is as good as new unless it was stopped too.
      instance.call = undefined;
      this.#release(instance);
      return;
    }
    instance.call = call;
    instance.scope.enter(call, call.maySuspend(instance));
    let result: unknown;
    try {
      result = call.begin(instance);
    } catch (thrown) {
      this.#settleThrown(instance, call, thrown);
      return;
    }
    if (result instanceof Promise) {
      if (!instance.waiting) this.#starting = instance;
      result.then(
        (value) => this.#settle(instance, call, value),
        (thrown: unknown) => this.#settleThrown(instance, call, thrown),
      );
      return;
    }
    this.#settle(instance, call, result);
  }

  #settle(instance: Instance, call: Call, value: unknown): void {
    if (this.#starting === instance) this.#starting = undefined;
    instance.leave();
    call.succeed(value);
    this.#served(instance, call);
  }

  #settleThrown(instance: Instance, call: Call, thrown: unknown): void {
    if (this.#starting === instance) this.#starting = undefined;
    instance.leave();
    const refusal = declared(thrown);
    if (refusal && !instance.ended) {
      call.decline(refusal.payload);
      this.#served(instance, call);
      return;
    }
    const stopped = call.over;
    call.fail(thrown);
    if (!stopped && this.reuse.failed(instance.served, `failed: ${describeFailure(thrown)}`)) this.#retireIdle();
    this.#discard(instance, 'the call failed');
    this.#next();
  }

  #served(instance: Instance, call: Call): void {
    instance.call = undefined;
    this.reuse.served(instance.served);
    instance.served += 1;
    if (call.fresh === true) void this.#retire(instance);
    else this.#release(instance);
  }

  /** Back among the idle ones, or gone: by policy, by memory, or because it was stopped. */
  #release(instance: Instance): void {
    if (instance.served >= this.reuse.mostCalls && !instance.ended) {
      if (this.reuse.policy !== 'PerRequest') this.#settings.tellLimit('requestsPerInstance');
      void this.#retire(instance);
      return;
    }
    if (instance.ended || !this.#withinMemory(instance)) this.#discard(instance, 'not to be used again');
    else this.#idle.push(instance);
    this.#next();
  }

  /** An idle instance that may run the call. A used one makes room for a fresh call where there is none (P6). */
  #takeFor(call: Call): Instance | undefined {
    if (call.fresh !== true) return this.#idle.pop();
    const unused = this.#idle.findIndex(({ served }) => served === 0);
    if (unused >= 0) return this.#idle.splice(unused, 1)[0];
    if (this.#instances.size >= this.#most) {
      const used = this.#idle.pop();
      if (used) this.#discard(used, 'it makes room for a command');
    }
    return undefined;
  }

  #withinMemory(instance: Instance): boolean {
    try {
      instance.checkMemory();
      return true;
    } catch (thrown) {
      this.#settings.say(`instance discarded: ${describeFailure(thrown)}`);
      return false;
    }
  }

  /** Its last call has returned. */
  async #retire(instance: Instance): Promise<void> {
    const reason = 'it has served its calls';
    if (this.hasLifecycle) {
      await this.#shutDown(instance, SHUTDOWN_DEADLINE_MS);
      this.#discard(instance, reason);
    } else {
      const bytes = instance.discardSpent(reason);
      if (bytes > 0) this.#discarded.add(instance, bytes);
      this.#instances.delete(instance);
    }
    this.#next();
  }

  async #shutDown(instance: Instance, deadlineMs: number): Promise<void> {
    try {
      await shutDown(instance, deadlineMs);
    } catch (thrown) {
      this.#settings.say(`shutdown failed: ${describeFailure(thrown)}`);
    }
  }

  #retireIdle(): void {
    for (const instance of this.#idle.splice(0)) void this.#retire(instance);
  }

  #discard(instance: Instance, reason: string): void {
    this.#discarded.add(instance, instance.lookAtMemory());
    instance.discard(reason);
    this.#instances.delete(instance);
  }

  /** The next call in line, as far as there is one and room for it. */
  #next(): void {
    // A call that returns at once comes back here: the loop below goes on instead of a deeper one.
    if (this.#advancing) return;
    this.#advancing = true;
    this.#advance();
    this.#advancing = false;
    this.#tellIdle();
  }

  #advance(): void {
    while (this.#starting === undefined) {
      const call = this.#queue.peek();
      if (!call) return;
      if (this.#idle.length === 0 && this.#instances.size >= this.#most) {
        this.#tellWait(call);
        return;
      }
      this.#queue.shift();
      const instance = this.#takeFor(call);
      if (instance) this.#run(instance, call);
      else this.#runOnNew(call);
    }
  }

  /** Once for a call, at the latest when it is the next one. */
  #tellWait(call: Call): void {
    if (this.#waitsForInstance === call) return;
    this.#waitsForInstance = call;
    this.#settings.tellLimit('instances');
  }

  /** The guest waits for the outside: others may start. Not from here, which is inside its call. */
  #waits(instance: Instance): void {
    if (this.#starting !== instance) return;
    this.#starting = undefined;
    if (this.#queue.length > 0) queueMicrotask(() => this.#next());
  }

  #nextSoon(): void {
    if (this.#nextScheduled) return;
    this.#nextScheduled = true;
    setImmediate(this.#nextLater);
  }

  #tellIdle(): void {
    if (this.#instances.size === this.#idle.length && this.#queue.length === 0) this.#whenIdle?.();
  }
}
