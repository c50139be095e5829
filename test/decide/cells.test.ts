import { describe, expect, it } from 'vitest';
import { isCrashLoop, nextStartMs } from '../../src/decide/supervise.ts';
import { openFreezeWindow } from '../../src/decide/freeze.ts';
import type { ReplicaFailure } from '../../src/model/memory.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string, wanted: Wanted = {}) => entry('cart', { content, ...wanted });

function proven(wanted: Wanted = {}): Fleet {
  return new Fleet(desired('a1', [cart('v1', wanted)])).until((fleet) => fleet.isProven('cart', 'v1'));
}

const ready = (fleet: Fleet) =>
  [...fleet.engine.replicas.values()].filter((replica) => replica.phase === 'Ready').length;

describe('replicas', { timeout: 60_000 }, () => {
  it('a restart token replaces them one by one, and never are fewer ready than asked for', () => {
    const three = { more: { scaling: { minReplicas: 3, maxReplicas: 3 } } };
    const fleet = proven(three);
    const before = new Set(fleet.engine.replicas.keys());
    fleet.push(desired('a2', [cart('v1', { more: { ...three.more, restartToken: '1' } })]));
    for (let tick = 0; tick < 60; tick++) {
      fleet.tick();
      expect(ready(fleet)).toBeGreaterThanOrEqual(3);
      expect(fleet.engine.replicas.size).toBeLessThanOrEqual(5);
    }
    expect([...fleet.engine.replicas.keys()].filter((id) => before.has(id))).toEqual([]);
    expect([ready(fleet), fleet.reason('cart'), fleet.of('cart').ledger.length]).toEqual([3, 'InSync', 1]);
  });

  it('scaling applies at once and is no rollout', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v1', { more: { scaling: { minReplicas: 3, maxReplicas: 3 } } })]))
      .run(2_000);
    expect(ready(fleet)).toBe(3);
    fleet.push(desired('a3', [cart('v1')])).run(3_000);
    expect(ready(fleet)).toBe(1);
    // The first deployment, and one line for each edit.
    expect(fleet.said('Progressing').map(({ message }) => message.startsWith('scaling: '))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it.each(['Pooled', 'Singleton'] as const)(
    'what nothing points at (%s) shows that it stands and then runs nowhere; a route brings it back before its first request',
    (instancePolicy) => {
      const uncalled: Wanted = { paths: [], member: { instancePolicy } };
      const condition = (fleet: Fleet, type: string) =>
        fleet.status('cart').conditions.find((one) => one.type === type)!.status;
      const fleet = new Fleet(desired('a1', [cart('v1', uncalled)])).until((f) => f.reason('cart') === 'Unreferenced');
      fleet.until((f) => ready(f) === 0);
      fleet.run(MINUTE_MS);
      expect([ready(fleet), fleet.reason('cart')]).toEqual([0, 'Unreferenced']);
      expect([condition(fleet, 'Ready'), condition(fleet, 'Healthy')]).toEqual(['True', 'True']);
      fleet.push(desired('a2', [cart('v1', { ...uncalled, paths: ['/cart'] })]));
      fleet.until((f) => (f.engine.snapshot?.rules.length ?? 0) > 0);
      expect(ready(fleet)).toBe(1);
      fleet.push(desired('a3', [cart('v1', uncalled)])).until((f) => ready(f) === 0, 30 * MINUTE_MS);
      expect(fleet.engine.snapshot!.rules).toEqual([]);
    },
  );

  it('what serves is restarted with back-off for as long as it takes, and is Degraded meanwhile', () => {
    const fleet = proven().behave('v1', { crashesAfterMs: 300 }).run(MINUTE_MS);
    expect(fleet.reason('cart')).toBe('Degraded');
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    const starts = Number([...fleet.engine.replicas.keys()].at(-1)?.split('#')[1] ?? fleet.memory.nextReplica);
    expect(starts).toBeLessThan(15);
    fleet.behave('v1', {}).until((f) => ready(f) === 1, 3 * MINUTE_MS);
  });

  it('a new engine gets serving first, then the rest, and the same routes', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2')]))
      .until((f) => f.of('cart').candidate?.state === 'Canary');
    const { rules } = fleet.engine.snapshot!;
    fleet.engine.restart();
    fleet.tick();
    const starts = fleet.last!.actions.filter((action) => action.type === 'Start');
    expect(starts.map((action) => action.why)).toEqual(['serving: 0 of 1 run']);
    expect(fleet.last!.actions[0]!.type).toBe('Publish');
    fleet.until((f) => f.of('cart').candidate?.state === 'Canary');
    expect(fleet.engine.snapshot!.rules.map((rule) => rule.match)).toEqual(rules.map((rule) => rule.match));
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('nothing is judged and no clock runs while the engine cannot be seen', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2')]))
      .until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.linked = false;
    fleet.run(20 * MINUTE_MS);
    expect(fleet.of('cart').candidate).toMatchObject({ state: 'Canary', step: 1 });
    expect(fleet.status('cart').conditions.find((one) => one.type === 'Ready')!.status).toBe('Unknown');
    fleet.linked = true;
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('a lost journal adopts what runs, gives no number out twice, and unroutes nothing', () => {
    const fleet = proven();
    const before = [...fleet.engine.replicas.keys()];
    fleet.memory = new Fleet(fleet.desired).memory;
    for (let tick = 0; tick < 100; tick++) {
      fleet.tick();
      expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    }
    expect([...fleet.engine.replicas.keys()]).toEqual(before);
    expect(fleet.memory.nextReplica).toBeGreaterThan(Number(before[0]!.split('#')[1]));
  });

  it('replicas that nobody knows are stopped', () => {
    const fleet = proven();
    const [known] = [...fleet.engine.replicas.values()];
    fleet.engine.start('shop/ghost@abc#9', { ...known!.cell, group: 'shop/ghost@abc', entry: 'shop/ghost' });
    fleet.run(1_000);
    expect([...fleet.engine.replicas.keys()]).toEqual([known!.id]);
  });

  it('no more candidates prepare at once than the environment allows; a revert does not wait', () => {
    const names = ['a', 'b', 'c', 'd'];
    const all = (content: string, commit: string) =>
      desired(
        commit,
        names.map((name) => entry(name, { content: `${name}-${content}` })),
        { environment: { maxConcurrentRollouts: 2 } },
      );
    const fleet = new Fleet(all('1', 'a1')).until((f) => names.every((name) => f.of(name).serving?.proven));
    fleet.push(all('2', 'a2')).tick();
    expect(names.map((name) => fleet.reason(name)).filter((reason) => reason === 'Slot')).toHaveLength(2);
    fleet.until((f) => names.every((name) => f.isProven(name, `${name}-2`)));
    fleet.push(all('1', 'a3')).tick();
    expect(names.map((name) => fleet.of(name).candidate?.state)).toEqual(['Warming', 'Warming', 'Warming', 'Warming']);
  });
});

describe('restart intensity', () => {
  const supervision = { maxRestarts: 3, windowMs: 30_000, backoffInitialMs: 1_000, backoffMaxMs: 60_000 };
  const group = 'shop/cart@1';
  const failures = (...times: readonly number[]): readonly ReplicaFailure[] =>
    times.map((atMs) => ({ group, atMs, end: 'Crashed', message: '', waiting: false }));

  it('maxRestarts within the window is allowed, one more is a loop', () => {
    expect(isCrashLoop(failures(1, 2, 3), group, supervision, 30_000)).toBe(false);
    expect(isCrashLoop(failures(1, 2, 3, 4), group, supervision, 30_000)).toBe(true);
    expect(isCrashLoop(failures(1, 2, 3, 4), group, supervision, 30_002)).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'waits twice as long after failure %i, within its jitter and its maximum',
    (count) => {
      const times = Array.from({ length: count }, (_, index) => index);
      const delayMs = nextStartMs(failures(...times), group, supervision, 10, 42) - (count - 1);
      const full = Math.min(60_000, 1_000 * 2 ** (count - 1));
      expect(delayMs).toBeGreaterThanOrEqual(full / 2);
      expect(delayMs).toBeLessThanOrEqual(full);
    },
  );

  it('starts at once when nothing failed', () => {
    expect(nextStartMs([], group, supervision, 77, 1)).toBe(77);
  });
});

describe('freeze windows', () => {
  const weekend = {
    name: 'weekend',
    schedule: '0 18 * * 5',
    durationMs: 62 * 60 * MINUTE_MS,
    timeZone: 'Europe/Berlin',
    namespaces: ['shop'],
  };
  it.each<readonly [string, string, boolean]>([
    ['a second before it opens', '2026-11-20T16:59:59Z', false],
    ['when it opens', '2026-11-20T17:00:00Z', true],
    ['on Sunday', '2026-11-22T12:00:00Z', true],
    ['a second before it closes', '2026-11-23T06:59:59Z', true],
    ['when it closes', '2026-11-23T07:00:00Z', false],
    ['in the week', '2026-11-18T12:00:00Z', false],
    ['in summer time it opens an hour earlier', '2026-07-17T16:00:00Z', true],
  ])('%s', (_, at, open) => {
    expect(openFreezeWindow([weekend], 'shop', Date.parse(at))?.name).toBe(open ? 'weekend' : undefined);
  });

  it('is open for its namespaces only, or for all', () => {
    const at = Date.parse('2026-11-22T12:00:00Z');
    expect(openFreezeWindow([weekend], 'other', at)).toBeUndefined();
    expect(openFreezeWindow([{ ...weekend, namespaces: [] }], 'other', at)?.closesInMs).toBe(19 * 60 * MINUTE_MS);
  });

  it('an expression that never comes is no window', () => {
    expect(
      openFreezeWindow([{ ...weekend, schedule: '0 0 31 2 *' }], 'shop', Date.parse('2026-11-22T12:00:00Z')),
    ).toBeUndefined();
  });
});
