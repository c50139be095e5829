import { pathFrom } from '../lint/report.ts';
import { printable } from '../reporters/printable.ts';
import { attribute, text } from '../reporters/xml.ts';
import { countOf, type TrialCase, type TrialReport } from './report.ts';

export type TrialFormat = 'text' | 'json' | 'junit';

export const TRIAL_FORMATS: Readonly<Record<TrialFormat, (report: TrialReport) => string>> = {
  text: trialText,
  json: (report) => `${JSON.stringify(report, undefined, 2)}\n`,
  junit: trialJunit,
};

export function isTrialFormat(name: string): name is TrialFormat {
  return Object.hasOwn(TRIAL_FORMATS, name);
}

const MARKS = { Passed: 'ok     ', Failed: 'FAILED ', Skipped: 'skipped' } as const;

function trialText(report: TrialReport): string {
  const lines = report.cases.flatMap((one) => [
    `${MARKS[one.outcome]} ${one.name}${one.elapsedMs === undefined ? '' : ` (${one.elapsedMs} ms)`}`,
    ...detailsOf(one, report.prefix).map((line) => `          ${line}`),
  ]);
  return [
    ...lines.map(printable),
    ...(lines.length > 0 ? [''] : []),
    ...report.differences.map((one) => printable(`not as in the fleet: ${one}`)),
    `${countOf(report, 'Passed')} passed, ${countOf(report, 'Failed')} failed, ${countOf(report, 'Skipped')} skipped in ${(report.elapsedMs / 1000).toFixed(1)} s`,
    '',
  ].join('\n');
}

function detailsOf(one: TrialCase, prefix: string): readonly string[] {
  const { outcome, span, message, code, expected, found, remedy, steps = [], evidence = [] } = one;
  const place = outcome === 'Failed' && span ? `${pathFrom(prefix, span.file)}:${span.line}:${span.column}: ` : '';
  return [
    ...(message === undefined ? [] : [`${place}${message}${code === undefined ? '' : ` (${code})`}`]),
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(found === undefined ? [] : [`found    ${found}`]),
    ...evidence.map(
      ({ metric, observed, threshold, samples, synthetic }) =>
        `evidence: ${metric} ${observed}, allowed ${threshold}, of ${samples} samples${synthetic > 0 ? ` (${synthetic} synthetic)` : ''}`,
    ),
    ...steps.map(({ atMs, what }) => `${(atMs / 1000).toFixed(1).padStart(6)} s  ${what}`),
    ...(remedy === undefined ? [] : [`fix: ${remedy}`]),
  ];
}

/** A suite for each part of the report; what was done differently from the fleet is a property of the whole. */
function trialJunit(report: TrialReport): string {
  const name = `headway ${report.command}`;
  const counts = (cases: readonly TrialCase[]) =>
    `tests="${cases.length}" failures="${countOf({ cases }, 'Failed')}" errors="0" skipped="${countOf({ cases }, 'Skipped')}"`;
  const suites = [...Map.groupBy(report.cases, ({ suite }) => suite)].flatMap(([suite, cases]) => [
    `  <testsuite name="${name} ${suite}" ${counts(cases)}>`,
    '    <properties>',
    ...report.differences.map((one) => `      <property name="difference" value="${attribute(one)}"/>`),
    '    </properties>',
    ...cases.map((one) => caseOf(one, report.prefix)),
    '  </testsuite>',
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${name}" ${counts(report.cases)} time="${seconds(report.elapsedMs)}">`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function caseOf(one: TrialCase, prefix: string): string {
  const { suite, name, span, elapsedMs = 0, outcome, message = '', code = '' } = one;
  const place = span ? ` file="${attribute(pathFrom(prefix, span.file))}" line="${span.line}"` : '';
  const body = text(detailsOf(one, prefix).join('\n'));
  const content =
    outcome === 'Failed'
      ? `<failure type="${code}" message="${attribute(message)}">${body}</failure>`
      : outcome === 'Skipped'
        ? `<skipped message="${attribute(message)}"/>`
        : body === ''
          ? ''
          : `<system-out>${body}</system-out>`;
  return `    <testcase classname="${suite}" name="${attribute(name)}" time="${seconds(elapsedMs)}"${place}>${content}</testcase>`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}
