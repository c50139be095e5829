import { describe, expect, it } from 'vitest';
import { nextScale } from '../../src/decide/scaling.ts';
import { replicasFor, type ScaleMemory, type Scaling } from '../../src/model/scaling.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const RANGE: Scaling = { minReplicas: 1, maxReplicas: 4, scaleDownAfterMs: 30_000 };
const CONCURRENCY = 32;

const cart = (content: string, scaling: Scaling = RANGE, wanted: Wanted = {}) =>
  entry('cart', { content, ...wanted, more: { scaling, ...wanted.more } });

function proven(scaling: Scaling = RANGE, wanted: Wanted = {}): Fleet {
  return new Fleet(desired('a1', [cart('v1', scaling, wanted)])).until((fleet) => fleet.isProven('cart', 'v1'));
}

/** Of the cells of one content, as many as are ready. */
function ready(fleet: Fleet, group = fleet.snapshotGroup('cart')): number {
  return [...fleet.engine.replicas.values()].filter(({ phase, cell }) => phase === 'Ready' && cell.group === group)
    .length;
}

describe('how many replicas a load asks for', () => {
  it.each([
    [0, 32, 0],
    [0.2, 32, 1],
    [22.4, 32, 1],
    [22.5, 32, 2],
    [45, 32, 3],
    [1, 1, 2],
    [0.7, 1, 1],
  ])('%d calls at a concurrency of %d: %d', (inFlight, concurrency, replicas) => {
    expect(replicasFor(inFlight, concurrency)).toBe(replicas);
  });

  it.each<[string, Partial<Scaling>, number | undefined, ScaleMemory | undefined, number, ScaleMemory]>([
    ['nothing is known yet: the least', {}, undefined, undefined, 0, { wanted: 1 }],
    ['nobody knows any more: it stays', {}, undefined, { wanted: 3 }, 0, { wanted: 3 }],
    ['more: at once', {}, 3, { wanted: 1 }, 0, { wanted: 3 }],
    ['more than may be: the most', {}, 9, { wanted: 1 }, 0, { wanted: 4 }],
    ['as many: nothing falls', {}, 3, { wanted: 3, fallingSinceMs: 5, mostSince: 2 }, 9, { wanted: 3 }],
    ['fewer: it is noted since when', {}, 1, { wanted: 3 }, 7, { wanted: 3, fallingSinceMs: 7, mostSince: 1 }],
    [
      'fewer, and in between more: the most counts',
      {},
      2,
      { wanted: 3, fallingSinceMs: 7, mostSince: 1 },
      8,
      { wanted: 3, fallingSinceMs: 7, mostSince: 2 },
    ],
    [
      'fewer for a millisecond less than the time: it stays',
      {},
      1,
      { wanted: 3, fallingSinceMs: 1_000, mostSince: 2 },
      30_999,
      { wanted: 3, fallingSinceMs: 1_000, mostSince: 2 },
    ],
    [
      'fewer for the time: the most that was asked for meanwhile, and the rest after as long again',
      {},
      1,
      { wanted: 3, fallingSinceMs: 1_000, mostSince: 2 },
      31_000,
      { wanted: 2, fallingSinceMs: 31_000, mostSince: 1 },
    ],
    ['none for the time: the least', {}, 0, { wanted: 3, fallingSinceMs: 0, mostSince: 1 }, 30_000, { wanted: 1 }],
    ['git lowers the most: at once', { maxReplicas: 2 }, 4, { wanted: 4 }, 0, { wanted: 2 }],
    ['git raises the least: at once', { minReplicas: 3 }, 1, { wanted: 1 }, 0, { wanted: 3 }],
  ])('%s', (_, change, asked, before, clockMs, after) => {
    expect(nextScale({ ...RANGE, ...change }, asked, before, clockMs)).toEqual(after);
  });
});

describe('replicas follow the calls in flight', { timeout: 60_000 }, () => {
  it('up within a second, down after the time, and status says how many are wanted and there', () => {
    const fleet = proven();
    fleet.engine.inFlight = 50;
    fleet.run(1_000);
    expect(ready(fleet)).toBe(3);
    expect(fleet.status('cart').scaling).toEqual({ min: 1, max: 4, wanted: 3, ready: 3, inFlight: 50 });
    fleet.engine.inFlight = 1;
    fleet.run(25_000);
    expect(ready(fleet)).toBe(3);
    fleet.run(10_000);
    expect([ready(fleet), fleet.status('cart').scaling!.wanted, fleet.reason('cart')]).toEqual([1, 1, 'InSync']);
  });

  it('never beyond the most, whatever comes', () => {
    const fleet = proven();
    fleet.engine.inFlight = 10_000;
    fleet.run(5_000);
    expect(ready(fleet)).toBe(4);
  });

  it('a fixed number has no scaling in status and follows nothing', () => {
    const fleet = proven({ minReplicas: 2, maxReplicas: 2 });
    fleet.engine.inFlight = 10_000;
    fleet.run(5_000);
    expect([ready(fleet), fleet.status('cart').scaling]).toEqual([2, undefined]);
  });

  it('a restart of control, and a new engine, get as many as there were', () => {
    const fleet = proven();
    fleet.engine.inFlight = 50;
    fleet.run(1_000).restartControl();
    fleet.run(1_000);
    expect(ready(fleet)).toBe(3);
    fleet.engine.restart();
    fleet.engine.inFlight = undefined;
    fleet.run(2_000);
    expect(ready(fleet)).toBe(3);
  });

  it('what the node has no room for is said, and what is there serves on', () => {
    const fleet = proven();
    fleet.engine.inFlight = 50;
    fleet.refuse = {
      code: 'HW4101',
      message: 'it needs 96 MiB; 1.9 GiB of 2 GiB are kept',
      remedy: '',
      policy: 'Waiting',
    };
    fleet.run(2_000);
    expect([ready(fleet), fleet.reason('cart')]).toEqual([1, 'Waiting']);
    const { message, status } = fleet.status('cart').conditions[0]!;
    expect([status, message]).toEqual([
      'True',
      expect.stringContaining('asks for 3 replicas and 1 are ready: it needs 96 MiB'),
    ]);
    fleet.refuse = undefined;
    fleet.until((now) => ready(now) === 3).tick();
    expect(fleet.reason('cart')).toBe('InSync');
  });

  it.each(['Canary', 'Rolling'] as const)(
    'a %s rollout under load never has fewer replicas for a share than that asks for',
    (type) => {
      const strategy =
        type === 'Rolling'
          ? ({ type, maxSurge: 1, minDurationMs: 2_000, deadlineMs: 5 * MINUTE_MS } as const)
          : undefined;
      const scaling = { minReplicas: 2, maxReplicas: 6, scaleDownAfterMs: 30_000 };
      const settings = strategy ? { settings: { strategy } } : {};
      const fleet = proven(scaling, settings);
      const old = fleet.snapshotGroup('cart');
      fleet.engine.inFlight = 4 * CONCURRENCY * 0.7 - 1;
      fleet.until((now) => ready(now) === 4);
      fleet.push(desired('a2', [cart('v2', scaling, settings)]));
      let least = Number.POSITIVE_INFINITY;
      fleet.until((now) => {
        least = Math.min(least, [...now.engine.replicas.values()].filter(({ phase }) => phase === 'Ready').length);
        return now.serves('cart', 'v2');
      }, 10 * MINUTE_MS);
      expect(least).toBeGreaterThanOrEqual(4);
      expect(ready(fleet)).toBe(4);
      fleet.until((now) => now.isProven('cart', 'v2'), 60 * MINUTE_MS).run(5_000);
      expect([ready(fleet), ready(fleet, old)]).toEqual([4, 0]);
    },
  );
});
