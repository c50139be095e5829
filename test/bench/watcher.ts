/** Asks one URL at a steady rate over kept connections and notes when each answer came, by whom, and how. */
import http from 'node:http';

const TICK_MS = 1;

export interface Sighting {
  /** Milliseconds since the epoch, with fractions: comparable with what other processes of this machine log. */
  readonly askedAtMs: number;
  readonly atMs: number;
  readonly release: string;
  readonly status: number;
}

export class Watcher {
  /** In the order in which the answers came; `forget` empties it. */
  sightings: Sighting[] = [];
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  readonly #timer: NodeJS.Timeout;
  #failure: Error | undefined;
  #waiting: { readonly holds: (sighting: Sighting) => boolean; readonly resolve: () => void }[] = [];

  constructor(url: string, requestsPerSecond: number) {
    let due = 0;
    this.#timer = setInterval(() => {
      due = Math.min(due + (requestsPerSecond * TICK_MS) / 1000, 4);
      for (; due >= 1; due -= 1) this.#ask(url);
    }, TICK_MS);
  }

  static nowMs(): number {
    return performance.timeOrigin + performance.now();
  }

  forget(): void {
    this.sightings = [];
  }

  /** The first answer from now on of which that holds. */
  async until(what: string, holds: (sighting: Sighting) => boolean, timeoutMs = 60_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`)), timeoutMs);
    });
    const seen = new Promise<void>((resolve) => this.#waiting.push({ holds, resolve }));
    await Promise.race([seen, late]).finally(() => clearTimeout(timer));
    if (this.#failure) throw this.#failure;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #ask(url: string): void {
    const askedAtMs = Watcher.nowMs();
    const request = http.get(url, { agent: this.#agent }, (response) => {
      response.resume();
      response.once('end', () => {
        this.#see({
          askedAtMs,
          atMs: Watcher.nowMs(),
          release: String(response.headers['x-headway-release'] ?? '-'),
          status: response.statusCode ?? 0,
        });
      });
    });
    // A lost answer makes every figure of the run worthless.
    request.once('error', (error) => {
      this.#failure ??= error;
    });
  }

  #see(sighting: Sighting): void {
    this.sightings.push(sighting);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ holds }) => !holds(sighting));
    for (const one of waiting) if (!this.#waiting.includes(one)) one.resolve();
  }
}
