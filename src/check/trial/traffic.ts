/** Traffic for a rehearsal: the calls of the Checks again and again, so that gates have samples. Answers are not judged here. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedCall } from './plan-calls.ts';
import { Caller } from './send.ts';

const WORKERS = 8;
const REQUESTS_PER_SECOND = 600;
/** With nothing to call for now. */
const IDLE_MS = 50;
const PAUSE_MS = (WORKERS * 1_000) / REQUESTS_PER_SECOND;

export const TRAFFIC = `traffic is made of the calls of the Checks, about ${REQUESTS_PER_SECOND} in a second`;

/**
 * Which of `calls` a turn makes: there and back through all of them. Whoever splits some of them by turns, as a Canary's arms are, gives
 * each side as many of each; in the same order again and again one side could get all of one kind, and with it all of its 4xx.
 */
export function callOfTurn(turn: number, calls: number): number {
  const at = turn % (2 * calls);
  return at < calls ? at : 2 * calls - 1 - at;
}

export class Traffic {
  readonly #ending = new AbortController();
  readonly #workers: readonly Promise<void>[];
  #calls: readonly PlannedCall[] = [];
  #turn = 0;

  constructor(origin: string) {
    this.#workers = Array.from({ length: WORKERS }, () => this.#work(origin));
  }

  /** From now on these. */
  make(calls: readonly PlannedCall[]): void {
    this.#calls = calls;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#workers);
  }

  async #work(origin: string): Promise<void> {
    const caller = new Caller(origin);
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const call = this.#calls[callOfTurn(this.#turn, this.#calls.length)];
      this.#turn += 1;
      if (call) await caller.send(call.request, call.timeoutMs).catch(() => undefined);
      await sleep(call ? PAUSE_MS : IDLE_MS, undefined, { signal }).catch(() => undefined);
    }
    await caller.close();
  }
}
