import { describe, expect, it } from 'vitest';
import type { EnvironmentSettings, FreezeWindow } from '../../src/model/desired.ts';
import { desired, entry, ENVIRONMENT, MINUTE_MS } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

/** Open from 11:00 to 23:00; a fleet begins at 12:00. */
const NOON: FreezeWindow = {
  name: 'noon',
  schedule: '0 11 * * *',
  durationMs: 12 * 60 * MINUTE_MS,
  timeZone: 'UTC',
  namespaces: [],
};

const cart = (content: string) => entry('cart', { content });

describe('the freeze windows of HEAD are in force at once, and HEAD cannot lift one for itself', () => {
  const commit = (id: string, content: string, freezeWindows: readonly FreezeWindow[]) =>
    desired(id, [cart(content)], { environment: { freezeWindows } });
  const proven = (windows: readonly FreezeWindow[]) =>
    new Fleet(commit('a1', 'v1', windows)).until((f) => f.isProven('cart', 'v1'));

  it('taking the window out releases what an earlier commit introduced, with no other commit', () => {
    const fleet = proven([NOON])
      .push(commit('a2', 'v2', [NOON]))
      .run(500);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([10, 'FreezeWindow']);
    fleet.push(commit('a3', 'v2', [])).until((f) => f.isProven('cart', 'v2'));
  });

  it('a commit that takes the window out does not start its own change; the next commit does', () => {
    const fleet = proven([NOON])
      .push(commit('a2', 'v2', []))
      .run(3_000);
    expect([fleet.row('cart'), fleet.of('cart').candidate]).toEqual([10, undefined]);
    expect(fleet.status('cart').conditions[0]!.message).toContain('cannot lift it for its own change');
    fleet.push(commit('a3', 'v2', [])).until((f) => f.isProven('cart', 'v2'));
  });

  it('still holds its own change after a restart of control', () => {
    const fleet = proven([NOON])
      .push(commit('a2', 'v2', []))
      .run(500)
      .restartControl()
      .run(1_000);
    expect(fleet.row('cart')).toBe(10);
  });

  it.each([
    ['with its own change', 'v2'],
    ['alone, over a candidate in flight', 'v3'],
  ])('a window that HEAD adds %s is in force', (_, content) => {
    const fleet = proven([]);
    if (content === 'v3') fleet.push(commit('a2', 'v3', [])).until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.push(commit('a3', content, [NOON])).run(1_000);
    expect([fleet.row('cart'), fleet.of('cart').candidate, fleet.of('cart').ends]).toEqual([10, undefined, []]);
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
  });
});

describe('the prune settings of HEAD are in force at once, and HEAD cannot loosen them for itself', () => {
  const NAMES = ['a', 'b', 'c', 'd'] as const;
  const commit = (id: string, names: readonly string[], prune: Partial<EnvironmentSettings['prune']>) => {
    const entries = names.map((name) => entry(name));
    return desired(id, entries, { environment: { prune: { ...ENVIRONMENT.prune, ...prune } } });
  };
  const left = (fleet: Fleet) => fleet.engine.snapshot!.rules.map((rule) => rule.entry.split('/')[1]!).sort();
  const serving = (prune: Partial<EnvironmentSettings['prune']>) =>
    new Fleet(commit('a1', NAMES, prune)).until((f) => NAMES.every((name) => f.of(name).serving?.proven));

  it.each<readonly [string, Partial<EnvironmentSettings['prune']>, Partial<EnvironmentSettings['prune']>]>([
    ['enabled', { enabled: false, maxDeletePercent: 100 }, { enabled: true, maxDeletePercent: 100 }],
    ['maxDeletePercent', { maxDeletePercent: 50 }, { maxDeletePercent: 75 }],
  ])('%s: the edit alone releases an earlier deletion', (_, strict, loose) => {
    const fleet = serving(strict)
      .push(commit('a2', ['a'], strict))
      .run(1_000);
    expect([left(fleet), fleet.reason('b')]).toEqual([[...NAMES], 'PruneHeld']);
    fleet.push(commit('a3', ['a'], loose)).run(3_000);
    expect(left(fleet)).toEqual(['a']);
  });

  it.each<readonly [string, Partial<EnvironmentSettings['prune']>, Partial<EnvironmentSettings['prune']>]>([
    ['enabled', { enabled: false, maxDeletePercent: 100 }, { enabled: true, maxDeletePercent: 100 }],
    ['maxDeletePercent', { maxDeletePercent: 50 }, { maxDeletePercent: 75 }],
  ])('%s: a commit does not let its own deletion go', (_, strict, loose) => {
    const fleet = serving(strict)
      .push(commit('a2', ['a'], loose))
      .run(3_000);
    expect([left(fleet), fleet.reason('b')]).toEqual([[...NAMES], 'PruneHeld']);
    fleet.push(commit('a3', ['a'], loose)).run(3_000);
    expect(left(fleet)).toEqual(['a']);
  });

  it.each<readonly [string, Partial<EnvironmentSettings['prune']>]>([
    ['enabled: false', { enabled: false }],
    ['a lower maxDeletePercent', { maxDeletePercent: 49 }],
  ])('%s holds the deletion that comes with it', (_, strict) => {
    const fleet = serving({})
      .push(commit('a2', ['a', 'b'], strict))
      .run(3_000);
    expect(left(fleet)).toEqual([...NAMES]);
  });

  it('a deletion that was taken back and comes again belongs to the commit that deletes again', () => {
    const fleet = serving({ enabled: false });
    fleet.push(commit('a2', ['a', 'b', 'c'], { enabled: false })).run(500);
    fleet.push(commit('a3', NAMES, { enabled: false })).run(500);
    fleet.push(commit('a4', ['a', 'b', 'c'], { enabled: true })).run(2_000);
    expect(left(fleet)).toEqual([...NAMES]);
  });
});
