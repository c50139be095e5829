import { describe, expect, it } from 'vitest';
import { lintFindings } from '../../src/check/lint/rules.ts';
import { applyWaivers } from '../../src/check/lint/waivers.ts';
import { isLintRule } from '../../src/manifest/lint-config.ts';
import { CODES } from '../../src/model/codes.ts';
import { desiredOf, parse, places, type Files } from '../manifest/support.ts';
import { marked } from '../manifest/marked.ts';
import { BINARY_ROWS } from './binary-codes.table.ts';
import { LINT_ROWS } from './lint-codes.table.ts';

function findingsOf(files: Files) {
  const parsed = parse(files);
  return applyWaivers(lintFindings(desiredOf(files), parsed), parsed.documents).findings;
}

describe('the rules of lint', () => {
  it.each(LINT_ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_name, row) => {
    const { files, expected } = marked(row.code, row.bad);
    expect(expected).toHaveLength(1);
    const found = findingsOf(files).filter(({ code }) => code === row.code);
    expect(places(found)).toEqual(expected);
    expect(findingsOf(row.good).filter(({ code }) => code === row.code)).toEqual([]);
  });

  it('may be waived, all of them: the daemon runs such documents as they are written', () => {
    expect(LINT_ROWS.map(({ code }) => code).filter((code) => !isLintRule(code))).toEqual([]);
  });

  it('has a row for every rule', () => {
    const shown = new Set<string>([...LINT_ROWS, ...BINARY_ROWS].map(({ code }) => code));
    expect(Object.keys(CODES).filter((code) => isLintRule(code) && !shown.has(code))).toEqual([]);
  });
});
