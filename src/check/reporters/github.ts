/** Workflow commands of GitHub Actions: each finding becomes an annotation on its line of the pull request. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { totals, type LintReport } from '../lint/report.ts';
import { printable } from './printable.ts';

export function reportGithub(report: LintReport): string {
  const lines = report.findings.map((finding) => annotation(finding, report.prefix));
  return `${[...lines, `headway lint: ${totals(report)}`].join('\n')}\n`;
}

function annotation({ severity, code, span, message, remedy }: Diagnostic, prefix: string): string {
  const properties = [
    ...(span
      ? [
          `file=${property(`${prefix}${span.file}`)}`,
          `line=${span.line}`,
          `endLine=${span.endLine}`,
          // GitHub takes columns only where start and end are on one line, and the last one as part of it.
          ...(span.line === span.endLine
            ? [`col=${span.column}`, `endColumn=${Math.max(span.column, span.endColumn - 1)}`]
            : []),
        ]
      : []),
    `title=${property(code)}`,
  ];
  return `::${severity} ${properties.join(',')}::${data(`${message}\nfix: ${remedy}`)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').split('\n').map(printable).join('%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
