/** `headway test`: what the Checks of a folder, a commit or a single component call, in a runtime of their own. */
import type { ArtifactFlags, TrialReports } from '../../check/trial/arguments.ts';
import { DEFAULT_PACE } from '../../check/trial/compress.ts';
import { reached } from '../../check/trial/plan-calls.ts';
import { failedFinding, type TrialCase } from '../../check/trial/report.ts';
import { Caller } from '../../check/trial/send.ts';
import { fateIn, type Fate } from '../../check/trial/settled.ts';
import { DIFFERENCES, FIRINGS } from '../../check/trial/stage.ts';
import type { LintSource } from '../../check/lint/source.ts';
import type { Terminal } from '../../check/terminal.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { EntryKey } from '../../model/component.ts';
import { CODES } from '../../model/codes.ts';
import type { ExitCode } from '../../model/exit.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Status } from '../../model/status.ts';
import { stopOnSignals } from '../run.ts';
import { openSource } from '../source.ts';
import { VERSION } from '../version.ts';
import { componentSource } from './component.ts';
import { openArtifacts } from './artifacts.ts';
import { broken, finish } from './finish.ts';
import { TrialRuntime } from './runtime.ts';
import { treeOf } from './tree.ts';
import { openReaders, readSubject, type Readers, type Subject } from './subject.ts';

/** A component that never comes up says so by its own deadlines; the rest is for a machine that is busy. */
const START_DEADLINE_MS = 180_000;

export interface TestOptions extends TrialReports, ArtifactFlags {
  /** A folder or `<repository>@<revision>`; with `checks` the .wasm file of a component. */
  readonly target: string;
  readonly checks?: string;
}

export async function testCommand(options: TestOptions, terminal: Terminal): Promise<ExitCode> {
  const startMs = performance.now();
  const ending = new AbortController();
  stopOnSignals(async () => ending.abort());
  const bring = await openArtifacts(options, ending.signal);
  if (!bring.ok) return broken(bring.error[0]!, terminal);
  const opened = await openSource(options.checks ?? options.target);
  if (!opened.ok) return broken(opened.error, terminal);
  const readers = openReaders(bring.value);
  try {
    const { source } = opened.value;
    const read = await subjectOf(source, options, readers);
    if (!read.ok) return broken(read.error, terminal);
    const cases = await casesOf(read.value, ending.signal);
    if (!cases.ok) return broken(cases.error, terminal);
    const report = {
      version: VERSION,
      command: 'test' as const,
      target: options.target,
      prefix: source.prefix,
      differences: read.value.findings.length > 0 ? [] : [...DIFFERENCES, FIRINGS.never],
      cases: cases.value,
      elapsedMs: Math.round(performance.now() - startMs),
    };
    return finish(report, options, terminal);
  } finally {
    readers.close();
    await opened.value.git?.repository.close();
  }
}

async function subjectOf(
  source: LintSource,
  { target, checks }: TestOptions,
  readers: Readers,
): Promise<Result<Subject, Problem>> {
  if (checks === undefined) return readSubject(source, readers);
  const made = await componentSource(source, target, readers);
  return made.ok ? readSubject(made.value, readers) : made;
}

/** With errors in the documents nothing is started: what would be tried is not what was meant. */
async function casesOf(subject: Subject, signal: AbortSignal): Promise<Result<readonly TrialCase[], Problem>> {
  if (subject.findings.length > 0) return ok(subject.findings.map(failedFinding));
  const { calls, desired } = subject;
  if (signal.aborted) return err(problem('HW5110', 'interrupted'));
  if (calls.length === 0) return err(problem('HW5112', 'there is no Check'));
  const only = reached(calls, desired);
  const started = await TrialRuntime.start(treeOf(subject, { only, calls, pace: DEFAULT_PACE }));
  if (!started.ok) return started;
  const runtime = started.value;
  const caller = new Caller(runtime.origin);
  try {
    const called = [...new Set(calls.flatMap(({ entries }) => entries))];
    const up = await runtime.until((status) => areUp(status, called), START_DEADLINE_MS, signal);
    if (!up.ok) return up;
    const cases: TrialCase[] = [];
    for (const call of calls) {
      if (signal.aborted) return err(problem('HW5110', 'interrupted'));
      const down = call.entries
        .map((key) => [key, fateIn(up.value.status, key)] as const)
        .find(([, fate]) => fate.type !== 'Serving');
      cases.push(down ? notUp(call.name, call.span, down) : await caller.check(call));
    }
    return ok(cases);
  } finally {
    await caller.close();
    await runtime.stop();
  }
}

function areUp(status: Status, keys: readonly EntryKey[]): boolean {
  return status.ready && keys.every((key) => fateIn(status, key).type !== 'Moving');
}

function notUp(name: string, span: TrialCase['span'], [key, fate]: readonly [EntryKey, Fate]): TrialCase {
  const why = fate.type === 'Serving' ? '' : fate.why;
  return {
    suite: 'checks',
    name,
    outcome: 'Failed',
    ...(span ? { span } : {}),
    message: `${key} did not come up: ${why}`,
    code: 'HW5115',
    remedy: CODES.HW5115.remedy,
    ...(fate.type === 'RolledBack' ? { evidence: fate.evidence } : {}),
  };
}
