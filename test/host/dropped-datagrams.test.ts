import { expect, it } from 'vitest';
import { DropCounts } from '../../src/host/dropped-datagrams.ts';
import { MAX_COUNTED_ENTRIES } from '../../src/host/entry-counts.ts';
import { addDropped } from '../../src/model/datagrams.ts';

it('adds up by entry and reason, and as much again of several engines', () => {
  const counts = new DropCounts();
  counts.note('shop/cart', 'QueueFull', 2);
  counts.note('shop/till', 'QueueFull', 1);
  counts.note('shop/cart', 'ToNotGranted', 5);
  counts.note('shop/cart', 'QueueFull', 3);
  const one = [
    { entry: 'shop/cart', reason: 'QueueFull', count: 5 },
    { entry: 'shop/cart', reason: 'ToNotGranted', count: 5 },
    { entry: 'shop/till', reason: 'QueueFull', count: 1 },
  ] as const;
  expect(counts.read()).toEqual(one);
  expect(addDropped([...one, ...one])).toEqual(one.map((sum) => ({ ...sum, count: 2 * sum.count })));
});

it(`of ${MAX_COUNTED_ENTRIES} entries; one more, and the first is forgotten`, () => {
  const counts = new DropCounts();
  for (let entry = 0; entry < MAX_COUNTED_ENTRIES; entry++) counts.note(`shop/e${entry}`, 'QueueFull', 1);
  expect([counts.read().length, counts.read()[0]!.entry]).toEqual([MAX_COUNTED_ENTRIES, 'shop/e0']);
  counts.note('shop/more', 'QueueFull', 1);
  expect([counts.read().length, counts.read()[0]!.entry]).toEqual([MAX_COUNTED_ENTRIES, 'shop/e1']);
});
