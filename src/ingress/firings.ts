/**
 * Firings: calls that control orders by the clock. They go to the cells as requests do, by group, and are counted by
 * control alone.
 *
 * Invariants
 * R1 An id is started once in the life of this engine; its end is kept until control has written it down.
 * R2 A firing takes a place within a replica's `concurrency`, like a request: where none is free, nothing starts and that
 *    is said. Nothing waits here: when to try again is control's to decide.
 * R3 What was told to end has ended for control at once; its cell has the grace of every cancelled call.
 */
import type { Logger } from 'pino';
import type { FiringId, FiringObserved, FiringOrder, RunOutcome } from '../model/firing.ts';
import type { FunctionResult } from '../wire/function-call.ts';
import type { Directory } from './compiled-rule.ts';

/** Kept at once, running and ended; more are not started. */
export const MAX_FIRINGS = 1_024;
const MAX_MESSAGE_CHARACTERS = 1_024;

interface Firing {
  readonly startedAtMs: number;
  readonly replica?: string;
  readonly stop: AbortController;
  end?: Pick<FiringObserved, 'outcome' | 'exitCode' | 'message' | 'elapsedMs'>;
}

export class Firings {
  readonly #directory: Directory;
  readonly #log: Logger;
  readonly #onDone: () => void;
  readonly #firings = new Map<FiringId, Firing>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(directory: Directory, log: Logger, onDone: () => void) {
    this.#directory = directory;
    this.#log = log;
    this.#onDone = onDone;
  }

  /** Resolves when it has ended. */
  async start(order: FiringOrder): Promise<void> {
    if (this.#firings.has(order.id)) return;
    if (this.#firings.size >= MAX_FIRINGS) {
      // Nothing is kept of it: control sees that it is not there, and asks again.
      this.#log.warn({ firing: order.id, code: 'HW4609' }, 'too many firings are kept');
      return;
    }
    const running = this.#run(order);
    this.#running.add(running);
    await running;
    this.#running.delete(running);
    this.#onDone();
  }

  stop(id: FiringId): void {
    this.#firings.get(id)?.stop.abort();
  }

  /** Those that run stay. */
  forget(ids: readonly FiringId[]): void {
    for (const id of ids) if (this.#firings.get(id)?.end) this.#firings.delete(id);
  }

  observed(): readonly FiringObserved[] {
    const nowMs = performance.now();
    return [...this.#firings].map(([id, { startedAtMs, replica, end }]) => ({
      id,
      elapsedMs: nowMs - startedAtMs,
      ...(replica === undefined ? {} : { replica }),
      ...end,
    }));
  }

  /** Starts nothing more; resolves when what runs has ended, at the latest after the deadline. */
  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    if (this.#running.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, deadlineMs);
    });
    await Promise.race([Promise.all(this.#running), late]);
    clearTimeout(timer);
  }

  async #run(order: FiringOrder): Promise<void> {
    const { id, group, deadlineMs, args, parameters = {}, export: called } = order;
    const startedAtMs = performance.now();
    const stop = new AbortController();
    const caller = this.#directory.group(group).leastBusy();
    const refusal = this.#refusal(caller !== undefined, order);
    if (!caller || refusal !== undefined) {
      const end = { outcome: 'NotStarted' as const, message: refusal ?? '', elapsedMs: 0 };
      this.#firings.set(id, { startedAtMs, stop, end });
      return;
    }
    const firing: Firing = { startedAtMs, replica: caller.replica, stop };
    this.#firings.set(id, firing);
    this.#log.info({ firing: id, replica: caller.replica, release: order.release }, 'a firing has started');
    const options = { signal: stop.signal, ...(args ? { command: args } : { parameters }) };
    const result = await caller.call(called.interface, called.function, [], deadlineMs, options);
    const elapsedMs = performance.now() - startedAtMs;
    firing.end = { ...endOf(result), elapsedMs };
    const { outcome, exitCode, message } = firing.end;
    this.#log.info(
      { firing: id, replica: caller.replica, release: order.release, outcome, exitCode, message, elapsedMs },
      'a firing has ended',
    );
  }

  #refusal(hasRoom: boolean, { group }: FiringOrder): string | undefined {
    if (this.#closed) return 'the engine is shutting down';
    if (hasRoom) return undefined;
    return this.#directory.group(group).isReady
      ? 'every replica has as many calls as its concurrency allows'
      : 'no replica is ready';
  }
}

function endOf(result: FunctionResult): { outcome: RunOutcome; exitCode?: number; message?: string } {
  switch (result.type) {
    case 'ok':
      return result.value === null
        ? { outcome: 'Succeeded' }
        : { outcome: 'Succeeded', message: printed(result.value) };
    case 'exit':
      return { outcome: result.code === 0 ? 'Succeeded' : 'Failed', exitCode: result.code };
    case 'err':
      return { outcome: 'Failed', message: printed(result.value) };
    case 'trap':
      return { outcome: 'Trapped', message: result.message.slice(0, MAX_MESSAGE_CHARACTERS) };
    case 'deadline':
      return { outcome: 'DeadlineExceeded' };
    case 'stopped':
      return { outcome: 'Stopped' };
    case 'lost':
      return { outcome: 'Crashed' };
  }
}

function printed(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.slice(0, MAX_MESSAGE_CHARACTERS);
}
