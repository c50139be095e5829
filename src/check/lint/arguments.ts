import { err, ok, type Result } from '../../kit/result.ts';
import { isReporterName, REPORTERS, type ReporterName } from '../reporters/reporters.ts';

export interface LintArguments {
  readonly target: string;
  readonly format: ReporterName;
  readonly reports: readonly { readonly name: ReporterName; readonly file: string }[];
  readonly ignore: readonly string[];
  readonly changedSince?: string;
  readonly fix: boolean;
}

/** Flags as they were typed → options, or what is wrong with them. */
export function lintArguments(
  target: string,
  flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
): Result<LintArguments, string> {
  const format = String(flags['format']);
  if (!isReporterName(format)) return err(unknownReporter(format));
  const reports = [];
  for (const report of listOf(flags['report'])) {
    const [, name = '', file = ''] = /^([^=]*)=(.+)$/.exec(report) ?? [];
    if (file === '') return err(`--report "${report}" names no file: write --report sarif=lint.sarif`);
    if (!isReporterName(name)) return err(unknownReporter(name));
    reports.push({ name, file });
  }
  const changedSince = flags['changed-since'];
  return ok({
    target,
    format,
    reports,
    ignore: listOf(flags['ignore']),
    ...(typeof changedSince === 'string' ? { changedSince } : {}),
    fix: flags['fix'] === true,
  });
}

function listOf(flag: string | boolean | readonly string[] | undefined): readonly string[] {
  return Array.isArray(flag) ? flag : [];
}

function unknownReporter(name: string): string {
  return `there is no reporter "${name}"; there are ${Object.keys(REPORTERS).join(', ')}`;
}
