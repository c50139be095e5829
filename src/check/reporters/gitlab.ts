/** GitLab's code quality report: an array of findings, of which it takes description, check, fingerprint, severity, place. */
import { pathFrom, type LintReport } from '../lint/report.ts';
import { fingerprintOf } from './fingerprint.ts';

const SEVERITIES = { error: 'major', warning: 'minor' } as const;

export function reportGitlab({ dir, prefix, findings }: LintReport): string {
  const fingerprint = fingerprintOf();
  const issues = findings.map((finding) => ({
    description: `${finding.message}. Fix: ${finding.remedy}`,
    check_name: finding.code,
    fingerprint: fingerprint(finding),
    severity: SEVERITIES[finding.severity],
    location: {
      // The form has no finding without a file: one about all of them stands at what was linted.
      path: finding.span ? pathFrom(prefix, finding.span.file) : prefix.replace(/\/$/, '') || dir,
      lines: { begin: finding.span?.line ?? 1, end: finding.span?.endLine ?? 1 },
    },
  }));
  return `${JSON.stringify(issues, null, 2)}\n`;
}
