/**
 * The load client, a process of its own:
 *
 *   node test/bench/load.ts <url> [--connections 32] [--rate 500] [--seconds 10] [--requests 1000000] [--method GET]
 *        [--header name:value]… [--body-bytes 1024] [--echoes] [--label x-greeting-version] [--timeout-ms 15000]
 *
 * Without `--rate` it is a closed loop. It ends when the time or the requests are used up, at SIGTERM, or when its
 * standard input ends, so that it never outlives who started it; then it waits for what is outstanding and prints one
 * JSON `LoadReport` on stdout. Exit 0: it ran, whatever it counted; 2: the arguments are wrong.
 */
import { parseArgs } from 'node:util';
import { MAX_REQUESTS, problemOf, runLoad, type LoadOptions } from './load/run.ts';

const USAGE_EXIT = 2;

function optionsOf(argv: readonly string[]): LoadOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      connections: { type: 'string', default: '32' },
      rate: { type: 'string' },
      seconds: { type: 'string', default: '10' },
      requests: { type: 'string', default: String(MAX_REQUESTS) },
      method: { type: 'string' },
      header: { type: 'string', multiple: true, default: [] },
      'body-bytes': { type: 'string' },
      echoes: { type: 'boolean', default: false },
      label: { type: 'string' },
      'timeout-ms': { type: 'string' },
    },
  });
  return {
    url: positionals[0] ?? '',
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    requests: Number(values.requests),
    headers: values.header.map(headerOf),
    echoes: values.echoes,
    ...(values.rate !== undefined && { rate: Number(values.rate) }),
    ...(values.method !== undefined && { method: values.method }),
    ...(values['body-bytes'] !== undefined && { bodyBytes: Number(values['body-bytes']) }),
    ...(values.label !== undefined && { label: values.label.toLowerCase() }),
    ...(values['timeout-ms'] !== undefined && { timeoutMs: Number(values['timeout-ms']) }),
  };
}

function headerOf(text: string): readonly [string, string] {
  const [name = '', ...rest] = text.split(':');
  return [name.trim(), rest.join(':').trim()];
}

async function main(argv: readonly string[]): Promise<number> {
  let options: LoadOptions;
  try {
    options = optionsOf(argv);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return USAGE_EXIT;
  }
  const problem = problemOf(options);
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n`);
    return USAGE_EXIT;
  }
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  process.once('SIGINT', () => stop.abort());
  process.stdin.once('end', () => stop.abort()).resume();
  const report = await runLoad(options, stop.signal);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  return 0;
}

const code = await main(process.argv.slice(2));
// Standard input may still be open: it must not keep the process. A pipe has taken the report by now.
process.stdin.destroy();
process.exitCode = code;
