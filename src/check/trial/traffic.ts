/** Traffic for a rehearsal: the calls of the Checks again and again, so that gates have samples. Answers are not judged here. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedCall } from './plan-calls.ts';
import { Caller } from './send.ts';

const WORKERS = 4;
const REQUESTS_PER_SECOND = 100;
const PAUSE_MS = (WORKERS * 1_000) / REQUESTS_PER_SECOND;

export const TRAFFIC = `traffic is made of the calls of the Checks, about ${REQUESTS_PER_SECOND} in a second`;

export class Traffic {
  readonly #ending = new AbortController();
  readonly #workers: readonly Promise<void>[];

  constructor(origin: string, calls: readonly PlannedCall[]) {
    this.#workers =
      calls.length === 0 ? [] : Array.from({ length: WORKERS }, (_, first) => this.#work(origin, calls, first));
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#workers);
  }

  async #work(origin: string, calls: readonly PlannedCall[], first: number): Promise<void> {
    const caller = new Caller(origin);
    const { signal } = this.#ending;
    for (let turn = first; !signal.aborted; turn += 1) {
      const { request, timeoutMs } = calls[turn % calls.length]!;
      await caller.send(request, timeoutMs).catch(() => undefined);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    await caller.close();
  }
}
