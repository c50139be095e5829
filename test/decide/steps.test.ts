import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../src/decide/steps.ts';
import type { Strategy } from '../../src/model/rollout.ts';
import { entry, STEPS } from './support/desired.ts';

const rolling = (maxSurge: number): Strategy => ({ type: 'Rolling', maxSurge, minDurationMs: 1, deadlineMs: 2 });

describe('the steps of every strategy', () => {
  it.each<readonly [string, Strategy, number, readonly (readonly [number, number | undefined])[]]>([
    ['Immediate', { type: 'Immediate' }, 3, []],
    [
      'Canary',
      { type: 'Canary', steps: STEPS },
      3,
      [
        [20, undefined],
        [50, undefined],
      ],
    ],
    ['BlueGreen', { type: 'BlueGreen', previewDurationMs: 1, deadlineMs: 2 }, 3, [[0, undefined]]],
    ['Rolling of one replica is a switch', rolling(1), 1, []],
    ['Rolling of two', rolling(1), 2, [[50, 1]]],
    [
      'Rolling of three',
      rolling(1),
      3,
      [
        [33, 1],
        [67, 2],
      ],
    ],
    [
      'Rolling of five, two at a time',
      rolling(2),
      5,
      [
        [40, 2],
        [80, 4],
      ],
    ],
    ['Rolling of more at a time than there are', rolling(9), 4, []],
  ])('%s', (_, strategy, minReplicas, expected) => {
    const wanted = entry('x', { settings: { strategy }, more: { scaling: { minReplicas, maxReplicas: minReplicas } } });
    expect(stepsOf(wanted).map(({ weight, replicas }) => [weight, replicas])).toEqual(expected);
  });

  it('rise strictly and stay below 100 for every number of replicas that a manifest may ask for', () => {
    for (let minReplicas = 1; minReplicas <= 64; minReplicas++) {
      const settings = { strategy: rolling(1) };
      const steps = stepsOf(entry('x', { settings, more: { scaling: { minReplicas, maxReplicas: minReplicas } } }));
      expect(steps).toHaveLength(minReplicas - 1);
      steps.forEach(({ weight, replicas }, index) => {
        expect(weight).toBeGreaterThan(steps[index - 1]?.weight ?? 0);
        expect(weight).toBeLessThan(100);
        // What serves keeps exactly the others (decide/cells.ts).
        expect(Math.round((minReplicas * (100 - weight)) / 100)).toBe(minReplicas - replicas!);
      });
    }
  });
});
