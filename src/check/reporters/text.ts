import type { Diagnostic } from '../../model/diagnostic.ts';
import { counted, totals, type LintReport, type SourceLines } from '../lint/report.ts';
import { printable, printablePlace } from './printable.ts';

const STYLES = { error: '31', warning: '33', code: '1', dim: '2', fix: '36' } as const;

type Paint = (style: keyof typeof STYLES, text: string) => string;

const MAX_FRAME_COLUMNS = 160;

/** For people: place, what, the line it is about, and the fix; a summary at the end. */
export function reportText(report: LintReport, lines: SourceLines, colours: boolean): string {
  const paint: Paint = (style, text) => (colours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text);
  const blocks = report.findings.map((finding) => block(finding, lines, paint));
  return `${[...blocks, summary(report)].join('\n')}\n`;
}

function block(finding: Diagnostic, lines: SourceLines, paint: Paint): string {
  const { span, severity, code, message, remedy } = finding;
  const place = span ? `${printablePlace(span)}: ` : '';
  const head = `${place}${paint(severity, severity)} ${paint('code', code)} ${printable(message)}`;
  return [head, ...frame(finding, lines, paint), `  ${paint('fix', 'fix')}: ${printable(remedy)}`, ''].join('\n');
}

function frame({ span, severity, subject }: Diagnostic, lines: SourceLines, paint: Paint): readonly string[] {
  // The line may hold what somebody forgot to encrypt.
  if (subject?.kind === 'Secret') return [];
  const line = span && lines(span.file)?.[span.line - 1];
  if (!line) return [];
  const number = String(span.line);
  const shown = printable(line.slice(0, MAX_FRAME_COLUMNS));
  if (span.column > MAX_FRAME_COLUMNS) return [`  ${paint('dim', `${number} |`)} ${shown}…`];
  const end = span.endLine === span.line ? span.endColumn : line.length + 1;
  const length = Math.max(1, Math.min(end, MAX_FRAME_COLUMNS) - span.column);
  const marks = `${' '.repeat(span.column - 1)}${'^'.repeat(length)}`;
  return [
    `  ${paint('dim', `${number} |`)} ${shown}`,
    `  ${paint('dim', `${' '.repeat(number.length)} |`)} ${paint(severity, marks)}`,
  ];
}

function summary(report: LintReport): string {
  const read = `${counted(report.files, 'file')}, ${counted(report.entries, 'complete component')}`;
  return `${report.dir}: ${read}, ${totals(report)}`;
}
