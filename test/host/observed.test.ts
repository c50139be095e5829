/** What is told of a cell's bindings. */
import { describe, expect, it } from 'vitest';
import { bundlesOf } from '../../src/host/observed.ts';
import type { BindingTier, CellSpec } from '../../src/model/engine.ts';

type Members = CellSpec['members'];

const member = (key: string, tier: BindingTier, tierReason?: string): Members[number] =>
  ({
    member: { key },
    bundle: { digest: `sha256:${key}`, toolchain: `tools of ${key}`, tier, tierReason },
  }) as unknown as Members[number];

describe('the bindings of a cell', () => {
  it.each<readonly [string, Members, object]>([
    ['one component', [member('shop/cart', 'fast')], { tier: 'fast' }],
    ['one that is not fast', [member('shop/cart', 'quiet', 'why')], { tier: 'quiet', tierReason: 'why' }],
    [
      'a fast one that links a slower one',
      [member('shop/cart', 'fast'), member('shop/tax', 'quiet', 'why'), member('shop/rates', 'fast')],
      { tier: 'quiet', tierReason: 'shop/tax, which it links: why' },
    ],
    [
      'of two that are slow the slowest, of two alike the first',
      [member('shop/cart', 'quiet', 'own'), member('shop/tax', 'stock'), member('shop/rates', 'stock', 'why')],
      { tier: 'stock', tierReason: 'shop/tax, which it links' },
    ],
    [
      'a slow one that links as slow a one',
      [member('shop/cart', 'quiet', 'own'), member('shop/tax', 'quiet', 'why')],
      { tier: 'quiet', tierReason: 'own' },
    ],
  ])('%s', (_what, members, expected) => {
    expect(bundlesOf({ members })).toEqual({
      digests: members.map(({ bundle }) => bundle.digest),
      toolchain: 'tools of shop/cart',
      ...expected,
    });
  });
});
