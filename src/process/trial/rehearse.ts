/**
 * `headway rehearse <base>..<head>`: what a merge would do, done in a runtime of its own. The base is deployed and proven,
 * the merge result is pushed, the rollouts run with their waits compressed, and then the Checks of the head.
 */
import { commitSource } from '../../check/lint/commit.ts';
import type { RehearseArguments } from '../../check/trial/arguments.ts';
import { BASE_PACE, paceText } from '../../check/trial/compress.ts';
import { firingCases, firingsWanted, isFired, nextFiring } from '../../check/trial/firings.ts';
import { reached, type PlannedCall } from '../../check/trial/plan-calls.ts';
import { failedFinding, type TrialCase } from '../../check/trial/report.ts';
import { changedEntries, concerned, downAtBase, rolloutCase, undecided } from '../../check/trial/rollouts.ts';
import { fateIn } from '../../check/trial/settled.ts';
import { DIFFERENCES, FIRINGS, type StageOptions } from '../../check/trial/stage.ts';
import { Traffic, TRAFFIC } from '../../check/trial/traffic.ts';
import type { Terminal } from '../../check/terminal.ts';
import { openLocal, type LocalRepository } from '../../git/local.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { valueSpan } from '../../manifest/parsed.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired } from '../../model/desired.ts';
import type { ExitCode } from '../../model/exit.ts';
import { problem, type Problem, type Span } from '../../model/problem.ts';
import type { ScheduleKey } from '../../model/schedule.ts';
import type { Status } from '../../model/status.ts';
import { stopOnSignals } from '../run.ts';
import { VERSION } from '../version.ts';
import { openArtifacts } from './artifacts.ts';
import { checked } from './checked.ts';
import { broken, finish } from './finish.ts';
import { TrialRuntime } from './runtime.ts';
import { openReaders, readSubject, type Readers, type Subject } from './subject.ts';
import { treeOf } from './tree.ts';

/** Of the base: four are prepared at a time. */
const BASE_DEADLINE_MS = 120_000;
const MORE_FOR_EACH_MS = 5_000;

export async function rehearseCommand(options: RehearseArguments, terminal: Terminal): Promise<ExitCode> {
  const startMs = performance.now();
  const ending = new AbortController();
  stopOnSignals(async () => ending.abort());
  const bring = await openArtifacts(options, ending.signal);
  if (!bring.ok) return broken(bring.error[0]!, terminal);
  const opened = await openLocal(options.repo, options.path);
  if (!opened.ok) return broken(opened.error, terminal);
  const readers = openReaders(bring.value);
  try {
    const ends = await readEnds(opened.value, options, readers);
    if (!ends.ok) return broken(ends.error, terminal);
    if (ending.signal.aborted) return broken(problem('HW5110', 'interrupted'), terminal);
    const { base, head } = ends.value;
    const wrong = [...head.findings, ...base.findings.filter(({ code }) => isOurs(code))];
    const only = concerned(base.desired, head.desired, head.calls);
    const cases =
      wrong.length > 0
        ? ok(wrong.map(failedFinding))
        : await rehearse(base, head, { ...options, ...(only ? { only } : {}) }, ending.signal);
    if (!cases.ok) return broken(cases.error, terminal);
    const left = [...head.desired.entries.keys()].filter((key) => only && !only.has(key)).length;
    const rest =
      left === 0 ? [] : [`of ${head.desired.entries.size} components ${left} do not run: neither changed nor called`];
    const differences = [...DIFFERENCES, ...rest, FIRINGS.early, paceText(options.pace), TRAFFIC];
    const report = {
      version: VERSION,
      command: 'rehearse' as const,
      target: `${options.base}..${options.head}`,
      prefix: options.path === '.' ? '' : `${options.path}/`,
      differences: wrong.length > 0 ? [] : differences,
      cases: cases.value,
      elapsedMs: Math.round(performance.now() - startMs),
    };
    return finish(report, options, terminal);
  } finally {
    readers.close();
    await opened.value.close();
  }
}

/** Of a base: what else is wrong with it the fleet lives with. */
function isOurs(code: string): boolean {
  return code === 'HW5113' || code === 'HW5114' || code.startsWith('HW24');
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
  { pace, deadlineMs, ...more }: RehearseArguments & Pick<StageOptions, 'only'>,
  signal: AbortSignal,
): Promise<Result<readonly TrialCase[], Problem>> {
  const callable = base.calls.filter(isThere);
  const staged = { ...(more.only ? { only: more.only } : {}), fires: true } as const;
  const started = await TrialRuntime.start(treeOf(base, { calls: callable, pace: BASE_PACE, ...staged, isBase: true }));
  if (!started.ok) return started;
  const runtime = started.value;
  const traffic = new Traffic(runtime.origin);
  try {
    const beginning = { runtime, traffic, ...base, calls: callable };
    const tried = [...reached(callable, base.desired), ...firedIn(base.desired)];
    const keys = [...base.desired.entries.keys()];
    const up = await runtime.until(
      settling(beginning, (status) =>
        undecided(status, keys, base.desired).filter((key) => isAwaited(status, key, tried)),
      ),
      BASE_DEADLINE_MS + keys.length * MORE_FOR_EACH_MS,
      signal,
    );
    if (!up.ok) return up;
    const sinceMs = Date.now();
    const pushed = await runtime.push(treeOf(head, { calls: head.calls, pace, ...staged }));
    if (!pushed.ok) return pushed;
    const changed = changedEntries(base.desired, head.desired);
    const isSeen = ({ source }: Status) => source.acceptedCommit === pushed.value;
    const end = await runtime.until(
      settling(
        { runtime, traffic, ...head },
        (status) => (isSeen(status) ? undecided(status, changed, head.desired) : changed),
        true,
      ),
      deadlineMs,
      signal,
    );
    if (!end.ok) return end;
    await traffic.stop();
    const { status } = end.value;
    const rollouts = changed.map((key) =>
      rolloutCase(key, status, head.desired, sinceMs, (iso) => runtime.skips.machineMs(iso)),
    );
    const failed = new Set(rollouts.flatMap(({ name, outcome }) => (outcome === 'Failed' ? [name] : [])));
    const checks = await checked(head.calls, { origin: runtime.origin, status, failed, signal });
    if (signal.aborted) return err(problem('HW5110', 'interrupted'));
    return ok([
      ...downAtBase(up.value.status, base.desired),
      ...rollouts,
      ...firingCases(status, head.desired, schedulePlaces(head)),
      ...checks,
    ]);
  } finally {
    await traffic.stop();
    await runtime.stop();
  }
}

interface Settling extends Pick<Subject, 'calls' | 'desired'> {
  readonly runtime: TrialRuntime;
  readonly traffic: Traffic;
}

/**
 * Whether nothing is left to be seen; brings it about meanwhile: calls what needs samples, and puts the clock forward to
 * what is to fire. `each`: every Schedule fires once, whatever proves its entry.
 */
function settling(
  { runtime, traffic, calls, desired }: Settling,
  left: (status: Status) => readonly EntryKey[],
  each = false,
): (status: Status) => boolean {
  return (status) => {
    const open = status.ready ? left(status) : [...desired.entries.keys()];
    traffic.make(calls.filter((call) => open.some((key) => reached([call], desired).has(key))));
    const wanted = firingsWanted(status, desired, each && open.length === 0);
    const next = nextFiring(wanted, runtime.skips.nowMs());
    if (next !== undefined) runtime.skips.to(next);
    return status.ready && open.length === 0 && wanted.length === 0;
  };
}

/** That nothing calls is deployed as soon as it serves: more is not seen of it. */
function isAwaited(status: Status, key: EntryKey, tried: readonly EntryKey[]): boolean {
  return tried.includes(key) || fateIn(status, key).type === 'Moving';
}

function firedIn({ entries }: Desired): readonly EntryKey[] {
  return [...entries].flatMap(([key, entry]) => (isFired(entry) ? [key] : []));
}

function schedulePlaces({ parsed }: Subject): ReadonlyMap<ScheduleKey, Span> {
  return new Map(
    parsed.documents
      .filter((document) => document.kind === 'Schedule')
      .map((document) => [`${document.namespace}/${document.name}` as const, valueSpan(document, '/spec/schedule')]),
  );
}

/** What the base has too: a call of something new would only fail there. */
function isThere({ export: called, returned, entries }: PlannedCall): boolean {
  return called ? returned !== undefined : entries.length > 0;
}
