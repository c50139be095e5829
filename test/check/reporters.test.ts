import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import Ajv04 from 'ajv-draft-04';
import { describe, expect, it } from 'vitest';
import type { LintReport, SourceLines } from '../../src/check/lint/report.ts';
import { REPORTERS, type ReporterName } from '../../src/check/reporters/reporters.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';

const GOLDEN = path.join(import.meta.dirname, 'golden');
const EXTENSIONS: Readonly<Record<ReporterName, string>> = {
  text: 'txt',
  json: 'json',
  sarif: 'sarif',
  junit: 'xml',
  github: 'txt',
  gitlab: 'json',
  markdown: 'md',
};

const LINES: SourceLines = (file) =>
  file === 'a b/cart.yaml' ? ['apiVersion: headway.dev/v1alpha1', '  limits: {memroy: 64Mi}'] : undefined;

const FINDINGS: readonly Diagnostic[] = [
  {
    code: 'HW1020',
    message: 'there is no Environment',
    remedy: 'keep exactly one document of kind Environment under the followed path',
    policy: 'Terminal',
    severity: 'error',
  },
  {
    code: 'HW1013',
    message: '`memroy` is not a field of spec.limits',
    remedy: 'did you mean `memory`?',
    policy: 'Terminal',
    severity: 'error',
    span: { file: 'a b/cart.yaml', line: 2, column: 12, endLine: 2, endColumn: 18 },
    subject: { kind: 'Component', namespace: 'shop', name: 'cart' },
    fix: { type: 'Replace', text: 'memory' },
  },
  {
    code: 'HW1064',
    // What a hostile manifest would like the reader of a report to run, see or be told.
    message: 'Component <img src=x> & "it" takes | traffic @everyone ::error::%0A]]> without\na probe \u0007',
    remedy: 'add spec.probes.readiness',
    policy: 'Terminal',
    severity: 'warning',
    span: { file: 'größe,1:2.yaml', line: 3, column: 1, endLine: 5, endColumn: 4 },
  },
];

const WAIVED = {
  finding: {
    code: 'HW1061',
    message: 'nothing uses RolloutPolicy shop/p',
    remedy: 'refer to it or delete it',
    policy: 'Terminal',
    severity: 'warning',
    span: { file: 'p.yaml', line: 3, column: 18, endLine: 3, endColumn: 19 },
  },
  reason: 'kept for the <next> "quarter"',
} as const;

const FOUND: LintReport = {
  version: '1.2.3',
  dir: 'env',
  prefix: 'env/',
  files: 3,
  entries: 1,
  findings: FINDINGS,
  waived: [WAIVED],
};
const CLEAN: LintReport = { ...FOUND, findings: [], waived: [] };

const names = Object.keys(REPORTERS) as ReporterName[];

describe('reporters', () => {
  it.each(names)('%s prints what it printed', async (name) => {
    const extension = EXTENSIONS[name];
    await expect(REPORTERS[name](FOUND, LINES, false)).toMatchFileSnapshot(path.join(GOLDEN, `${name}.${extension}`));
    await expect(REPORTERS[name](CLEAN, LINES, false)).toMatchFileSnapshot(
      path.join(GOLDEN, `${name}-clean.${extension}`),
    );
  });

  it('sarif is valid by the schema of SARIF 2.1.0', () => {
    const file = createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
    const schema = JSON.parse(readFileSync(file, 'utf8')) as object;
    const validate = new Ajv04.default({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
    for (const report of [FOUND, CLEAN]) {
      const log = JSON.parse(REPORTERS.sarif(report, LINES, false)) as { runs: { results: { level: string }[] }[] };
      expect([validate(log), validate.errors]).toEqual([true, null]);
      log.runs[0]!.results.push({ level: 'loud' });
      expect(validate(log)).toBe(false);
    }
  });

  it('junit is XML that a parser takes, with the numbers that it says', () => {
    const xml = REPORTERS.junit(FOUND, LINES, false);
    expect(xml.match(/<testcase /g)).toHaveLength(4);
    expect(xml).toContain('tests="4" failures="3" errors="0" skipped="1"');
    // oxlint-disable-next-line no-control-regex
    expect(xml).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f]|&(?!amp;|lt;|gt;|quot;)/);
  });

  it('gitlab names each finding once, and the same one again when it has moved', () => {
    const prints = (report: LintReport) =>
      (JSON.parse(REPORTERS.gitlab(report, LINES, false)) as { fingerprint: string }[]).map(
        (issue) => issue.fingerprint,
      );
    const twice = prints({ ...FOUND, findings: [FINDINGS[1]!, FINDINGS[1]!] });
    expect(new Set(twice).size).toBe(2);
    const moved = { ...FINDINGS[1]!, span: { ...FINDINGS[1]!.span!, line: 40, endLine: 40 } };
    expect(prints({ ...FOUND, findings: [moved] })).toEqual([twice[0]]);
  });

  it('github takes no command from a message', () => {
    const lines = REPORTERS.github(FOUND, LINES, false).trimEnd().split('\n');
    expect(lines).toHaveLength(FINDINGS.length + 1);
    expect(lines.slice(0, -1).every((line) => /^::(error|warning) /.test(line))).toBe(true);
  });

  it('markdown ends a table that no comment could hold', () => {
    const many = { ...FOUND, findings: Array.from({ length: 101 }, () => FINDINGS[1]!) };
    expect(REPORTERS.markdown(many, LINES, false)).toContain('… and 1 more.');
    expect(REPORTERS.markdown({ ...many, findings: many.findings.slice(1) }, LINES, false)).not.toContain('more.');
  });
});

it('a name of a file writes to no terminal: it is whoever’s commits it', () => {
  const span = { file: 'shop/\u001b[2J\n\u009b\u202e.yaml', line: 1, column: 1, endLine: 1, endColumn: 2 };
  const report: LintReport = { ...FOUND, findings: [{ ...FINDINGS[1]!, span }] };
  expect(REPORTERS.text(report, () => undefined, false)).toContain('shop/�[2J���.yaml:1:1: error');
});
