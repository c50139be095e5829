import { expect, it } from 'vitest';
import { addLimitHits } from '../../../src/reconcile/engines/limit-hits.ts';

it('adds up what engines counted of an entry and a limit, with the last time of any of them', () => {
  const queue = { entry: 'shop/cart', limit: 'queue', hits: 2, lastWallMs: 20 } as const;
  const log = { entry: 'shop/cart', limit: 'logBytesPerSecond', hits: 1, lastWallMs: 5, bytes: 100 } as const;
  expect(
    addLimitHits([[log], [queue, { ...log, bytes: 11, lastWallMs: 4 }], [{ ...queue, entry: 'shop/till' }]]),
  ).toEqual([queue, { ...queue, entry: 'shop/till' }, { ...log, hits: 2, bytes: 111 }]);
});
