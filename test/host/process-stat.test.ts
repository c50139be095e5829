import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { STAT, statField } from '../../src/host/spawner/process-stat.ts';

/** Every field is its own number. */
const LINE = (name: string): string => `1 (${name}) ${Array.from({ length: 50 }, (_, index) => index + 3).join(' ')}\n`;

it.each(['node', 'a b', 'a) 7 (b', ')', ''])('fields are counted behind a name like %j', (name) => {
  const found = Object.values(STAT).map((number) => statField(LINE(name), number));
  expect(found).toEqual(Object.values(STAT).map(String));
});

it('a field that is not there is absent, and so is all of no text', () => {
  expect([statField(LINE('node'), 52), statField(LINE('node'), 53), statField('', STAT.parent)]).toEqual([
    '52',
    undefined,
    undefined,
  ]);
});

it('the parent of this process is whom the kernel says', () => {
  expect(Number(statField(readFileSync('/proc/self/stat', 'latin1'), STAT.parent))).toBe(process.ppid);
});
