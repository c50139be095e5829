/** Asks linked entries for a price, one request after the other, and notes what each release says. */
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostOf, PRICE, type EntryName, type Fleet } from './fleet.ts';

const PAUSE_MS = 20;

export class PriceCheck {
  /** Bodies of answers with 200, by short release. */
  readonly #said = new Map<string, Set<string>>();
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor({ daemon }: Fleet, entries: readonly EntryName[]) {
    this.#running = Promise.all(entries.map((entry) => this.#ask(`${daemon.url}${PRICE}`, hostOf(entry))));
    // Who stops it sees the failure.
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    this.#isOver = true;
    await this.#running;
    this.#agent.destroy();
    return this.#said;
  }

  async #ask(url: string, host: string): Promise<void> {
    while (!this.#isOver) {
      const response = await answerOf(http.get(url, { agent: this.#agent, headers: { host } }));
      const body = (await text(response)).trim();
      const release = String(response.headers['x-headway-release']);
      if (response.statusCode === 200) this.#said.set(release, (this.#said.get(release) ?? new Set()).add(body));
      await sleep(PAUSE_MS);
    }
  }
}

function answerOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
}
