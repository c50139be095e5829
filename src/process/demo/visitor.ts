/**
 * The demo's visitor: an own process that asks for pages at a steady rate, the way people would, so that gates have real
 * samples. Open loop: it keeps its rate when answers get slow, and counts what it got by release and status.
 */
import http from 'node:http';
import { readChildConfig } from '../child-config.ts';
import { NO_VISITS, visitsLine, visitsSince, type ReleaseVisits, type Visits } from './visits.ts';

export interface VisitorConfig {
  readonly url: string;
  /** The name it asks for, where that is not the one in `url`. */
  readonly host?: string;
  readonly requestsPerSecond: number;
  /** `Text`: a line for a person every five seconds. `Json`: a line of `Visits` every tenth of a second. */
  readonly report: 'Text' | 'Json';
}

const REPORT_PERIOD_MS = { Text: 5_000, Json: 100 } as const;
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_IN_FLIGHT = 256;
const TICK_MS = 10;
/** More than a person pushes while it runs; of what comes after them only the sums are kept. */
const MAX_RELEASES = 1_000;

class Tally {
  readonly #byRelease = new Map<string, ReleaseVisits>();
  #answers = 0;
  #lost = 0;

  answer(release: string, status: number): void {
    this.#answers += 1;
    const visits = this.#byRelease.get(release) ?? { answers: 0, failures: 0, firstAtMs: Date.now() };
    if (visits.answers === 0 && this.#byRelease.size >= MAX_RELEASES) return;
    this.#byRelease.set(release, {
      ...visits,
      answers: visits.answers + 1,
      failures: visits.failures + (status >= 500 ? 1 : 0),
    });
  }

  lose(): void {
    this.#lost += 1;
  }

  visits(): Visits {
    return { answers: this.#answers, lost: this.#lost, byRelease: Object.fromEntries(this.#byRelease) };
  }
}

function visit(config: VisitorConfig): () => void {
  const agent = new http.Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT });
  const headers = config.host === undefined ? {} : { host: config.host };
  const tally = new Tally();
  const startedMs = performance.now();
  let sent = 0;
  let inFlight = 0;
  let told = NO_VISITS;
  const requests = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * config.requestsPerSecond);
    // What could not be sent in time is not made up for later: a burst would be no visitor.
    if (due - sent > config.requestsPerSecond) sent = due - config.requestsPerSecond;
    for (; sent < due && inFlight < MAX_IN_FLIGHT; sent += 1) ask();
  }, TICK_MS);
  const periodMs = REPORT_PERIOD_MS[config.report];
  const reports = setInterval(() => {
    const visits = tally.visits();
    const line =
      config.report === 'Json' ? JSON.stringify(visits) : visitsLine(visitsSince(visits, told), periodMs / 1000);
    told = visits;
    process.stdout.write(`${line}\n`);
  }, periodMs);

  function ask(): void {
    inFlight += 1;
    let settled = false;
    const settle = (lost: boolean): void => {
      if (settled) return;
      settled = true;
      inFlight -= 1;
      if (lost) tally.lose();
    };
    const request = http.get(config.url, { agent, headers, timeout: REQUEST_TIMEOUT_MS }, (response) => {
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
