import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { TABLE } from '../../src/decide/table.ts';
import { ROOT } from '../support/headway.ts';

describe('the explanation of rollouts', () => {
  it('has the rows of the table that decides, in its words', async () => {
    const page = await readFile(path.join(ROOT, 'docs/explanation.md'), 'utf8');
    const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+?) \|/gm)].map(([, row, name]) => ({ row: Number(row), name }));
    expect(rows).toEqual(TABLE.map(({ row, name }) => ({ row, name })));
  });
});
