import { err, ok, type Result } from '../../kit/result.ts';
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

function unknownFormat(name: string): string {
  return `there is no format "${name}"; there are ${Object.keys(TRIAL_FORMATS).join(', ')}`;
}
