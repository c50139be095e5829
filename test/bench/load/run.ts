/** A load run: connections, the rule by which requests become due, and the end. */
import { randomBytes } from 'node:crypto';
import { LoadConnection, type ConnectionSettings } from './connection.ts';
import { LoadTally, type LoadReport } from './tally.ts';

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** Requests a second, due at fixed times whatever the server does; absent: closed loop, as fast as answers come. */
  readonly rate?: number;
  readonly seconds: number;
  readonly requests: number;
  readonly method?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly bodyBytes?: number;
  readonly echoes?: boolean;
  readonly label?: string;
  readonly timeoutMs?: number;
}

export const MAX_CONNECTIONS = 1024;
export const MAX_SECONDS = 3600;
export const MAX_REQUESTS = 50_000_000;
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 15_000;
const TICK_MS = 5;
/** At a fixed rate: what is due in one of these is due at its end, so that no timer's grain counts as latency. */
const PACE_MS = 1;
/** A connection attempt or an answer under way may take this much longer than its own timeout before the run gives up. */
const GRACE_MS = 1_000;

/** What is wrong with the options, in words; undefined where nothing is. */
export function problemOf(options: LoadOptions): string | undefined {
  const bounds = [
    ['connections', options.connections, 1, MAX_CONNECTIONS],
    ['seconds', options.seconds, 0.01, MAX_SECONDS],
    ['requests', options.requests, 1, MAX_REQUESTS],
    ['body bytes', options.bodyBytes ?? 0, 0, MAX_BODY_BYTES],
    ['rate', options.rate ?? 1, 0.1, 1_000_000],
  ] as const;
  for (const [name, value, least, most] of bounds) {
    if (!(value >= least && value <= most)) return `${name} must be between ${least} and ${most}, not ${value}`;
  }
  return /^http:\/\/[^/]+/.test(options.url) ? undefined : `the URL must begin with http://, not "${options.url}"`;
}

/** Runs until the time is over, the requests are sent, or `stop` is aborted; then waits for what is outstanding. */
export async function runLoad(options: LoadOptions, stop: AbortSignal): Promise<LoadReport> {
  const tally = new LoadTally();
  const run = randomBytes(6).toString('hex');
  const startedMs = performance.now();
  const endMs = startedMs + options.seconds * 1000;
  const free = new Set<LoadConnection>();
  let issued = 0;

  const over = (): boolean => stop.aborted || issued >= options.requests || performance.now() >= endMs;
  const dueMs = (index: number): number => startedMs + Math.ceil(((index / options.rate!) * 1000) / PACE_MS) * PACE_MS;
  const sendNext = (connection: LoadConnection, since: number): void => connection.send(`${run}-${issued++}`, since);
  const sendDue = (): void => {
    const nowMs = performance.now();
    for (const connection of free) {
      if (over() || dueMs(issued) > nowMs) return;
      free.delete(connection);
      // The server may have closed it while it waited here; it comes back when it is open again.
      if (connection.ready) sendNext(connection, dueMs(issued));
    }
  };
  const onFree = (connection: LoadConnection): void => {
    if (over()) return;
    if (options.rate === undefined) return sendNext(connection, performance.now());
    free.add(connection);
    sendDue();
  };

  const settings = settingsOf(options);
  const connections = Array.from({ length: options.connections }, () => new LoadConnection(settings, tally, onFree));
  if (options.rate === undefined) await until(over);
  else await until(over, sendDue, PACE_MS);
  const seconds = (performance.now() - startedMs) / 1000;
  const giveUpMs = performance.now() + settings.timeoutMs + GRACE_MS;
  await until(() => connections.every((connection) => !connection.busy) || performance.now() > giveUpMs);
  for (const connection of connections) connection.close();
  return tally.report(seconds);
}

function settingsOf(options: LoadOptions): ConnectionSettings {
  const url = new URL(options.url);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    method: options.method ?? (options.bodyBytes === undefined ? 'GET' : 'POST'),
    path: `${url.pathname}${url.search}`,
    authority: url.host,
    headers: options.headers ?? [],
    body: options.bodyBytes === undefined ? undefined : patternOf(options.bodyBytes),
    echoes: options.echoes ?? false,
    label: options.label,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** Bytes in which a piece that is lost, doubled or moved shows. */
function patternOf(length: number): Buffer {
  const pattern = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) pattern[at] = 33 + ((at + Math.floor(at / 94)) % 94);
  return pattern;
}

function until(condition: () => boolean, onTick: () => void = () => undefined, periodMs = TICK_MS): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      onTick();
      if (!condition()) return;
      clearInterval(timer);
      resolve();
    }, periodMs);
  });
}
