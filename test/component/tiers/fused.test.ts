/** Components of several component instances, by tier: calls between guests, and what they lend and give each other. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { example } from '../support.ts';
import { composedGuest } from './composed.ts';
import { NOTHING, played, Thing, TRAP, value, verdictsFor, type Row } from './things.ts';
import { instanceOf, TIERS, tiersOf, type Tier, type Tiered } from './tiers.ts';

const ROWS: readonly Row[] = [
  {
    name: 'made by one guest and used by another',
    steps: [
      ['job', 5],
      ['job', 6],
      ['look', 1],
      ['look', 2],
      ['look', 1],
    ],
    verdicts: [value(1), value(2), value(5), value(6), value(5)],
  },
  {
    name: 'lent, and given back',
    steps: [
      ['job', 5],
      ['hold', 1, 0],
      ['hold', 1, 0],
      ['look', 1],
    ],
    verdicts: [value(1), value(0), value(0), value(5)],
  },
  {
    name: 'lent on by the one that it was lent to',
    steps: [
      ['job', 5],
      ['hold', 1, 2],
      ['hold', 1, 2],
    ],
    verdicts: [value(1), value(5), value(5)],
  },
  {
    name: 'lent and not given back: nothing is entered any more',
    steps: [
      ['job', 5],
      ['hold', 1, 1],
      ['look', 1],
    ],
    verdicts: [value(1), TRAP, TRAP],
  },
  {
    name: 'given back twice',
    steps: [
      ['job', 5],
      ['hold', 1, 3],
    ],
    verdicts: [value(1), TRAP],
  },
  {
    name: 'given away: the handle is gone, and is given out again',
    steps: [
      ['job', 5],
      ['take', 1],
      ['job', 6],
      ['look', 1],
    ],
    verdicts: [value(1), NOTHING, value(1), value(6)],
  },
  {
    name: 'given away twice',
    steps: [
      ['job', 5],
      ['take', 1],
      ['take', 1],
    ],
    verdicts: [value(1), NOTHING, TRAP],
  },
  {
    name: 'a handle that nobody gave out',
    steps: [['look', 7]],
    verdicts: [TRAP],
    // There is no table yet to look it up in.
    others: [{ trap: 'TypeError' }],
  },
  {
    name: 'a guest that traps in the call of another takes both down',
    steps: [
      ['job', 99],
      ['look', 1],
      ['job', 1],
    ],
    verdicts: [value(1), TRAP, TRAP],
  },
  {
    name: 'texts go from memory to memory',
    steps: [
      ['echo', 'grüße'],
      ['echo', ''],
    ],
    verdicts: [value('grüße'), value('')],
  },
  {
    name: 'an object of the host, lent to another guest',
    steps: [
      ['thing', 5],
      ['size-of', 1, 0],
      ['size-of', 1, 0],
      ['keep', 1],
      ['thing', 6],
    ],
    verdicts: [value(1), value(5), value(5), value(5), value(1)],
    dropped: [5],
  },
  {
    name: 'an object of the host, lent and not given back',
    steps: [
      ['thing', 5],
      ['size-of', 1, 1],
    ],
    verdicts: [value(1), TRAP],
  },
  {
    name: 'an object of the host, given to another guest, is gone',
    steps: [
      ['thing', 5],
      ['keep', 1],
      ['drop-thing', 1],
    ],
    verdicts: [value(1), value(5), TRAP],
    dropped: [5],
  },
];

let tiered: Tiered;
beforeAll(async () => {
  await loadTranspiler();
  tiered = tiersOf(await composedGuest());
});

describe.each<Tier>(TIERS)('%s', (tier) => {
  test.each(ROWS)('$name', async (row) => {
    const exports = await instanceOf(tiered, tier, { 'test:t/host': { Thing } });
    const guest = exports['test:t/guest'] as Record<string, (...args: unknown[]) => unknown>;
    expect(await played(guest, row)).toEqual(verdictsFor(tier, row));
    if (row.dropped) expect(Thing.dropped).toEqual(row.dropped);
  });
});

test('nothing grows with the number of calls', async () => {
  const exports = await instanceOf(tiered, 'fast', { 'test:t/host': { Thing } });
  const guest = exports['test:t/guest'] as Record<string, (...args: number[]) => number>;
  const job = guest['job']!(5);
  for (let turn = 0; turn < 10_000; turn++) {
    expect(guest['hold']!(job, 2)).toBe(5);
    expect(guest['thing']!(turn)).toBe(1);
    expect(guest['keep']!(1)).toBe(turn);
  }
  Thing.dropped = [];
});

test('a component of QuickJS, which is built so, is fast', () => {
  expect(tiersOf(example('greeting-js')).sources.fast).toContain('_fastCall');
});
