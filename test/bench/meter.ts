/** Throughput and latency of a URL in a closed loop, by wrk where it is installed, else by the load client. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Metrics } from './harness.ts';
import { startLoad } from './load-process.ts';

const run = promisify(execFile);
const WRK_GRACE_MS = 30_000;

export interface Load {
  readonly connections: number;
  readonly seconds: number;
}

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
  async measure(url, { connections, seconds }) {
    const { stdout } = await run(
      'wrk',
      ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency', url],
      { timeout: seconds * 1000 + WRK_GRACE_MS },
    );
    return parseWrk(stdout);
  },
};

export const LOAD_CLIENT: Meter = {
  name: 'test/bench/load.ts',
  async measure(url, { connections, seconds }) {
    const report = await startLoad({ url, connections, seconds }).report;
    const bad = report.answers - (report.byStatus['200'] ?? 0);
    if (report.lostTotal > 0 || bad > 0) throw new Error(`${url}: ${report.lostTotal} lost, ${bad} answers not 200`);
    return {
      'req/s': report.answersPerSecond,
      'p50 ms': report.latencyMs.p50,
      'p99 ms': report.latencyMs.p99,
    };
  },
};

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
