import http from 'node:http';

const TICK_MS = 5;
const REQUEST_TIMEOUT_MS = 15_000;

export interface TrafficOptions {
  readonly requestsPerSecond?: number;
  /** Sent as `host`. */
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TrafficReport {
  /** Complete answers. */
  readonly answers: number;
  /** By `x-headway-release`; answers of Headway's own are under `headway`. */
  readonly byRelease: Readonly<Record<string, number>>;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Requests that got no complete answer, with the reason. */
  readonly lost: readonly string[];
}

/** A steady stream of GETs from the test itself: enough for gates, and every answer counted. */
export class Traffic {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
  readonly #byRelease: Record<string, number> = {};
  readonly #byStatus: Record<string, number> = {};
  readonly #lost: string[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  readonly #host: string | undefined;
  readonly #method: string;
  readonly #headers: Readonly<Record<string, string>>;
  #answers = 0;

  constructor(url: string, { requestsPerSecond = 200, host, method = 'GET', headers = {} }: TrafficOptions = {}) {
    this.#host = host;
    this.#method = method;
    this.#headers = headers;
    const startedMs = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * requestsPerSecond);
      // A test process that was held up does not make a burst of it.
      sent = Math.max(sent, due - 20);
      for (; sent < due; sent += 1) {
        const asked = this.#ask(url).finally(() => this.#open.delete(asked));
        this.#open.add(asked);
      }
    }, TICK_MS);
  }

  report(): TrafficReport {
    return {
      answers: this.#answers,
      byRelease: { ...this.#byRelease },
      byStatus: { ...this.#byStatus },
      lost: [...this.#lost],
    };
  }

  /** Sends nothing more, waits for what is open, and tells what came back. */
  async stop(): Promise<TrafficReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    return this.report();
  }

  #ask(url: string): Promise<void> {
    return new Promise((resolve) => {
      const lose = (why: string): void => {
        this.#lost.push(why);
        resolve();
      };
      const headers = { ...this.#headers, ...(this.#host === undefined ? {} : { host: this.#host }) };
      const options = { agent: this.#agent, timeout: REQUEST_TIMEOUT_MS, headers, method: this.#method };
      const request = http.request(url, options, (response) => {
        response.resume();
        response.once('close', () => {
          if (!response.complete) return lose('broke off');
          const release = String(response.headers['x-headway-release'] ?? 'headway');
          this.#answers += 1;
          this.#byRelease[release] = (this.#byRelease[release] ?? 0) + 1;
          this.#byStatus[response.statusCode ?? 0] = (this.#byStatus[response.statusCode ?? 0] ?? 0) + 1;
          resolve();
        });
      });
      request.once('timeout', () => request.destroy(new Error('timeout')));
      request.once('error', (error) => lose(error.message));
      request.end();
    });
  }
}
