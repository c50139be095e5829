import type { LintReport } from '../lint-report.ts';

/** One JSON object: `{version, dir, files, entries, errors, warnings, findings: [{code, severity, message, remedy, span, subject}]}`. */
export function reportJson({ dir, files, entries, findings }: LintReport): string {
  const count = (severity: string) => findings.filter((finding) => finding.severity === severity).length;
  const report = { version: 1, dir, files, entries, errors: count('error'), warnings: count('warning'), findings };
  return `${JSON.stringify(report, null, 2)}\n`;
}
