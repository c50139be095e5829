/**
 * What one call through the bindings of each tier costs: the greeting over `wasi:http`, in this process, with a host that
 * does next to nothing. `waits` means that its exports are called so that they could wait; none does.
 *
 * Seconds are the thread's own, of CPU: what else the machine does beside it then counts for little.
 */
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { load, tinyHost, type Exports } from '../../component/run.ts';
import { example } from '../../component/support.ts';
import { TIERS, tiersOf, type Tier, type Tiered } from '../../component/tiers/tiers.ts';
import { measureInTurn, summarise, type Metrics, type SectionResult, type Subject } from '../harness.ts';

const EXAMPLE = 'greeting-v1';
const HANDLER = 'wasi:http/incoming-handler@0.2.12';
/** Calls between two looks at the clock. */
const BATCH = 50;
const US_PER_SECOND = 1_000_000;

export interface BindingsSettings {
  readonly rounds: number;
  /** For each subject and round, divided by ten: there is no machine to warm up but this one. */
  readonly seconds: number;
}

type CallOnce = () => unknown;

export async function benchBindings(
  { rounds, seconds }: BindingsSettings,
  onMeasured: (round: number, subject: string, metrics: Metrics) => void,
): Promise<SectionResult> {
  await loadTranspiler();
  const bytes = example(EXAMPLE);
  const [waiting, synchronous] = [tiersOf(bytes, true), tiersOf(bytes, false)];
  const budgetMs = seconds * 100;
  const subjects: Subject[] = [];
  for (const tier of TIERS) {
    const [direct, waits] = [await programOf(synchronous, tier), await programOf(waiting, tier)];
    const [pooled, awaited] = [callerOf(direct), callerOf(waits)];
    subjects.push({ name: tier, measure: async () => callsPerSecond(pooled, budgetMs) });
    subjects.push({ name: `${tier}, waits`, measure: () => awaitedPerSecond(awaited, budgetMs) });
    subjects.push({
      name: `${tier}, fresh instance`,
      measure: async () => callsPerSecond(() => callerOf(direct)(), budgetMs),
    });
  }
  const measured = await measureInTurn(subjects, rounds, onMeasured);
  return summarise(`Calls of ${EXAMPLE} by tier`, `${budgetMs} ms each, Node ${process.versions.node}`, measured, [
    { subject: 'fast', to: 'stock', metric: 'calls/s', atLeast: 30 },
    { subject: 'fast, waits', to: 'stock, waits', metric: 'calls/s', atLeast: 15 },
    { subject: 'fast, fresh instance', to: 'stock, fresh instance', metric: 'calls/s', atLeast: 5 },
    { subject: 'fast', to: 'quiet', metric: 'calls/s', atLeast: 10 },
  ]);
}

type NewInstance = (imports: TinyImports) => Exports;
type TinyImports = ReturnType<typeof tinyHost>['imports'];

function programOf({ files, sources }: Tiered, tier: Tier): Promise<NewInstance> {
  return load({ files }, sources[tier]);
}

/** A new instance, as a function that makes one request to it. */
function callerOf(program: NewInstance): CallOnce {
  const host = tinyHost('/', false);
  const handle = program(host.imports)[HANDLER]!['handle']!;
  return () => {
    host.answer.body = '';
    host.answer.streams.length = 0;
    return handle(...host.call());
  };
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

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function metrics(calls: number, elapsedMs: number): Metrics {
  const perSecond = (calls / elapsedMs) * 1000;
  return { 'calls/s': perSecond, 'µs per call': US_PER_SECOND / perSecond };
}
