/** Starts the load client as a process of its own, for tests and benchmarks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadOptions } from './load/run.ts';
import type { LoadReport } from './load/tally.ts';

export type { LoadReport } from './load/tally.ts';

/** As `LoadOptions`; without `seconds` it runs until it is stopped, for at most ten minutes. */
export type LoadRequest = Partial<LoadOptions> & Pick<LoadOptions, 'url'>;

export interface RunningLoad {
  readonly pid: number;
  /** Sends nothing more, waits for what is outstanding, and reports. */
  stop(): Promise<LoadReport>;
  /** Waits for the end that the options set. */
  readonly report: Promise<LoadReport>;
}

const LONGEST_SECONDS = 600;

export function startLoad(request: LoadRequest): RunningLoad {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'load.ts'), ...argumentsOf(request)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const report = collect(child);
  // A caller that stops it reads the same promise; one that never looks must not end the process by it.
  report.catch(() => undefined);
  return {
    pid: child.pid!,
    report,
    stop: () => {
      child.stdin.end();
      return report;
    },
  };
}

function argumentsOf(request: LoadRequest): string[] {
  const flags: [string, string | number | undefined][] = [
    ['connections', request.connections],
    ['rate', request.rate],
    ['seconds', request.seconds ?? LONGEST_SECONDS],
    ['requests', request.requests],
    ['method', request.method],
    ['body-bytes', request.bodyBytes],
    ['label', request.label],
    ['timeout-ms', request.timeoutMs],
    ...(request.headers ?? []).map(([name, value]): [string, string] => ['header', `${name}:${value}`]),
  ];
  const given = flags
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [`--${name}`, String(value)]);
  return [request.url, ...given, ...(request.echoes ? ['--echoes'] : [])];
}

async function collect(child: ReturnType<typeof spawn>): Promise<LoadReport> {
  const [stdout, stderr]: [string[], string[]] = [[], []];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => stdout.push(text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => stderr.push(text));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`the load client ended with ${signal ?? code}: ${stderr.join('').trim()}`);
  return JSON.parse(stdout.join('')) as LoadReport;
}
