import { err, ok, type Result } from '../../kit/result.ts';
import { parseDuration } from '../../kit/units.ts';
import { isTrialFormat, TRIAL_FORMATS, type TrialFormat } from './format.ts';

/** How a trial reports: to standard output, and to files. */
export interface TrialReports {
  readonly format: TrialFormat;
  readonly reports: readonly { readonly format: TrialFormat; readonly file: string }[];
}

/** Flags as they were typed → where to report, or what is wrong with them. */
export function trialReports(format: string, written: readonly string[]): Result<TrialReports, string> {
  if (!isTrialFormat(format)) return err(unknownFormat(format));
  const reports = [];
  for (const report of written) {
    const [, name = '', file = ''] = /^([^=]*)=(.+)$/.exec(report) ?? [];
    if (file === '') return err(`--report "${report}" names no file: write --report junit=checks.xml`);
    if (!isTrialFormat(name)) return err(unknownFormat(name));
    reports.push({ format: name, file });
  }
  return ok({ format, reports });
}

export interface RehearseArguments extends TrialReports {
  readonly repo: string;
  readonly path: string;
  readonly base: string;
  readonly head: string;
  /** Waits are divided by it. */
  readonly factor: number;
  /** For the rollouts together. */
  readonly deadlineMs: number;
}

const MAX_FACTOR = 1_000_000;

export function rehearseArguments(
  range: string | undefined,
  flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>,
): Result<RehearseArguments, string> {
  const ends = /^(.+?)\.\.(.+)$/.exec(range ?? '');
  if (!ends) return err('rehearse needs one range <base>..<head>');
  const factor = Number(flags['speed']);
  if (!(factor >= 1 && factor <= MAX_FACTOR)) return err(`--speed is a number from 1 to ${MAX_FACTOR}`);
  const deadline = parseDuration(String(flags['deadline']));
  if (!deadline.ok) return err(`--deadline: ${deadline.error}`);
  const reports = trialReports(String(flags['format']), Array.isArray(flags['report']) ? flags['report'] : []);
  if (!reports.ok) return reports;
  const [, base, head] = ends as unknown as readonly [string, string, string];
  const [repo, path] = [String(flags['repo']), String(flags['path'])];
  return ok({ ...reports.value, repo, path, base, head, factor, deadlineMs: deadline.value });
}

function unknownFormat(name: string): string {
  return `there is no format "${name}"; there are ${Object.keys(TRIAL_FORMATS).join(', ')}`;
}
