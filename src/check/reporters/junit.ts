/**
 * JUnit XML, as CI servers read it: a test case for each finding, by file, and one that passes where a file-less run found
 * nothing, because some of them take an empty report for a broken one.
 */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { pathFrom, type LintReport } from '../lint/report.ts';
import { attribute, text } from './xml.ts';

export function reportJunit({ prefix, findings, waived }: LintReport): string {
  const cases = [
    ...findings.map((finding) => failed(finding, prefix)),
    ...waived.map(({ finding, reason }) => testCase(finding, prefix, `<skipped message="${attribute(reason)}"/>`)),
  ];
  if (cases.length === 0) cases.push('    <testcase classname="headway lint" name="no findings"/>');
  const counts = `tests="${cases.length}" failures="${findings.length}" errors="0" skipped="${waived.length}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="headway lint" ${counts}>`,
    `  <testsuite name="headway lint" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function failed(finding: Diagnostic, prefix: string): string {
  const { severity, code, message, remedy } = finding;
  const body = text(`${placeOf(finding, prefix)}${message}\nfix: ${remedy}`);
  const failure = `<failure type="${code}" message="${attribute(`${severity}: ${message}`)}">${body}</failure>`;
  return testCase(finding, prefix, failure);
}

function testCase(finding: Diagnostic, prefix: string, content: string): string {
  const { span, code } = finding;
  const file = span ? attribute(pathFrom(prefix, span.file)) : 'headway lint';
  const name = attribute(`${code}${span ? ` at ${span.line}:${span.column}` : ''}`);
  const place = span ? ` file="${file}" line="${span.line}"` : '';
  return `    <testcase classname="${file}" name="${name}"${place}>${content}</testcase>`;
}

function placeOf({ span }: Diagnostic, prefix: string): string {
  return span ? `${pathFrom(prefix, span.file)}:${span.line}:${span.column}: ` : '';
}
