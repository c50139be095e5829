/**
 * `headway rehearse <base>..<head>`: what a merge would do, done in a runtime of its own. The base is deployed and proven,
 * the merge result is pushed, the rollouts run with their waits compressed, and then the Checks of the head.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { commitSource } from '../../check/lint/commit.ts';
import type { RehearseArguments } from '../../check/trial/arguments.ts';
import { compressionText } from '../../check/trial/compress.ts';
import type { PlannedCall } from '../../check/trial/plan-calls.ts';
import { failedFinding, type TrialCase } from '../../check/trial/report.ts';
import { areDecided, changedEntries, rolloutCase } from '../../check/trial/rollouts.ts';
import { Caller } from '../../check/trial/send.ts';
import { fateIn } from '../../check/trial/settled.ts';
import { DIFFERENCES } from '../../check/trial/stage.ts';
import { Traffic, TRAFFIC } from '../../check/trial/traffic.ts';
import type { Terminal } from '../../check/terminal.ts';
import { openLocal, type LocalRepository } from '../../git/local.ts';
import { ok, type Result } from '../../kit/result.ts';
import type { ExitCode } from '../../model/exit.ts';
import type { Problem } from '../../model/problem.ts';
import type { Status } from '../../model/status.ts';
import { stopOnSignals } from '../run.ts';
import { VERSION } from '../version.ts';
import { broken, finish } from './finish.ts';
import { TrialRuntime } from './runtime.ts';
import { openReaders, readSubject, type Readers, type Subject } from './subject.ts';
import { treeOf } from './tree.ts';

/** The base is only what the head starts from: it waits for nothing. */
const BASE_FACTOR = 1_000_000;
const BASE_DEADLINE_MS = 300_000;
/** What serves has samples before the head comes to be compared with it. */
const WARM_UP_MS = 2_000;

export async function rehearseCommand(options: RehearseArguments, terminal: Terminal): Promise<ExitCode> {
  const startMs = performance.now();
  const opened = await openLocal(options.repo, options.path);
  if (!opened.ok) return broken(opened.error, terminal);
  const readers = openReaders();
  try {
    const ends = await readEnds(opened.value, options, readers);
    if (!ends.ok) return broken(ends.error, terminal);
    const { base, head } = ends.value;
    const wrong = [...head.findings, ...base.findings.filter(({ code }) => code === 'HW5113' || code === 'HW5114')];
    const cases = wrong.length > 0 ? ok(wrong.map(failedFinding)) : await rehearse(base, head, options);
    if (!cases.ok) return broken(cases.error, terminal);
    const report = {
      version: VERSION,
      command: 'rehearse' as const,
      target: `${options.base}..${options.head}`,
      prefix: options.path === '.' ? '' : `${options.path}/`,
      differences: wrong.length > 0 ? [] : [...DIFFERENCES, compressionText(options.factor), TRAFFIC],
      cases: cases.value,
      elapsedMs: Math.round(performance.now() - startMs),
    };
    return finish(report, options, terminal);
  } finally {
    readers.close();
    await opened.value.close();
  }
}

interface Ends {
  readonly base: Subject;
  readonly head: Subject;
}

/** As `headway plan` reads them: the head is the merge result. The Checks are those of the head, for both. */
async function readEnds(
  repository: LocalRepository,
  { base, head }: RehearseArguments,
  readers: Readers,
): Promise<Result<Ends, Problem>> {
  const from = await repository.resolve(base);
  if (!from.ok) return from;
  const to = await repository.resolve(head);
  if (!to.ok) return to;
  const merged = await repository.mergeResult(from.value, to.value);
  if (!merged.ok) return merged;
  const [before, after] = [commitSource(base, from.value, repository), commitSource(head, merged.value, repository)];
  const first = await readSubject(before, readers);
  if (!first.ok) return first;
  const last = await readSubject(after, readers, { previous: first.value.desired });
  if (!last.ok) return last;
  const again = await readSubject(before, readers, { head: last.value });
  return again.ok ? ok({ base: again.value, head: last.value }) : again;
}

async function rehearse(
  base: Subject,
  head: Subject,
  options: RehearseArguments,
): Promise<Result<readonly TrialCase[], Problem>> {
  const callable = base.calls.filter(isThere);
  const started = await TrialRuntime.start(treeOf(base, { calls: callable, factor: BASE_FACTOR }));
  if (!started.ok) return started;
  const runtime = started.value;
  const ending = new AbortController();
  stopOnSignals(async () => ending.abort());
  const traffic = new Traffic(runtime.origin, callable);
  try {
    const keys = [...base.desired.entries.keys()];
    const deployed = (status: Status) => status.ready && areDecided(status, keys, base.desired);
    const up = await runtime.until(deployed, BASE_DEADLINE_MS, ending.signal);
    if (!up.ok) return up;
    await sleep(WARM_UP_MS);
    const sinceMs = Date.now();
    const pushed = await runtime.push(treeOf(head, { calls: head.calls, factor: options.factor }));
    if (!pushed.ok) return pushed;
    const changed = changedEntries(base.desired, head.desired);
    const decided = (status: Status) =>
      status.source.acceptedCommit === pushed.value && status.ready && areDecided(status, changed, head.desired);
    const end = await runtime.until(decided, options.deadlineMs, ending.signal);
    if (!end.ok) return end;
    await traffic.stop();
    const { status } = end.value;
    const rollouts = changed.map((key) => rolloutCase(key, status, head.desired, sinceMs));
    return ok([...rollouts, ...(await checked(head.calls, runtime.origin, status))]);
  } finally {
    await traffic.stop();
    await runtime.stop();
  }
}

/** What the base has too: a call of something new would only fail there. */
function isThere({ export: called, returned, entries }: PlannedCall): boolean {
  return called ? returned !== undefined : entries.length > 0;
}

async function checked(calls: readonly PlannedCall[], origin: string, status: Status): Promise<readonly TrialCase[]> {
  const caller = new Caller(origin);
  const cases: TrialCase[] = [];
  for (const call of calls) {
    const missing = call.entries.find((key) => fateIn(status, key).type !== 'Serving');
    if (missing === undefined) cases.push(await caller.check(call));
    else {
      const message = `what the head says of ${missing} does not serve`;
      cases.push({ suite: 'checks', name: call.name, span: call.span, outcome: 'Skipped', message });
    }
  }
  await caller.close();
  return cases;
}
