/** Which codes have a page with a bad and a good document, and why the others have none. */
import { readFileSync, globSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { codePages, CODE_PAGES } from '../../schemas/code-pages.ts';
import { isLintRule } from '../../src/manifest/lint-config.ts';
import { CODES } from '../../src/model/codes.ts';

const SOURCE = path.resolve(import.meta.dirname, '../../src');
/** What lint, plan, test, rehearse and lock say of documents is said by these. */
const SPEAKERS = ['check/**/*.ts', 'manifest/**/*.ts', 'model/link-fault.ts'];

/**
 * Reviewed: what is said by these rooms and is about no document that could be shown. A new code has a bad and a good
 * document in one of the tables of `schemas/code-pages.ts`, or its reason here.
 */
const WITHOUT_EXAMPLES: Readonly<Record<string, string>> = {
  HW2111: 'named in the text of HW1101, whose page has the documents',
  HW2112: 'named in the text of HW1101, whose page has the documents',
  HW2442: 'lock found no way to write a digest: about its own edit',
  HW3014: 'a folder that a commit does not have: how a command was called',
  HW5010: 'the address of a daemon that was asked',
  HW5011: 'an entry that a daemon does not have',
  HW5012: 'how a command was called',
  HW5013: 'a folder of this machine',
  HW5088: 'runtime.yaml of the host, no manifest',
  HW5104: 'a file that headway secret was to edit',
  HW5111: 'what a call gave when it was made',
  HW5113: 'what a rehearsal may know: the same documents are right elsewhere',
  HW5116: 'what a rehearsal saw',
  HW5117: 'what a rehearsal saw',
  HW5118: 'what a rehearsal saw',
  HW5119: 'what a rehearsal saw; docs/rollouts.md has the guard',
};

function spoken(): ReadonlySet<string> {
  const files = globSync(SPEAKERS, { cwd: SOURCE }).filter((file) => !file.includes('generated'));
  const texts = files.map((file) => readFileSync(path.join(SOURCE, file), 'utf8'));
  return new Set(texts.flatMap((text) => [...text.matchAll(/'(HW\d{4})'/g)].map((match) => match[1]!)));
}

describe('pages of codes', () => {
  const pages = codePages();
  const hasPage = (code: string): boolean => pages.has(`${CODE_PAGES}/${code}.md`);

  it('show a bad and a good document for whatever is said of documents', () => {
    const codes = spoken();
    expect(codes.size).toBeGreaterThan(90);
    expect([...codes].filter((code) => !hasPage(code) && WITHOUT_EXAMPLES[code] === undefined)).toEqual([]);
    const rules = Object.keys(CODES).filter((code) => isLintRule(code));
    expect(rules.filter((code) => !hasPage(code))).toEqual([]);
  });

  it('are missing only where there is a reason, and the reasons are of codes that are said', () => {
    const codes = spoken();
    expect(Object.keys(WITHOUT_EXAMPLES).filter((code) => hasPage(code) || !codes.has(code))).toEqual([]);
  });

  it('each have both', () => {
    const lacking = [...pages].filter(([, text]) => !/^Good:$/m.test(text) || !/^Found at `/m.test(text));
    expect(lacking.map(([file]) => file)).toEqual([]);
  });
});
