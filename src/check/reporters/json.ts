import { errorsOf, type LintReport } from '../lint/report.ts';

/**
 * One JSON object: `{version, dir, files, entries, errors, warnings, findings, waived}`; a finding is `{code, severity,
 * message, remedy, policy, span, subject}`, what is waived is `{finding, reason}`. `version` is that of this form.
 */
export function reportJson({ dir, files, entries, findings, waived }: LintReport): string {
  const errors = errorsOf({ findings });
  const report = { version: 1, dir, files, entries, errors, warnings: findings.length - errors, findings, waived };
  return `${JSON.stringify(report, null, 2)}\n`;
}
