import { describe, expect, it } from 'vitest';
import { MANIFEST_CODES } from '../../src/model/manifest-codes.ts';
import { ROWS } from './codes.table.ts';
import { marked } from './marked.ts';
import { desiredOf, places } from './support.ts';

/** Codes of the parser's process, of lint alone and of types have their tests beside those. */
const ELSEWHERE = /^HW(1008|1009|106[0-9]|108[2367]|109[0-2])$/;

describe('what can be wrong with a manifest', () => {
  it.each(ROWS.map((row) => [`${row.code} ${row.what}`, row] as const))('%s', (_name, row) => {
    const { files, expected } = marked(row.code, row.bad);
    const wanted = row.at === undefined ? expected : [`${row.code} ${row.at}`];
    expect(wanted.length).toBeGreaterThan(0);
    const found = desiredOf(files).diagnostics.filter(({ code }) => code === row.code);
    expect([...places(found)].sort()).toEqual([...wanted].sort());
    for (const { message, remedy, severity } of found) {
      expect(`${message}\n${remedy}`).toContain(row.says ?? '');
      expect(severity).toBe('error');
    }
    expect(desiredOf(row.good).diagnostics.filter(({ code }) => code === row.code)).toEqual([]);
  });

  it('has a row for every code', () => {
    const tested = new Set<string>(ROWS.map((row) => row.code));
    expect(
      [...Object.keys(MANIFEST_CODES), 'HW1130', 'HW1131', 'HW1132'].filter(
        (code) => !tested.has(code) && !ELSEWHERE.test(code),
      ),
    ).toEqual([]);
  });

  it('has good documents that are good', () => {
    const unclean = ROWS.filter(({ good }) => desiredOf(good).diagnostics.some(({ code }) => code !== 'HW1042'));
    expect(unclean.map(({ code, what }) => `${code} ${what}`)).toEqual([]);
  });
});
