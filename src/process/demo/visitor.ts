/**
 * The demo's visitor: an own process that asks for pages at a steady rate, the way people would, so that gates have real
 * samples. Open loop: it keeps its rate when answers get slow, and counts what it got by release and status.
 */
import http from 'node:http';
import { readChildConfig } from '../child-config.ts';

export interface VisitorConfig {
  readonly url: string;
  readonly requestsPerSecond: number;
}

const REPORT_PERIOD_MS = 5_000;
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_IN_FLIGHT = 256;
const TICK_MS = 10;

class Tally {
  readonly #byRelease = new Map<string, number>();
  #answers = 0;
  #failures = 0;
  #lost = 0;

  answer(release: string, status: number): void {
    this.#answers += 1;
    if (status >= 500) this.#failures += 1;
    this.#byRelease.set(release, (this.#byRelease.get(release) ?? 0) + 1);
  }

  lose(): void {
    this.#lost += 1;
  }

  /** One line for the terminal: rate, who answered, what failed; then starts over. */
  takeLine(seconds: number): string {
    const shares = [...this.#byRelease]
      .sort((a, b) => b[1] - a[1])
      .map(([release, count]) => `${release} ${Math.round((count / this.#answers) * 100)} %`)
      .join(' · ');
    const line = `visitor  ${Math.round(this.#answers / seconds)} req/s   ${shares || 'no answers'}   5xx ${this.#failures}   lost ${this.#lost}`;
    this.#byRelease.clear();
    this.#answers = this.#failures = this.#lost = 0;
    return line;
  }
}

function visit(config: VisitorConfig): () => void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const tally = new Tally();
  const startedMs = performance.now();
  let sent = 0;
  let inFlight = 0;
  const requests = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * config.requestsPerSecond);
    // What could not be sent in time is not made up for later: a burst would be no visitor.
    if (due - sent > config.requestsPerSecond) sent = due - config.requestsPerSecond;
    for (; sent < due && inFlight < MAX_IN_FLIGHT; sent += 1) ask();
  }, TICK_MS);
  const reports = setInterval(
    () => process.stdout.write(`${tally.takeLine(REPORT_PERIOD_MS / 1000)}\n`),
    REPORT_PERIOD_MS,
  );

  function ask(): void {
    inFlight += 1;
    let settled = false;
    const settle = (lost: boolean): void => {
      if (settled) return;
      settled = true;
      inFlight -= 1;
      if (lost) tally.lose();
    };
    const request = http.get(config.url, { agent, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      tally.answer(String(response.headers['x-headway-release'] ?? 'headway'), response.statusCode ?? 0);
      response.resume();
      // `complete` is false for an answer that broke off: it was promised and not given.
      response.once('close', () => settle(!response.complete));
    });
    request.once('timeout', () => request.destroy(new Error('timeout')));
    request.once('error', () => settle(true));
  }

  return () => {
    clearInterval(requests);
    clearInterval(reports);
    agent.destroy();
  };
}

// Assigned once the configuration is read; the end of the parent and signals come through here.
let stop: () => void = () => undefined;
const end = (): void => {
  stop();
  process.exit(0);
};
process.once('SIGTERM', end);
// Ctrl+C reaches the whole foreground group; the supervisor ends its children in order.
process.on('SIGINT', () => undefined);
stop = visit(await readChildConfig<VisitorConfig>(end));
