/**
 * What one call through the bindings of each tier costs, in this process, with guests and hosts that do next to nothing: a
 * handler of `wasi:http` with eight imports, and texts in and out. `waits` means that the handler is called so that it could
 * wait, and does not; `suspends` that its one write does.
 *
 * Seconds are the thread's own, of CPU: what else the machine does beside it then counts for little. The clock for that may
 * tick every few milliseconds, so nothing is timed that takes less than a tenth of a second.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { load, type Exports } from '../../component/run.ts';
import { TIERS, tiersOf, type Tier, type Tiered } from '../../component/tiers/tiers.ts';
import { cpuMs } from '../../support/processor-time.ts';
import { compiledTexts, HANDLER, httpGuest, httpHost, quickJsTexts, TEXTS } from '../guests.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult, type Subject } from '../harness.ts';

/** Calls between two looks at the clock. */
const BATCH = 50;
const US_PER_SECOND = 1_000_000;
const INSTANCES = 200;
const BYTES_PER_KB = 1_000;
const SHORT_TEXT = 'Hello, world of text';

export interface BindingsSettings {
  readonly rounds: number;
  /** For each subject and round, divided by twenty: there is no machine to warm up but this one. */
  readonly seconds: number;
}

type CallOnce = () => unknown;
type Program = (imports: Record<string, Record<string, unknown>>) => Exports;

export async function benchBindings(
  { rounds, seconds }: BindingsSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  await loadTranspiler();
  const budgetMs = seconds * 50;
  const subjects = [...(await handlers(budgetMs)), ...(await texts(budgetMs))];
  const measured = await measureInTurn(subjects, rounds, onMeasured);
  const toStock = (what: string, atLeast: number) =>
    ({ subject: `fast${what}`, to: `stock${what}`, metric: 'calls/s', atLeast }) as const;
  return summarise(
    'Calls by tier',
    `${budgetMs} ms of CPU each, Node ${process.versions.node}`,
    measured,
    [
      toStock('', 30),
      toStock(', fresh instance', 5),
      toStock(', waits', 15),
      toStock(', suspends', 15),
      toStock(', text from C', 1),
      toStock(', text from QuickJS', 1),
    ],
    [
      { subject: 'fast', metric: 'µs per call', atMost: 1.5 },
      { subject: 'fast, fresh instance', metric: 'µs per call', atMost: 80 },
      { subject: 'fast, waits', metric: 'µs per call', atMost: 5 },
      { subject: 'fast, suspends', minus: 'fast, waits', metric: 'µs per call', atMost: 1.5 },
      { subject: 'fast, text from C', metric: 'calls/s', atLeast: 2_500_000 },
      { subject: 'fast, text from QuickJS', metric: 'calls/s', atLeast: 600_000 },
      { subject: 'fast, instances', metric: 'kB of heap each', atMost: 30 },
    ],
  );
}

async function handlers(budgetMs: number): Promise<Subject[]> {
  const bytes = await httpGuest();
  const [waiting, synchronous] = [tiersOf(bytes, true), tiersOf(bytes, false)];
  const subjects: Subject[] = [];
  for (const tier of TIERS) {
    const [direct, waits] = [await programOf(synchronous, tier), await programOf(waiting, tier)];
    const [pooled, awaited] = [handlerOf(direct), handlerOf(waits)];
    const suspended = handlerOf(waits, () => Promise.resolve(undefined));
    subjects.push(
      { name: tier, measure: async () => callsPerSecond(pooled, budgetMs) },
      { name: `${tier}, waits`, measure: () => awaitedPerSecond(awaited, budgetMs) },
      { name: `${tier}, suspends`, measure: () => awaitedPerSecond(suspended, budgetMs) },
      { name: `${tier}, fresh instance`, measure: async () => callsPerSecond(() => handlerOf(direct)(), budgetMs) },
      { name: `${tier}, instances`, measure: async () => heapOfEach(direct) },
    );
  }
  return subjects;
}

async function texts(budgetMs: number): Promise<Subject[]> {
  const guests = [
    ['C', await compiledTexts()],
    ['QuickJS', await quickJsTexts()],
  ] as const;
  const subjects: Subject[] = [];
  for (const [language, bytes] of guests) {
    const tiered = tiersOf(bytes, false);
    for (const tier of TIERS) {
      const echo = (await programOf(tiered, tier))({})[TEXTS]!['echo']!;
      if (echo(SHORT_TEXT) !== SHORT_TEXT) throw new Error(`${language} answers with another text`);
      const call = (): unknown => echo(SHORT_TEXT);
      subjects.push({
        name: `${tier}, text from ${language}`,
        measure: async () => callsPerSecond(call, budgetMs),
      });
    }
  }
  return subjects;
}

function programOf({ files, sources }: Tiered, tier: Tier): Promise<Program> {
  return load({ files }, sources[tier]);
}

/** A new instance, as a function that makes one request to it. */
function handlerOf(program: Program, answer: () => undefined | Promise<undefined> = () => undefined): CallOnce {
  const host = httpHost(answer);
  const handle = program(host.imports)[HANDLER]!['handle']!;
  return () => handle(...host.call());
}

/** JavaScript's heap per instance that has answered once; its memory is not in it. */
function heapOfEach(program: Program): Metrics {
  const before = heapBytes();
  const kept: CallOnce[] = [];
  for (let count = 0; count < INSTANCES; count++) {
    const call = handlerOf(program);
    call();
    kept.push(call);
  }
  const grown = heapBytes() - before;
  return { 'kB of heap each': grown / kept.length / BYTES_PER_KB };
}

function heapBytes(): number {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** One at a time, of calls that return. */
function callsPerSecond(call: CallOnce, budgetMs: number): Metrics {
  const startMs = cpuMs();
  let [calls, elapsedMs] = [0, 0];
  while (elapsedMs < budgetMs) {
    for (let index = 0; index < BATCH; index++) call();
    calls += BATCH;
    elapsedMs = cpuMs() - startMs;
  }
  return metrics(calls, elapsedMs);
}

/** One at a time, of calls that answer with a promise. */
async function awaitedPerSecond(call: CallOnce, budgetMs: number): Promise<Metrics> {
  const startMs = cpuMs();
  let [calls, elapsedMs] = [0, 0];
  while (elapsedMs < budgetMs) {
    for (let index = 0; index < BATCH; index++) await call();
    calls += BATCH;
    elapsedMs = cpuMs() - startMs;
  }
  return metrics(calls, elapsedMs);
}

function metrics(calls: number, elapsedMs: number): Metrics {
  const perSecond = (calls / elapsedMs) * 1000;
  return { 'calls/s': perSecond, 'µs per call': US_PER_SECOND / perSecond };
}
