/** `headway lint <dir|repo>[@ref]` with the daemon's parser and reader of git behind it. */

import { pino } from 'pino';
import type { LintArguments } from '../check/lint/arguments.ts';
import { commitSource } from '../check/lint/commit.ts';
import { applyFixes } from '../check/lint/fix.ts';
import { exitOf, lint, type Linted, type LintExit, type LintRun } from '../check/lint/lint.ts';
import type { LintSource } from '../check/lint/source.ts';
import { printProblem } from '../check/print.ts';
import { REPORTERS } from '../check/reporters/reporters.ts';
import type { Terminal } from '../check/terminal.ts';
import type { LocalRepository } from '../git/local.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { EXIT } from '../model/exit.ts';
import { problem, type Problem } from '../model/problem.ts';
import { namesCommit, openSource } from './source.ts';
import { openManifestParser } from './manifest-parser.ts';
import { openShapeReader } from './shape-reader.ts';
import { VERSION } from './version.ts';
import { writeReport } from './write-report.ts';

interface Opened {
  readonly source: LintSource;
  /** Present where a commit is linted or compared with. */
  readonly repository?: LocalRepository;
  readonly since?: LintSource;
}

export async function lintCommand(options: LintArguments, terminal: Terminal): Promise<LintExit> {
  const opened = await open(options);
  if (!opened.ok) return broken(terminal, [opened.error]);
  const log = pino({ enabled: false });
  const manifest = openManifestParser({ log });
  const shapes = openShapeReader({ log });
  try {
    const linted = await lintAndFix(opened.value, options, { manifest, shapes });
    if (!linted.ok) return broken(terminal, linted.error);
    const { report, lines } = linted.value;
    if (linted.value.mended > 0) terminal.err(`headway: mended ${linted.value.mended} of the findings\n`);
    for (const { name, file } of options.reports) {
      const written = writeReport(file, REPORTERS[name](report, lines, false));
      if (!written.ok) return broken(terminal, [written.error]);
    }
    terminal.out(REPORTERS[options.format](report, lines, terminal.colours));
    return exitOf(report);
  } finally {
    manifest.close();
    shapes.close();
    await opened.value.repository?.close();
  }
}

async function lintAndFix(
  { source, since }: Opened,
  { ignore, fix }: LintArguments,
  { manifest, shapes }: Pick<LintRun, 'manifest' | 'shapes'>,
): Promise<Result<Linted & { readonly mended: number }, readonly Problem[]>> {
  const run: LintRun = { source, manifest, shapes, version: VERSION, ignore, ...(since ? { since } : {}) };
  const first = await lint(run);
  if (!first.ok || !fix || !source.write) return first.ok ? ok({ ...first.value, mended: 0 }) : first;
  const mended = await applyFixes(first.value.report.findings, first.value.files, source.write);
  if (!mended.ok) return err([mended.error]);
  if (mended.value === 0) return ok({ ...first.value, mended: 0 });
  const second = await lint(run);
  return second.ok ? ok({ ...second.value, mended: mended.value }) : second;
}

async function open({ target, changedSince, fix }: LintArguments): Promise<Result<Opened, Problem>> {
  if (fix && namesCommit(target)) return err(problem('HW5012', '--fix needs a folder: a commit cannot be changed'));
  const opened = await openSource(target, changedSince !== undefined);
  if (!opened.ok) return opened;
  const { source, git } = opened.value;
  if (!git) return ok({ source });
  const { repository, head } = git;
  if (changedSince === undefined) return ok({ source, repository });
  const since = await comparedWith(repository, changedSince, head);
  return since.ok ? ok({ source, repository, since: since.value }) : closing(repository, since.error);
}

/** What both have in common is compared with: what happened to the other meanwhile is not this change. */
async function comparedWith(
  repository: LocalRepository,
  changedSince: string,
  head: string,
): Promise<Result<LintSource, Problem>> {
  const other = await repository.resolve(changedSince);
  if (!other.ok) return other;
  const base = await repository.mergeBase(other.value, head);
  return base.ok ? ok(commitSource(changedSince, base.value, repository)) : base;
}

async function closing(repository: LocalRepository, error: Problem): Promise<Result<never, Problem>> {
  await repository.close();
  return err(error);
}

function broken(terminal: Terminal, problems: readonly Problem[]): LintExit {
  for (const one of problems) printProblem(terminal, one);
  return EXIT.Broken;
}
