/** Throughput and latency of a URL in a closed loop, by wrk where it is installed, else by the load client. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Metrics } from './harness.ts';
import { startLoad, type LoadRequest } from './load-process.ts';

const run = promisify(execFile);
const WRK_GRACE_MS = 30_000;

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: readonly (readonly [string, string])[];
}

/** What browsers and proxies send beside `host`: ten, as the goals say. */
export const TEN_HEADERS: readonly (readonly [string, string])[] = [
  ['accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['accept-encoding', 'gzip, deflate, br'],
  ['accept-language', 'en-GB,en;q=0.5'],
  ['cache-control', 'no-cache'],
  ['cookie', 'session=0123456789abcdef0123456789abcdef'],
  ['dnt', '1'],
  ['pragma', 'no-cache'],
  ['referer', 'http://shop.example.com/catalogue?page=3'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['x-trace-id', '4bf92f3577b34da6a3ce929d0e0e4736'],
];

export interface Meter {
  readonly name: string;
  /** `req/s`, `p50 ms`, `p99 ms`. Rejects where an answer was lost or was no 2xx: its figure would mean nothing. */
  measure(url: string, load: Load): Promise<Metrics>;
}

export async function chooseMeter(): Promise<Meter> {
  return (await hasWrk()) ? WRK : LOAD_CLIENT;
}

async function hasWrk(): Promise<boolean> {
  // wrk has no way to ask for its version that exits with 0.
  const outcome = await run('wrk', ['--version']).catch((error: { code?: string }) => error);
  return !('code' in outcome && outcome.code === 'ENOENT');
}

export const WRK: Meter = {
  name: 'wrk, 1 thread',
  async measure(url, { connections, seconds, headers = [] }) {
    const sent = headers.flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    const { stdout } = await run(
      'wrk',
      ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency', ...sent, url],
      { timeout: seconds * 1000 + WRK_GRACE_MS },
    );
    return parseWrk(stdout);
  },
};

export const LOAD_CLIENT: Meter = {
  name: 'test/bench/load.ts',
  measure: (url, load) => measureLoad({ url, ...load }),
};

/** As a meter, with what only the load client can do: a fixed rate, bodies, answers that are compared. */
export async function measureLoad(request: LoadRequest): Promise<Metrics> {
  const report = await startLoad(request).report;
  const bad = report.answers - (report.byStatus['200'] ?? 0) + report.mismatched;
  if (report.lostTotal > 0 || bad > 0) throw new Error(`${request.url}: ${report.lostTotal} lost, ${bad} bad answers`);
  return {
    'req/s': report.answersPerSecond,
    'p50 ms': report.latencyMs.p50,
    'p99 ms': report.latencyMs.p99,
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

export function parseWrk(output: string): Metrics {
  const failures = /Socket errors: .*|Non-2xx or 3xx responses: \d+/.exec(output);
  if (failures) throw new Error(`wrk: ${failures[0]}`);
  return {
    'req/s': Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    'p50 ms': wrkPercentile(output, 50),
    'p99 ms': wrkPercentile(output, 99),
  };
}

function wrkPercentile(output: string, percent: number): number {
  const match = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(output);
  return match ? Number(match[1]) * UNIT_MS[match[2]!]! : Number.NaN;
}
