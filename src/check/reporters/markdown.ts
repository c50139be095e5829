/** For a comment on a pull request: a table, with a hidden marker by which a bot finds its comment again. */
import type { Span } from '../../model/problem.ts';
import { totals, type LintReport } from '../lint/report.ts';
import { printable } from './printable.ts';

export const LINT_MARKER = '<!-- headway:lint -->';
/** A comment of GitHub holds 65,536 characters; what does not fit is counted. */
const MAX_ROWS = 100;

export function reportMarkdown(report: LintReport): string {
  const { findings, waived, prefix } = report;
  const lines = [LINT_MARKER, `### headway lint: ${totals(report)}`, ''];
  if (findings.length > 0) {
    lines.push('| | where | what | fix |', '|---|---|---|---|');
    for (const { severity, code, span, message, remedy } of findings.slice(0, MAX_ROWS)) {
      const place = span ? placeOf(prefix, span) : '';
      lines.push(`| ${severity} \`${code}\` | ${place} | ${cell(message)} | ${cell(remedy)} |`);
    }
    if (findings.length > MAX_ROWS) lines.push('', `… and ${findings.length - MAX_ROWS} more.`);
    lines.push('');
  }
  if (waived.length > 0) {
    lines.push('<details><summary>waived</summary>', '');
    for (const { finding, reason } of waived.slice(0, MAX_ROWS)) {
      const place = finding.span ? ` at ${placeOf(prefix, finding.span)}` : '';
      lines.push(`- \`${finding.code}\`${place}: ${cell(reason)}`);
    }
    lines.push('', '</details>', '');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

export function placeOf(prefix: string, { file, line }: Span): string {
  return `\`${printable(`${prefix}${file}`)
    .replaceAll('`', "'")
    .replaceAll('|', String.raw`\|`)}:${line}\``;
}

/** Text from a file as text: no table, no markup, no mention of a person, no HTML. */
export function cell(text: string): string {
  return printable(text.replaceAll(/\s+/g, ' '))
    .replaceAll(/[\\|*_~[\]#]/g, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('@', '&#64;');
}
