/** Which identities a Policy means, and what is kept of a check. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isMatch } from '../../src/artifact/signature/bundle.ts';
import { openVerdicts } from '../../src/artifact/signature/verdicts.ts';
import { place } from './support.ts';

const there = place();

describe('what shapes a verdict', () => {
  it.each([
    ['a', 'a', true],
    ['a', 'ab', false],
    ['a*', 'ab', true],
    ['*b', 'ab', true],
    ['a*b', 'ab', true],
    ['ab*b', 'ab', false],
    ['a*c*e', 'abcde', true],
    ['a*c*e', 'aede', false],
    ['a.c', 'abc', false],
    ['*', '', true],
  ])('%s matches %s: %s', (pattern, text, expected) => {
    expect(isMatch(pattern, text)).toBe(expected);
  });

  it('a file that was damaged is no verdict, and the oldest go beyond the cap', async () => {
    const folder = path.join(there().folder, 'capped');
    await mkdir(folder);
    const verdicts = openVerdicts(folder, 2);
    await verdicts.add({ n: 1 });
    const [name] = await readdir(folder);
    expect(await verdicts.has({ n: 1 })).toBe(true);
    await writeFile(path.join(folder, name!), '{"n":2}');
    expect(await verdicts.has({ n: 1 })).toBe(false);
    for (const n of [2, 3, 4]) await verdicts.add({ n });
    expect(await readdir(folder)).toHaveLength(2);
    expect(await verdicts.has({ n: 4 })).toBe(true);
  });
});
