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
    ['nothing came for the time, and none may run: none', { minReplicas: 0 }, 0, { wanted: 3 }, 0, { wanted: 0 }],
    ['nothing is known of what may be none: one', { minReplicas: 0 }, undefined, undefined, 0, { wanted: 1 }],
    ['nothing is known of what is parked: it stays', { minReplicas: 0 }, undefined, { wanted: 0 }, 0, { wanted: 0 }],
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
    expect(fleet.status('cart').scaling).toEqual({ min: 1, max: 4, wanted: 3, ready: 3, parked: 0, inFlight: 50 });
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
      expect.stringContaining('asks for 3 replicas and 1 are ready: HW4101: it needs 96 MiB'),
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

describe('an entry that nothing calls, with minReplicas 0', { timeout: 60_000 }, () => {
  const NONE: Scaling = { minReplicas: 0, maxReplicas: 2, scaleDownAfterMs: 5_000 };
  const phases = (fleet: Fleet) =>
    [...fleet.engine.replicas.values()].filter(({ phase }) => phase !== 'Ended').map(({ phase }) => phase);

  function parked(wanted: Wanted = {}): Fleet {
    const fleet = new Fleet(desired('a1', [cart('v1', NONE, wanted)]));
    fleet.engine.inFlight = 0;
    fleet.until((now) => now.isProven('cart', 'v1'));
    fleet.engine.rate = 0;
    fleet.until((now) => phases(now).join() === 'Parked');
    // Its first deployment had nothing to answer with.
    fleet.engine.unanswered = 0;
    return fleet;
  }

  const isReadyCondition = (fleet: Fleet) => fleet.status('cart').conditions.map(({ status }) => status);

  it('is parked after the time, and is Ready, and the first request wakes it', () => {
    const fleet = parked();
    fleet.run(60_000);
    expect(phases(fleet)).toEqual(['Parked']);
    expect(fleet.status('cart').scaling).toEqual({ min: 0, max: 2, wanted: 0, ready: 0, parked: 1, inFlight: 0 });
    expect([fleet.reason('cart'), isReadyCondition(fleet)]).toEqual([
      'InSync',
      ['True', 'False', 'False', 'True', 'True'],
    ]);
    fleet.engine.rate = 200;
    fleet.tick();
    for (let tick = 0; tick < 50; tick++) {
      fleet.tick();
      expect([fleet.reason('cart'), isReadyCondition(fleet)[0]]).toEqual(['InSync', 'True']);
    }
    expect([phases(fleet), fleet.engine.unanswered, fleet.engine.woken]).toEqual([['Ready'], 0, 1]);
    expect(fleet.status('cart').scaling).toMatchObject({ wanted: 1, ready: 1, parked: 0 });
    fleet.engine.rate = 0;
    fleet.until((now) => phases(now).join() === 'Parked');
  });

  it('that is woken, answers and is ready between two decisions is not stopped for it', () => {
    const fleet = parked();
    fleet.run(60_000);
    const [one] = [...fleet.engine.replicas.values()].filter(({ phase }) => phase === 'Parked');
    one!.phase = 'Ready';
    fleet.tick();
    expect(fleet.status('cart').scaling).toMatchObject({ wanted: 1, ready: 1, parked: 0 });
    expect(phases(fleet)).toEqual(['Ready']);
  });

  it('is not parked before the time, nor while anything of it is being tried or watched', () => {
    const fleet = new Fleet(desired('a1', [cart('v1', NONE)]));
    fleet.engine.inFlight = 0;
    fleet.engine.rate = 0;
    const isBaking = (): boolean => fleet.of('cart').serving?.bake?.state === 'Watching';
    fleet.until(isBaking);
    const seen: (readonly string[])[] = [];
    for (; isBaking(); fleet.tick()) seen.push(phases(fleet));
    expect(new Set(seen.map(String))).toEqual(new Set(['Ready']));
    fleet.until(() => phases(fleet).join() === 'Parked');
  });

  it('a rollout of what is parked proves itself by its own cells, and what serves still answers', () => {
    const fleet = parked().behave('v2', { readyAfterMs: 'never' });
    fleet.push(desired('a2', [cart('v2', NONE)])).until((now) => now.reason('cart') === 'Quarantined');
    expect(fleet.serves('cart', 'v1')).toBe(true);
    fleet.until((now) => phases(now).join() === 'Parked');
    fleet.push(desired('a3', [cart('v3', NONE)]));
    fleet.until((now) => now.of('cart').candidate?.state === 'Canary');
    fleet.engine.rate = 200;
    fleet.until((now) => now.isProven('cart', 'v3'), 60 * MINUTE_MS);
    expect(fleet.engine.unanswered).toBe(0);
  });

  it('another engine has it parked again, and another control finds it so', () => {
    const fleet = parked();
    fleet.engine.restart();
    fleet.run(3_000);
    expect(phases(fleet)).toEqual(['Parked']);
    fleet.restartControl().run(3_000);
    expect(phases(fleet)).toEqual(['Parked']);
    fleet.engine.rate = 200;
    fleet.restartControl(2_000).run(3_000);
    expect([phases(fleet), fleet.engine.unanswered]).toEqual([['Ready'], 0]);
  });

  it('a wake that fails is a failure like any other: restarted with back-off, and Degraded meanwhile', () => {
    const fleet = parked().behave('v1', { readyAfterMs: 'never' });
    fleet.engine.rate = 200;
    fleet.until((now) => now.reason('cart') === 'Degraded');
    expect(isReadyCondition(fleet)[0]).toBe('False');
    fleet.behave('v1', {}).until((now) => now.reason('cart') === 'InSync', 5 * MINUTE_MS);
    expect([ready(fleet), isReadyCondition(fleet)[0]]).toEqual([1, 'True']);
  });

  it('a restart token replaces what is parked by what is parked', () => {
    const fleet = parked();
    const [before] = [...fleet.engine.replicas.keys()];
    fleet.push(desired('a2', [cart('v1', NONE, { more: { scaling: NONE, restartToken: '1' } })]));
    fleet.until((now) => !now.engine.replicas.has(before!)).run(1_000);
    expect([phases(fleet), fleet.engine.woken]).toEqual([['Parked'], 0]);
  });

  it('the clock wakes it for each firing, and it is parked in between', () => {
    const trigger = {
      schedule: 'shop/nightly',
      expression: '* * * * *',
      timeZone: 'UTC',
      concurrencyPolicy: 'Forbid',
      deadlineMs: MINUTE_MS,
      startingDeadlineMs: MINUTE_MS,
      backend: 'shop/cart',
      args: [],
      export: { interface: 'wasi:cli/run@0.2.0', function: 'run' },
      suspend: false,
    } as const;
    const fleet = parked({ more: { scaling: NONE, schedules: [trigger] } });
    const before = fleet.memory.schedules!['shop/nightly']!.counts.Succeeded ?? 0;
    const seen = new Set<string>();
    for (let tick = 0; tick < 1_850; tick++) {
      fleet.tick();
      seen.add(phases(fleet).join());
    }
    expect(fleet.memory.schedules!['shop/nightly']!.counts).toEqual({ Succeeded: before + 3 });
    expect(seen).toContain('Parked');
    expect(seen).toContain('Ready');
    expect(fleet.engine.woken).toBe(0);
  });

  it('git asks for one after all: it starts, and then nothing is parked', () => {
    const fleet = parked();
    fleet.push(desired('a2', [cart('v1', { minReplicas: 1, maxReplicas: 1 })])).run(3_000);
    expect(phases(fleet)).toEqual(['Ready']);
  });
});
