/** Workflow commands of GitHub Actions: each finding becomes an annotation on its line of the pull request. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Span } from '../../model/problem.ts';
import { pathFrom, totals, type LintReport } from '../lint/report.ts';
import { printable } from './printable.ts';

export function reportGithub(report: LintReport): string {
  const lines = report.findings.map((finding) => annotation(finding, report.prefix));
  return `${[...lines, `headway lint: ${totals(report)}`].join('\n')}\n`;
}

function annotation({ severity, code, span, message, remedy }: Diagnostic, prefix: string): string {
  return workflowCommand(severity, { ...placeOf(span, prefix), title: code }, `${message}\nfix: ${remedy}`);
}

function placeOf(span: Span | undefined, prefix: string): Readonly<Record<string, string>> {
  if (!span) return {};
  const lines = { file: pathFrom(prefix, span.file), line: String(span.line), endLine: String(span.endLine) };
  // GitHub takes columns only where start and end are on one line, and the last one as part of it.
  if (span.line !== span.endLine) return lines;
  return { ...lines, col: String(span.column), endColumn: String(Math.max(span.column, span.endColumn - 1)) };
}

/** One line, whatever stands in the texts. */
export function workflowCommand(
  command: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string>>,
  message: string,
): string {
  const list = Object.entries(properties).map(([name, value]) => `${name}=${property(value)}`);
  return `::${command} ${list.join(',')}::${data(message)}`;
}

function data(text: string): string {
  return text.replaceAll('%', '%25').split('\n').map(printable).join('%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
