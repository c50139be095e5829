import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KnownNames } from '../../src/ingress/known-names.ts';

const NAMES = ['te', 'expect', 'content-length', 'transfer-encoding', `x-${'y'.repeat(29)}`];
const KNOWN = new KnownNames(NAMES);

test('every name that is known may be one, in whatever case', () => {
  const spelt = fc
    .constantFrom(...NAMES)
    .chain((name) =>
      fc
        .tuple(...name.split('').map((letter) => fc.constantFrom(letter, letter.toUpperCase())))
        .map((letters) => letters.join('')),
    );
  fc.assert(
    fc.property(spelt, (name) => {
      expect(KNOWN.mayHave(name)).toBe(true);
    }),
  );
});

test.each(['', 'e', 'accept', 'cookie', 'content-type', 'user-agent', 'x', `x-${'y'.repeat(30)}`, 'e'.repeat(6_000)])(
  'another length or first letter is none of them: %s',
  (name) => {
    expect(KNOWN.mayHave(name)).toBe(false);
  },
);
