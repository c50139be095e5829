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

export class Traffic {
  readonly #ending = new AbortController();
  readonly #workers: readonly Promise<void>[];
  #calls: readonly PlannedCall[] = [];

  constructor(origin: string) {
    this.#workers = Array.from({ length: WORKERS }, (_, first) => this.#work(origin, first));
  }

  /** From now on these, in turn. */
  make(calls: readonly PlannedCall[]): void {
    this.#calls = calls;
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#workers);
  }

  async #work(origin: string, first: number): Promise<void> {
    const caller = new Caller(origin);
    const { signal } = this.#ending;
    for (let turn = first; !signal.aborted; turn += 1) {
      const call = this.#calls[turn % this.#calls.length];
      if (call) await caller.send(call.request, call.timeoutMs).catch(() => undefined);
      await sleep(call ? PAUSE_MS : IDLE_MS, undefined, { signal }).catch(() => undefined);
    }
    await caller.close();
  }
}
