/** How calls end, by tier: values, declared errors and traps, and what an instance is good for afterwards. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { plainGuest } from './guests.ts';
import { instanceOf, TIERS, tiersOf, verdictOf, type Tier, type Tiered, type Verdict } from './tiers.ts';

let tiered: Tiered;
beforeAll(async () => {
  await loadTranspiler();
  tiered = tiersOf(await plainGuest());
});

type Call = readonly [name: string, ...args: unknown[]];
type Host = (value: number) => unknown;

const fails = (thrown: unknown): Host => {
  return () => {
    throw thrown;
  };
};
const payload = Object.assign(new Error('declared'), { payload: 'no' });
const TRAP: Verdict = { trap: 'trap' };
const value = (given: unknown): Verdict => ({ value: given });

interface Row {
  readonly name: string;
  readonly host?: Host;
  readonly calls: readonly Call[];
  readonly verdicts: readonly Verdict[];
  /** Where jco's own bindings do otherwise, and we mean it. */
  readonly others?: readonly Verdict[];
}

const ROWS: readonly Row[] = [
  {
    name: 'a value',
    host: (given) => given + 1,
    calls: [
      ['plain', 41],
      ['plain', 1],
    ],
    verdicts: [value(42), value(2)],
  },
  {
    name: 'an argument that is none',
    host: Number,
    calls: [
      ['plain', 'x'],
      ['plain', 1],
    ],
    verdicts: [value(0), value(1)],
  },
  { name: 'ok as a value', host: Number, calls: [['fallible', 7]], verdicts: [value(7)] },
  { name: 'ok by its tag', host: (val) => ({ tag: 'ok', val }), calls: [['fallible', 7]], verdicts: [value(7)] },
  {
    name: 'err by its tag, and the instance goes on',
    host: (given) => ({ tag: 'err', val: `no ${given}` }),
    calls: [
      ['fallible', 7],
      ['fallible', 8],
    ],
    verdicts: [{ declared: 'no 7' }, { declared: 'no 8' }],
  },
  { name: 'err thrown as it is', host: fails('no'), calls: [['fallible', 7]], verdicts: [{ declared: 'no' }] },
  { name: 'err thrown as a payload', host: fails(payload), calls: [['fallible', 7]], verdicts: [{ declared: 'no' }] },
  {
    name: 'a payload where there is no result',
    host: fails(payload),
    calls: [
      ['plain', 7],
      ['takes-text', 'a'],
    ],
    verdicts: [{ declared: 'no' }, TRAP],
    others: [{ declared: 'no' }, value(1)],
  },
  {
    name: 'an error that is no payload, from a function with a result',
    host: fails(new RangeError('host')),
    calls: [
      ['fallible', 7],
      ['takes-text', 'a'],
    ],
    verdicts: [{ trap: 'RangeError' }, TRAP],
    others: [{ trap: 'RangeError' }, value(1)],
  },
  {
    name: 'an error from a function without a result',
    host: fails(new RangeError('host')),
    calls: [['nothing'], ['nothing']],
    verdicts: [{ trap: 'RangeError' }, TRAP],
    others: [{ trap: 'RangeError' }, { trap: 'RangeError' }],
  },
  {
    name: 'a trap of the host',
    host: fails(new WebAssembly.RuntimeError('host')),
    calls: [
      ['fallible', 7],
      ['plain', 1],
      ['takes-text', 'a'],
    ],
    verdicts: [TRAP, TRAP, TRAP],
  },
  {
    name: 'a trap of the host that the guest catches',
    host: fails(new WebAssembly.RuntimeError('host')),
    calls: [
      ['catches', 7],
      ['takes-text', 'a'],
    ],
    verdicts: [value(77), TRAP],
    others: [{ trap: 'Error' }, TRAP],
  },
  { name: 'a trap of the guest', calls: [['traps'], ['takes-text', 'a']], verdicts: [TRAP, TRAP] },
  {
    name: 'a trap while allocating for an argument',
    calls: [
      ['takes-text', 'thirteen long'],
      ['takes-text', 'a'],
    ],
    verdicts: [TRAP, TRAP],
    others: [TRAP, value(1)],
  },
  {
    name: 'a trap after the result was read',
    calls: [
      ['gives-text', 16, 1],
      ['takes-text', 'a'],
    ],
    verdicts: [TRAP, TRAP],
    others: [TRAP, value(1)],
  },
  {
    name: 'an argument that cannot be lowered: nothing has happened',
    calls: [
      ['takes-text', 7],
      ['takes-text', 'a'],
    ],
    verdicts: [{ trap: 'TypeError' }, value(1)],
  },
  {
    name: 'texts',
    calls: [
      ['takes-text', ''],
      ['takes-text', 'ä€😀'],
      ['gives-text', 16, 2],
      ['gives-text', 16, 0],
    ],
    verdicts: [value(0), value(9), value('ok'), value('')],
  },
  {
    name: 'a text that is no UTF-8',
    calls: [
      ['gives-text', 20, 2],
      ['takes-text', 'a'],
    ],
    verdicts: [{ trap: 'TypeError' }, TRAP],
    others: [value('a\ufffd'), value(1)],
  },
  {
    name: 'a text with a byte order mark',
    calls: [['gives-text', 24, 4]],
    verdicts: [value('\ufeffa')],
    others: [value('a')],
  },
  { name: 'a text out of bounds', calls: [['gives-text', 65_535, 2]], verdicts: [{ trap: 'RangeError' }] },
  { name: 'a text far out of bounds', calls: [['gives-text', 0xffff_fff0, 2]], verdicts: [{ trap: 'RangeError' }] },
  {
    name: 'a discriminant that is none',
    calls: [
      ['gives-choice', 0],
      ['gives-choice', 2],
      ['takes-text', 'a'],
    ],
    verdicts: [value(9), { trap: 'TypeError' }, TRAP],
    others: [value(9), { trap: 'TypeError' }, value(1)],
  },
  {
    name: 'integers and booleans that are too wide',
    calls: [
      ['as-bool', 2],
      ['as-bool', 0],
      ['as-u8', 0xf01],
      ['as-s8', 0x1ff],
      ['as-s8', 0x7f],
      ['as-u16', 0xffff_fffe],
      ['as-s16', 0x1_8000],
      ['bool-in-memory', 0x80],
    ],
    verdicts: [
      value(true),
      value(false),
      value(1),
      value(-1),
      value(127),
      value(0xfffe),
      value(-0x8000),
      value([true]),
    ],
    others: [
      { trap: 'TypeError' },
      value(false),
      { trap: 'TypeError' },
      { trap: 'TypeError' },
      value(127),
      { trap: 'TypeError' },
      { trap: 'TypeError' },
      { trap: 'TypeError' },
    ],
  },
  {
    name: 'an import called after the return',
    host: Number,
    calls: [['calls-from-post-return'], ['takes-text', 'a']],
    verdicts: [TRAP, TRAP],
    others: [TRAP, value(1)],
  },
];

async function verdictsOf(tier: Tier, { host = Number, calls }: Row): Promise<Verdict[]> {
  const imports = { 'test:t/host': { plain: host, nothing: host, fallible: host, narrow: host } };
  const guest = (await instanceOf(tiered, tier, imports))['test:t/guest']!;
  const verdicts: Verdict[] = [];
  for (const [name, ...args] of calls) {
    const camelCase = name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
    verdicts.push(await verdictOf(() => guest[camelCase]!(...args)));
  }
  return verdicts;
}

describe.each(TIERS)('%s', (tier) => {
  test.each(ROWS.map((row): [string, Row] => [row.name, row]))('%s', async (_name, row) => {
    expect(await verdictsOf(tier, row)).toEqual(tier === 'fast' ? row.verdicts : (row.others ?? row.verdicts));
  });
});

test('a guest that runs is not entered again', async () => {
  let again: Verdict | undefined;
  const imports = {
    'test:t/host': {
      plain: (given: number) => {
        void verdictOf(() => guest['takesText']!('a')).then((verdict) => (again = verdict));
        return given;
      },
      nothing: () => undefined,
      fallible: () => undefined,
      narrow: () => undefined,
    },
  };
  const guest = (await instanceOf(tiered, 'fast', imports))['test:t/guest']!;
  expect(guest['plain']!(3)).toBe(3);
  await Promise.resolve();
  expect(again).toEqual(TRAP);
  expect(guest['takesText']!('ab')).toBe(2);
});

test('what a guest passes is as narrow as its type', async () => {
  const passed: unknown[] = [];
  const plain = (given: number): number => given;
  const narrow = (...given: unknown[]): void => void passed.push(given);
  const guest = (
    await instanceOf(tiered, 'fast', { 'test:t/host': { plain, nothing: plain, fallible: plain, narrow } })
  )['test:t/guest']!;
  for (const wide of [0, 1, 0x80, 0x1_8080, 0xffff_ffff]) guest['passesWide']!(wide);
  expect(passed).toEqual([
    [0, 0, 0, 0, false],
    [1, 1, 1, 1, true],
    [0x80, -0x80, 0x80, 0x80, true],
    [0x80, -0x80, 0x8080, -0x7f80, true],
    [0xff, -1, 0xffff, -1, true],
  ]);
});
