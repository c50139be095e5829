/** SARIF 2.1.0 (OASIS), for code scanning: one run, a rule for each code that was found, places in UTF-16 columns. */
import { CODES } from '../../model/codes.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { pathFrom, type LintReport, type WaivedFinding } from '../lint/report.ts';
import { fingerprintOf } from './fingerprint.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

export function reportSarif({ version, prefix, findings, waived }: LintReport): string {
  const all: readonly (Diagnostic | WaivedFinding)[] = [...findings, ...waived];
  const codes = [...new Set(all.map((item) => findingOf(item).code))].sort();
  const fingerprint = fingerprintOf();
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'headway lint',
            semanticVersion: version,
            rules: codes.map((code) => ({
              id: code,
              shortDescription: { text: CODES[code].title },
              help: { text: CODES[code].remedy },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: all.map((item) => {
          const finding = findingOf(item);
          return {
            ruleId: finding.code,
            ruleIndex: codes.indexOf(finding.code),
            level: finding.severity,
            message: { text: `${finding.message}. Fix: ${finding.remedy}` },
            locations: locationsOf(finding, prefix),
            partialFingerprints: { 'headway/v1': fingerprint(finding) },
            ...('reason' in item ? { suppressions: [{ kind: 'inSource', justification: item.reason }] } : {}),
          };
        }),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function findingOf(item: Diagnostic | WaivedFinding): Diagnostic {
  return 'reason' in item ? item.finding : item;
}

function locationsOf({ span }: Diagnostic, prefix: string): readonly unknown[] {
  if (!span) return [];
  const uri = pathFrom(prefix, span.file).split('/').map(encodeURIComponent).join('/');
  return [
    {
      physicalLocation: {
        artifactLocation: { uri, uriBaseId: '%SRCROOT%' },
        region: {
          startLine: span.line,
          startColumn: span.column,
          endLine: span.endLine,
          endColumn: span.endColumn,
        },
      },
    },
  ];
}
