/** Which cells took a second call here. */
import { describe, expect, it } from 'vitest';
import { MAX_PROVEN_CELLS, ProvenCells } from '../../src/host/proven.ts';
import type { Bundle, CellSpec } from '../../src/model/engine.ts';
import { cellOf } from './running.ts';

function cell(group: number, digest = 'sha256:1'): CellSpec {
  return cellOf({ digest, blockingExports: [] } as unknown as Bundle, {
    group: `shop/a@${group}` as CellSpec['group'],
  });
}

describe('cells that are proven', () => {
  it('are those of one group with the same bundles', () => {
    const proven = new ProvenCells();
    proven.note(cell(1));
    expect([cell(1), cell(2), cell(1, 'sha256:2')].map((each) => proven.has(each))).toEqual([true, false, false]);
  });

  it(`are ${MAX_PROVEN_CELLS} at most: the one that was noted first goes first`, () => {
    const proven = new ProvenCells();
    for (let group = 1; group <= MAX_PROVEN_CELLS; group++) proven.note(cell(group));
    proven.note(cell(1));
    expect(proven.has(cell(1))).toBe(true);
    proven.note(cell(MAX_PROVEN_CELLS + 1));
    expect([1, 2, MAX_PROVEN_CELLS + 1].map((group) => proven.has(cell(group)))).toEqual([false, true, true]);
  });
});
