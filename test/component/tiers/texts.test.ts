/** Texts that a guest says again: `fast` compares them with the last of their kind instead of making them anew. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { RepeatedTexts } from '../../../src/cell/latin1.ts';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { plainGuest, TEXTS } from './guests.ts';
import { instanceOf, TIERS, tiersOf, verdictOf, type Tier, type Tiered } from './tiers.ts';

let plain: Tiered;

beforeAll(async () => {
  await loadTranspiler();
  plain = tiersOf(await plainGuest());
});

type GivesText = (...place: readonly number[]) => string;

async function givesText(tier: Tier): Promise<GivesText> {
  const host = { plain: () => 0, nothing: () => undefined, fallible: () => 0, narrow: () => undefined };
  const guest = (await instanceOf(plain, tier, { 'test:t/host': host }))['test:t/guest']!;
  return guest['givesText'] as GivesText;
}

describe.each(TIERS)('a text that is said again, %s', (tier) => {
  it('is the one that the memory has, whatever was said before', async () => {
    const says = await givesText(tier);
    const said = [TEXTS.abc, TEXTS.abc, TEXTS.abbc, TEXTS.aec, TEXTS.abbc, TEXTS.aec, TEXTS.aec, TEXTS.abc];
    const heard = ['abc', 'abc', 'abbc', 'aéc', 'abbc', 'aéc', 'aéc', 'abc'];
    expect(said.map(([address, length]) => says(address, length))).toEqual(heard);
    expect(says(TEXTS.abc[0], 0)).toBe('');
  });

  test.each([
    ['begins beyond the memory', 65_536, 3],
    ['ends beyond it', 65_534, 3],
    ['begins below it', -1, 3],
  ])('that %s traps', async (_what, address, length) => {
    const says = await givesText(tier);
    says(...TEXTS.abc);
    expect(await verdictOf(() => says(address, length))).toHaveProperty('trap');
  });
});

test.each([
  ['begins and ends like it', TEXTS.abc, 'abc', TEXTS.notUtf8],
  ['has its characters in Latin-1', TEXTS.accents, `${'é'.repeat(10)}a`, TEXTS.latin1],
])('what is no UTF-8 traps behind a text that %s', async (_how, before, text, address) => {
  const says = await givesText('fast');
  expect([says(...before), says(...before)]).toEqual([text, text]);
  expect(await verdictOf(() => says(...address))).toHaveProperty('trap');
});

it('any bytes of one member are the same texts, said before or not', () => {
  const texts = new RepeatedTexts();
  const few = fc.uint8Array({ maxLength: 70 }).map((bytes) => bytes.map((byte) => (byte < 128 ? byte % 3 : byte)));
  fc.assert(
    fc.property(fc.array(few, { maxLength: 40 }), (all) => {
      for (const bytes of [...all, ...all]) expect(texts.of(bytes)).toBe(Buffer.from(bytes).toString('latin1'));
    }),
    { seed: 3, numRuns: 200 },
  );
});
