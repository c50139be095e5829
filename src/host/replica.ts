/**
 * One replica of a cell, from the moment control asks for it until its process is gone.
 *
 *   (Parked →) Starting → Warming → Ready ⇄ Unhealthy → Draining → Ended
 *
 * Invariants
 * L1 A replica ends once. The first reason stands, whatever its process does afterwards.
 * L2 Timers belong to the phase that set them: a change of phase clears them all, and what was awaited in an earlier phase
 *    finds its phase gone and leaves quietly.
 * L3 Memory is given back when the process is gone, not when it was told to go.
 * L4 A start that ends at `startTimeout` is in time, and one that ends later is not, whichever timer fires when.
 * L5 Where a call waits, what the cell's warm-up was answered to the probe's own GET counts as the probe's first success: it is
 *    the same question to the same guest, without the way there and back. A failure counts as nothing: the probe asks.
 */
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { Mask } from '../kit/mask.ts';
import type { LivenessProbe, ReadinessProbe } from '../model/component.ts';
import type { Code } from '../model/codes.ts';
import type { BundlesInUse, CellSpec, ReplicaEnd, ReplicaObserved, ReplicaPhase } from '../model/engine.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ProcessorUse } from '../model/processor.ts';
import { LOST, TAKEN_ALONG } from '../wire/cell-caller.ts';
import type { Loaded } from '../wire/frames.ts';
import { assignmentOf, brokerCellOf } from './assignment.ts';
import type { ReplicaBudget } from './budget.ts';
import type { CellProcess } from './cell-process.ts';
import type { CellOwner } from './cell-owner.ts';
import { CellChannel } from './channel.ts';
import { limitOfEnd, reasonOfDeath } from './death.ts';
import { GuestLog } from './guest-log.ts';
import { probe } from './probe.ts';
import { bundlesOf, instancesOf, placeOf } from './observed.ts';
import { PhaseTimers } from './phase-timers.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { remoteOptions } from './remote-calls.ts';

/** Bounds on how often readiness is asked for until it is there, whatever the manifest's period is. */
export const MIN_READINESS_PERIOD_MS = 20;
export const MAX_READINESS_PERIOD_MS = 100;
/** How long a closed channel may wait for the word how its process ended: on a busy machine whoever sees it is late. */
const EXIT_DEADLINE_MS = 5_000;
/** The least that lifecycle `shutdown` gets, however late the last call ended; without such calls it is what is left. */
export const MIN_SHUTDOWN_MS = 2_000;
/** From the end of the cell's own patience until the process is killed. */
const SHUTDOWN_GRACE_MS = 200;
/** How long a cell may take to say which of the steps to its start was too long, after there is no time left for a start. */
const LATE_START_GRACE_MS = 200;
const DRAIN_LOOK_PERIOD_MS = 10;

export class Replica implements CellOwner {
  readonly id: string;
  readonly cell: CellSpec;
  readonly budget: ReplicaBudget;
  phase: ReplicaPhase;
  /** There from the assignment until the end. */
  channel: CellChannel | undefined;
  readonly #options: ReplicaOptions;
  readonly #log: Logger;
  readonly #guestLog: GuestLog;
  readonly #timers = new PhaseTimers();
  readonly #gone = new Deferred<void>();
  #askedAtMs = performance.now();
  #isWoken = false;
  readonly #bundles: BundlesInUse;
  /** What it was given in confidence does not come back in what it says. */
  readonly #mask: Mask;
  #assignedAtMs = 0;
  #startTimeoutMs = 0;
  #readyAtMs: number | undefined;
  #process: CellProcess | undefined;
  #loaded: Loaded | undefined;
  #problem: Problem | undefined;
  #end: ReplicaEnd | undefined;

  constructor(options: ReplicaOptions) {
    this.id = options.id;
    this.cell = options.cell;
    this.budget = options.budget;
    this.#bundles = bundlesOf(options.cell);
    this.#mask = new Mask(options.cell.members.flatMap(({ secrets = [] }) => secrets));
    this.#options = options;
    this.#log = options.log.child({ replica: options.id });
    this.#guestLog = new GuestLog(
      this.#log,
      options.cell.members.map(({ member }) => member),
      (bytes) => options.onLimit('logBytesPerSecond', 1, bytes),
    );
    this.phase = options.cell.parked ? 'Parked' : 'Starting';
    if (this.phase === 'Starting') void this.#start();
  }

  /** Calls wait for it: one has started it, or it is to have been there already; and it has not been ready yet. */
  get isWaking(): boolean {
    return this.#isAwaited && (this.phase === 'Starting' || this.phase === 'Warming');
  }

  /** Why the calls that waited for it got no answer from it. */
  get whyNotAwake(): Code | undefined {
    return this.#isAwaited && this.phase === 'Ended' && this.#readyAtMs === undefined ? this.#problem?.code : undefined;
  }

  get #isAwaited(): boolean {
    return this.#isWoken || this.cell.awaited === true;
  }

  /** A call waits for it. */
  wake(): void {
    if (this.phase !== 'Parked') return;
    this.#isWoken = true;
    this.#askedAtMs = performance.now();
    this.#problem = undefined;
    this.#enter('Starting');
    void this.#start();
  }

  /** It cannot be started now: it stays parked, and that is seen. */
  stayParked(why: Problem): void {
    if (this.#problem?.message === why.message) return;
    this.#problem = why;
    this.#options.onChange(this);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** It has a call, or starts: what happens to its process now may be its doing. */
  get isBusy(): boolean {
    return this.phase === 'Starting' || (this.channel?.inFlight ?? 0) > 0;
  }

  get lostBy(): CellOwner['lostBy'] {
    return this.#process?.shared?.isTakenAlong() ? TAKEN_ALONG : LOST;
  }

  /** @param limitMillis its own, or that of all with which it shares its process. */
  usesProcessor({ stage, used }: ProcessorUse, limitMillis: number): void {
    const limit = limitMillis / 1_000;
    const why = `${this.#process?.shared ? `the process of ${this.id} and others` : this.id} used ${used.toFixed(2)} processors over 5 s, its limit is ${limit}`;
    if (stage !== 'Within') this.#options.onLimit('cpu');
    const isTold = stage === 'Told' || stage === 'Recycle';
    this.#problem = isTold ? problem('HW4116', stage === 'Told' ? why : `${why}: it is replaced`) : undefined;
    this.#log[stage === 'Within' ? 'info' : 'warn']({ stage, used, limit }, 'a guest and its processor time');
    this.#options.onChange(this);
  }

  /** Resolves when the process is gone and its memory given back (L3). */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  observe(): ReplicaObserved {
    const nowMs = performance.now();
    return {
      id: this.id,
      group: this.cell.group,
      phase: this.phase,
      restartToken: this.cell.restartToken,
      ageMs: Math.round(nowMs - this.#askedAtMs),
      ...(this.#readyAtMs === undefined ? {} : { readyForMs: Math.round(nowMs - this.#readyAtMs) }),
      inFlight: this.channel?.inFlight ?? 0,
      ...(this.#process ? placeOf(this.#process) : {}),
      bundles: this.#bundles,
      ...(this.#loaded ? instancesOf(this.cell, this.#loaded, this.#mask) : {}),
      ...(this.#problem ? { problem: this.#problem } : {}),
      ...(this.#end ? { end: this.#end } : {}),
    };
  }

  /** Takes no new requests; ends when the last one in flight has, or at the deadline. Said again, the earlier one stands. */
  stop(deadlineMs: number): void {
    if (this.phase === 'Draining' || this.phase === 'Ended') return;
    const channel = this.channel;
    if (!channel?.open || this.phase === 'Starting' || this.phase === 'Warming')
      return this.#finish('Stopped', undefined);
    this.#enter('Draining');
    this.#drain(channel, performance.now() + deadlineMs);
  }

  /** At once: requests in flight are lost. */
  kill(): void {
    this.#finish('Stopped', undefined);
  }

  onLoaded(loaded: Loaded): void {
    if (this.phase !== 'Starting')
      return this.#finish('Crashed', problem('HW4112', `${this.id} said twice that it is loaded`));
    if (performance.now() - this.#assignedAtMs > this.#startTimeoutMs) return this.#startedTooLate();
    this.#loaded = loaded;
    this.#log.info({ loaded, isolation: this.#process?.kind }, 'a cell is loaded');
    this.#options.known.loaded(loaded);
    const { readiness } = this.cell.probes;
    const successes = this.#isWoken && loaded.isReady ? 1 : 0;
    if (!readiness || successes >= readiness.successThreshold) return this.#becomeReady();
    this.#enter('Warming');
    this.#warm(readiness, successes);
  }

  onLoadFailed(failure: { readonly code: string; readonly message: string }): void {
    if (failure.code === 'HW4105') this.#options.onLimit('startTimeout');
    this.#finish('StartFailed', problem('HW4104', `${this.id}: ${failure.code}: ${failure.message}`));
  }

  onLog(stream: 1 | 2 | 3, member: number, droppedBytes: number, text: string): void {
    this.#guestLog.write(stream, member, droppedBytes, this.#mask.hide(text));
  }

  onLimit: CellOwner['onLimit'] = ({ limit, count }) => this.#options.onLimit(limit, count);

  onPerRequest(why: string): void {
    if (this.#loaded) this.#loaded = { ...this.#loaded, instancePolicy: 'PerRequest', why };
    this.#options.onChange(this);
  }

  onDenied(denial: Parameters<CellOwner['onDenied']>[0]): void {
    const masked = { ...denial, asked: this.#mask.hide(denial.asked) };
    this.#guestLog.denied(masked);
    this.#options.onDenied(masked);
  }

  onCompiled: CellOwner['onCompiled'] = (packed) => this.#options.known.takeCompiled(packed);

  /** While a cell that shares its process has the turn, nobody else can end a call: its own deadline ends that one. */
  onUnresponsive(why: Problem): void {
    if (this.#process?.shared?.hasTheTurn() === false) return this.channel?.askAgain();
    this.#finish('LimitExceeded', why, 'Process');
  }

  onClosed(violation: Problem | undefined): void {
    if (violation) return this.#finish('Crashed', violation, 'Process');
    if (this.phase === 'Ended') return;
    // No request goes to a closed channel; what remains is to find out why it is closed.
    this.#options.onChange(this);
    void this.#explainDeath();
  }

  async #start(): Promise<void> {
    const taken = await this.#options.take(() => this.phase === 'Starting');
    if (!taken.ok) return this.#finish('StartFailed', taken.error);
    if (this.phase !== 'Starting') return taken.value.end();
    const cell = taken.value;
    this.#process = cell;
    this.#assignedAtMs = performance.now();
    this.#startTimeoutMs = this.cell.limits.startTimeoutMs + (this.cell.migrate?.timeoutMs ?? 0);
    this.#timers.after(this.#startTimeoutMs + LATE_START_GRACE_MS, () => this.#startedTooLate());
    const start = await this.#options.known.begin(cell, this.#isWoken);
    if (this.phase !== 'Starting') return;
    const assigned = await this.#options.assign(cell, assignmentOf(this.id, this.cell, this.budget, start));
    if (this.phase !== 'Starting') return;
    if (!assigned.ok) return this.#finish('StartFailed', assigned.error);
    const { concurrency, queue } = this.cell.limits;
    this.channel = new CellChannel(cell.channel, {
      replica: this.id,
      concurrency,
      queue,
      owner: this,
      remote: remoteOptions(this.cell, { call: this.#options.callRemote, onCalled: this.#options.onCalled }),
    });
    this.#attachBroker(cell, this.channel);
  }

  /** L4. */
  #startedTooLate(): void {
    this.#finish('StartFailed', problem('HW4105', `${this.id} was not loaded within ${this.#startTimeoutMs} ms`));
  }

  /** Only where the component can ask for something: the others never see their descriptor 4. */
  #attachBroker({ id, brokerEnd }: CellProcess, channel: CellChannel): void {
    const cell = brokerCellOf(id, this.id, this.cell);
    if (!cell || !brokerEnd) return void brokerEnd?.destroy();
    this.#options.broker.attach({
      cell,
      end: brokerEnd,
      onBroker: (token) => channel.broker(token),
      onLimit: this.#options.onLimit,
      onDropped: this.#options.onDropped,
      onViolation: (why) => this.#finish('Crashed', problem('HW4701', `${this.id} sent ${why}`), 'Process'),
      callOf: (call) => channel.callOf(call),
    });
  }

  /**
   * Asks until there are enough successes, or until the deadline, which is the phase's own timer.
   *
   * @param successes those that the cell told of itself (L5).
   */
  #warm(readiness: ReadinessProbe, successes: number): void {
    const startedAtMs = this.#assignedAtMs + (this.cell.migrate?.timeoutMs ?? 0);
    let why = 'it was not asked yet';
    this.#timers.after(startedAtMs + readiness.deadlineMs - performance.now(), () =>
      this.#finish(
        'NeverReady',
        problem('HW4106', `${this.id} was not ready within ${readiness.deadlineMs} ms: ${why}`),
      ),
    );
    const periodMs = Math.min(Math.max(readiness.periodMs, MIN_READINESS_PERIOD_MS), MAX_READINESS_PERIOD_MS);
    const ask = async (): Promise<void> => {
      const answer = await probe(this.channel!, readiness.call, readiness.timeoutMs);
      if (this.phase !== 'Warming') return;
      successes = answer.ok ? successes + 1 : 0;
      if (successes >= readiness.successThreshold) return this.#becomeReady();
      if (!answer.ok) {
        why = answer.error;
        this.#problem = this.#hidden(problem('HW4106', `${this.id} is not ready: ${why}`));
      }
      this.#timers.after(periodMs, () => void ask());
    };
    if (successes > 0) this.#timers.after(periodMs, () => void ask());
    else void ask();
  }

  #becomeReady(): void {
    this.#problem = undefined;
    this.#readyAtMs ??= performance.now();
    this.#enter('Ready');
    const { liveness } = this.cell.probes;
    if (liveness) this.#watch(liveness, 0);
  }

  /** Ready and Unhealthy are one watch: the phase changes with the answers, the count of failures goes on. */
  #watch(liveness: LivenessProbe, failures: number): void {
    this.#timers.after(liveness.periodMs, () => void this.#look(liveness, failures));
  }

  async #look(liveness: LivenessProbe, failures: number): Promise<void> {
    const phase = this.phase;
    const answer = await probe(this.channel!, liveness.call, liveness.timeoutMs);
    if (this.phase !== phase || !this.channel?.open) return;
    if (answer.ok) {
      if (phase === 'Unhealthy') return this.#becomeReady();
      return this.#watch(liveness, 0);
    }
    const why = problem('HW4113', `${this.id}, ${failures + 1} in a row: ${answer.error}`);
    if (failures + 1 >= liveness.failureThreshold) return this.#finish('Unhealthy', why);
    this.#problem = this.#hidden(why);
    if (phase === 'Ready') this.#enter('Unhealthy');
    this.#watch(liveness, failures + 1);
  }

  #drain(channel: CellChannel, deadlineAtMs: number): void {
    if (channel.inFlight > 0 && performance.now() < deadlineAtMs) {
      this.#timers.after(DRAIN_LOOK_PERIOD_MS, () => this.#drain(channel, deadlineAtMs));
      return;
    }
    // Those that are late get their end from the cell; it exits by itself after them, or is killed.
    channel.cancelAll();
    const leftMs = Math.max(MIN_SHUTDOWN_MS, Math.ceil(deadlineAtMs - performance.now()));
    channel.shutdown(leftMs);
    this.#timers.after(leftMs + SHUTDOWN_GRACE_MS, () =>
      this.#finish('Stopped', problem('HW4752', `${this.id} did not end within ${leftMs} ms of being told to`)),
    );
  }

  async #explainDeath(): Promise<void> {
    const phase = this.phase;
    if (phase === 'Draining') return this.#finish('Stopped', undefined);
    this.#timers.clear();
    const exit = await Promise.race([
      this.#process!.exited,
      new Promise<undefined>((resolve) => this.#timers.after(EXIT_DEADLINE_MS, () => resolve(undefined))),
    ]);
    if (this.phase !== phase) return;
    const reason = reasonOfDeath(this.id, exit, phase === 'Starting');
    this.#finish(reason.end, reason.problem);
  }

  /** L1. `ends` the process too, where others share it: what it runs cannot be trusted, or cannot be stopped. */
  #finish(end: ReplicaEnd, why: Problem | undefined, ends: 'Cell' | 'Process' = 'Cell'): void {
    if (this.phase === 'Ended') return;
    // Whoever was told to go has not failed, however it went: the problem stays for people.
    this.#end = this.phase === 'Draining' ? 'Stopped' : end;
    this.#problem = why && this.#hidden(why);
    const limit = limitOfEnd(why);
    if (limit && this.#end !== 'Stopped') this.#options.onLimit(limit);
    this.#log.info(
      { end: this.#end, problem: this.#problem, inFlight: this.channel?.inFlight ?? 0 },
      'a replica has ended',
    );
    this.#enter('Ended');
    const cell = this.#process;
    if (!cell) return this.#gone.resolve();
    this.#options.broker.detach(cell.id);
    if (ends === 'Process' && why) cell.kill(why);
    else cell.end();
    void cell.exited.then(() => this.#gone.resolve());
  }

  #hidden(why: Problem): Problem {
    return { ...why, message: this.#mask.hide(why.message) };
  }

  /** L2. */
  #enter(phase: ReplicaPhase): void {
    this.#timers.clear();
    this.phase = phase;
    this.#options.onChange(this);
  }
}
