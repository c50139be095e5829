import { describe, expect, it } from 'vitest';
import { likelyLimits, shareOut } from '../../src/host/likely-limits.ts';
import type { ReplicaPhase } from '../../src/model/engine.ts';

function replica(phase: ReplicaPhase, dataBytes: number, isolation: 'Auto' | 'Shared' = 'Auto') {
  return { phase, budget: { dataBytes }, cell: { isolation } };
}

describe('what the next start from the pool will probably be given', () => {
  it.each([
    { replicas: [], likely: [], most: 0 },
    { replicas: [replica('Ready', 1), replica('Ready', 2), replica('Starting', 2)], likely: [2, 1], most: 2 },
    { replicas: [replica('Ready', 4), replica('Ready', 4), replica('Parked', 3)], likely: [3], most: 4 },
    { replicas: [replica('Parked', 1), replica('Parked', 2), replica('Parked', 2)], likely: [2, 1], most: 2 },
    { replicas: [replica('Ended', 9), replica('Parked', 8, 'Shared'), replica('Ready', 3)], likely: [3], most: 3 },
  ])('is $likely and at most $most of $replicas', ({ replicas, likely, most }) => {
    expect(likelyLimits(replicas)).toEqual({ likely, most });
  });

  it.each([
    { likely: [], places: 2, has: [undefined, 7], gets: [undefined, 7] },
    { likely: [1], places: 2, has: [undefined, undefined], gets: [1, 1] },
    { likely: [1, 2], places: 1, has: [undefined, undefined, undefined], gets: [1, 2, 1] },
    { likely: [1, 2], places: 2, has: [2, undefined], gets: [2, 1] },
    { likely: [1, 2], places: 2, has: [1, 1], gets: [1, 2] },
    { likely: [3], places: 2, has: [1, 3], gets: [3, 3] },
    { likely: [1, 2, 3], places: 1, has: [3], gets: [1] },
    { likely: [1, 2, 3], places: 2, has: [2], gets: [2] },
  ])('is shared out to those that wait: $likely to $has of $places', ({ likely, places, has, gets }) => {
    expect(shareOut(likely, places, has)).toEqual(gets);
  });
});
