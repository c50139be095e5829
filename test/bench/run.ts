/**
 * `npm run bench -- [section…] [--rounds 5] [--seconds 5] [--connections 32] [--pushes 20] [--url http://…] [--json file]`
 *
 * Prints a table per section and, with `--json`, writes the same as data. Exit 0: measured, whatever came out; 2: the
 * arguments are wrong. A missed target is printed and is no failure: these machines are shared.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Metrics, SectionResult } from './harness.ts';
import { benchDeploy } from './sections/deploy.ts';
import { benchHardStop } from './sections/hard-stop.ts';
import { benchBroker } from './sections/broker.ts';
import { benchCells } from './sections/cells.ts';
import { benchNeighbours } from './sections/neighbours.ts';
import { benchBindings } from './sections/bindings.ts';
import { benchHttp } from './sections/http.ts';
import { benchJournal } from './sections/journal.ts';
import { benchLinks } from './sections/links.ts';
import { benchLint } from './sections/lint.ts';
import { benchRevert } from './sections/revert.ts';
import { benchBodies, benchMemory, benchRate } from './sections/steady.ts';
import { benchWeight } from './sections/weight.ts';
import { renderSection } from './table.ts';

interface Settings {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  /** Of the sections that push and watch what comes of it. */
  readonly pushes: number;
  readonly url?: string;
}

type OnMeasured = (round: number, subject: string, metrics: Metrics) => void;

const SECTIONS: Readonly<Record<string, (settings: Settings, onMeasured: OnMeasured) => Promise<SectionResult>>> = {
  bindings: benchBindings,
  http: benchHttp,
  rate: benchRate,
  bodies: benchBodies,
  memory: benchMemory,
  broker: benchBroker,
  links: benchLinks,
  cells: benchCells,
  weight: benchWeight,
  neighbours: benchNeighbours,
  journal: benchJournal,
  lint: benchLint,
  deploy: timed(benchDeploy),
  revert: timed(benchRevert),
  'hard-stop': timed(benchHardStop),
};

type OnTime = (round: number, subject: string, milliseconds: number) => void;

function timed(bench: (settings: Settings, onTime: OnTime) => Promise<SectionResult>) {
  return (settings: Settings, onMeasured: OnMeasured): Promise<SectionResult> =>
    bench(settings, (round, subject, milliseconds) => onMeasured(round, subject, { ms: milliseconds }));
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '32' },
      pushes: { type: 'string', default: '20' },
      url: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(SECTIONS);
  const unknown = names.filter((name) => !Object.hasOwn(SECTIONS, name));
  const [rounds, seconds, connections, pushes] = [values.rounds, values.seconds, values.connections, values.pushes].map(
    Number,
  );
  const counts = [rounds, seconds, connections, pushes];
  if (unknown.length > 0 || !counts.every((value) => Number.isInteger(value) && value! > 0)) {
    process.stderr.write(
      `sections are ${Object.keys(SECTIONS).join(', ')}; rounds, seconds, connections and pushes are whole numbers above 0\n`,
    );
    return 2;
  }
  const settings: Settings = {
    rounds: rounds!,
    seconds: seconds!,
    connections: connections!,
    pushes: pushes!,
    ...(values.url !== undefined && { url: values.url }),
  };
  const results: SectionResult[] = [];
  for (const name of names) {
    const result = await SECTIONS[name]!(settings, (round, subject, metrics) => {
      const figures = Object.entries(metrics).map(([metric, value]) => `${metric} ${value.toPrecision(4)}`);
      process.stderr.write(`${name} ${round} ${subject}: ${figures.join(', ')}\n`);
    });
    results.push(result);
    process.stdout.write(`${renderSection(result)}\n`);
  }
  if (values.json) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
  return 0;
}

// By `exit`, so that the peers' own hooks end them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));
