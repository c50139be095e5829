import { describe, expect, it } from 'vitest';
import { matchKey } from '../../src/model/route.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const one = (name: string, content: string, wanted: Wanted = {}) => entry(name, { content, ...wanted });
const inGroup = (name: string, content: string) => one(name, content, { rollout: { group: 'front' } });

function serving(...entries: readonly DesiredEntry[]): Fleet {
  const names = entries.map((each) => each.key.split('/')[1]!);
  const fleet = new Fleet(desired('a1', entries));
  return fleet.until((f) => names.every((name) => f.of(name).serving?.proven));
}

/** Weights of the arms of a path in the snapshot in force, by entry. */
function arms(fleet: Fleet, path: string) {
  const rule = fleet.engine.snapshot!.rules.find((candidate) => matchKey(candidate.match).includes(` ${path} `));
  return Object.fromEntries(rule?.arms.map((arm) => [arm.group.split('@')[0]!, arm.weight]) ?? []);
}

describe('a group walks as one', { timeout: 60_000 }, () => {
  const both = (content: string) => [inGroup('cart', `cart-${content}`), inGroup('pay', `pay-${content}`)];

  it('steps and the switch happen in one snapshot for all', () => {
    const fleet = serving(...both('1'));
    const seen = new Set<string>();
    fleet.push(desired('a2', both('2'))).until((f) => {
      const weights = [f.of('cart'), f.of('pay')].map(({ candidate, serving: now }) =>
        candidate ? candidate.weight : now!.proven ? 'proven' : 'baking',
      );
      seen.add(weights.join(' '));
      return f.isProven('cart', 'cart-2') && f.isProven('pay', 'pay-2');
    });
    seen.delete('proven proven');
    expect([...seen]).toEqual(['0 0', '20 20', '50 50', 'baking baking']);
  });

  it('a failing member takes the others back; both and the group are held until one changes', () => {
    const fleet = serving(...both('1')).behave('pay-2', { failures: 1 });
    fleet
      .push(desired('a2', both('2')))
      .until((f) => f.of('pay').ends.length > 0)
      .run(10_000);
    expect([fleet.reason('pay'), fleet.reason('cart')]).toEqual(['Quarantined', 'GroupRolledBack']);
    expect([fleet.serves('cart', 'cart-1'), fleet.serves('pay', 'pay-1')]).toEqual([true, true]);
    expect(fleet.of('cart').ends).toEqual([]);
    fleet.restartControl().run(1_000);
    expect(fleet.of('cart').candidate).toBeUndefined();
    fleet.push(desired('a3', [inGroup('cart', 'cart-2'), inGroup('pay', 'pay-3')]));
    fleet.until((f) => f.isProven('cart', 'cart-2') && f.isProven('pay', 'pay-3'));
  });

  it('goes back together out of a bake', () => {
    const fleet = serving(...both('1'))
      .push(desired('a2', both('2')))
      .until((f) => f.serves('cart', 'cart-2'))
      .run(300);
    fleet.behave('pay-2', { failures: 1 }).until((f) => f.serves('pay', 'pay-1'));
    expect(fleet.serves('cart', 'cart-1')).toBe(true);
    expect(fleet.said('GroupRolledBack')).toHaveLength(1);
    fleet.run(40_000);
    expect([fleet.reason('pay'), fleet.reason('cart')]).toEqual(['Quarantined', 'GroupRolledBack']);
  });

  it('a member that comes later walks all its steps; the others wait for it', () => {
    const fleet = serving(...both('1')).push(desired('a2', [inGroup('cart', 'cart-2'), inGroup('pay', 'pay-1')]));
    fleet.until((f) => f.of('cart').candidate?.step === 2);
    const seen = new Set<string>();
    fleet.push(desired('a3', both('2'))).until((f) => {
      const steps = [f.of('cart'), f.of('pay')].map(({ candidate }) => candidate?.step ?? 'promoted');
      seen.add(steps.join(' '));
      return f.serves('pay', 'pay-2');
    });
    expect([...seen]).toEqual(['2 0', '2 1', '2 2', 'promoted promoted']);
  });

  it('one that may not start holds the other', () => {
    const fleet = serving(...both('1'));
    fleet.push(desired('a2', [inGroup('cart', 'cart-2'), { ...inGroup('pay', 'pay-2'), suspend: true }])).run(3_000);
    expect([fleet.row('pay'), fleet.reason('cart'), fleet.of('cart').candidate]).toEqual([4, 'Suspended', undefined]);
  });
});

describe('a moved match walks with its heir', { timeout: 60_000 }, () => {
  const old = one('greet', 'v1', { paths: ['/hello'] });
  const heir = (content: string, wanted: Wanted = {}) => one('greeting', content, { paths: ['/hello'], ...wanted });

  it.each<readonly [string, Wanted]>([
    ['by its match', {}],
    ['by declaration', { rollout: { replaces: 'greet' } }],
  ])('a rename %s: weight on the match, and the old owner drains after the bake', (_, wanted) => {
    const fleet = serving(old).push(desired('a2', [heir('v2', wanted)]));
    fleet.until((f) => arms(f, '/hello')['shop/greeting'] === 20);
    expect(arms(fleet, '/hello')).toEqual({ 'shop/greet': 80, 'shop/greeting': 20 });
    fleet.until((f) => f.serves('greeting', 'v2')).run(300);
    expect(arms(fleet, '/hello')).toEqual({ 'shop/greeting': 100 });
    expect([...fleet.engine.replicas.values()].map((replica) => replica.cell.entry).sort()).toEqual([
      'shop/greet',
      'shop/greeting',
    ]);
    fleet.until((f) => f.isProven('greeting', 'v2')).run(2_000);
    expect([...fleet.engine.replicas.values()].map((replica) => replica.cell.entry)).toEqual(['shop/greeting']);
  });

  it('the same bytes under another name are compared with themselves', () => {
    const fleet = serving(old)
      .push(desired('a2', [heir('v1')]))
      .until((f) => f.isProven('greeting', 'v1'));
    expect(fleet.of('greeting').ledger[0]!.evidence[0]!.observed).toContain('0 of');
  });

  it('a heir that fails leaves the match with its old owner', () => {
    const fleet = serving(old)
      .behave('v2', { failures: 1 })
      .push(desired('a2', [heir('v2')]));
    fleet.until((f) => f.of('greeting').ends.length > 0).run(5_000);
    expect(arms(fleet, '/hello')).toEqual({ 'shop/greet': 100 });
    expect([fleet.row('greeting'), fleet.row('greet')]).toEqual([6, 2]);
    expect(fleet.status('greet').conditions[0]!.message).toContain('shop/greeting');
  });

  it('a heir that fails in its bake gives the match back', () => {
    const fleet = serving(old)
      .push(desired('a2', [heir('v2')]))
      .until((f) => f.serves('greeting', 'v2'))
      .run(300);
    fleet.behave('v2', { failures: 1 }).until((f) => arms(f, '/hello')['shop/greet'] === 100);
    expect(fleet.of('greeting').serving).toBeUndefined();
  });

  it('both ends of a match that moves between two that stay are one party', () => {
    const [cart, pay] = [one('cart', 'c1', { paths: ['/cart', '/both'] }), one('pay', 'p1', { paths: ['/pay'] })];
    const fleet = serving(cart, pay);
    fleet.push(
      desired('a2', [one('cart', 'c1', { paths: ['/cart'] }), one('pay', 'p2', { paths: ['/pay', '/both'] })]),
    );
    fleet.until((f) => arms(f, '/both')['shop/pay'] === 20);
    expect([arms(fleet, '/both'), arms(fleet, '/pay')]).toEqual([
      { 'shop/cart': 80, 'shop/pay': 20 },
      { 'shop/pay': 20 },
    ]);
    fleet.until((f) => f.isProven('pay', 'p2') && f.of('cart').serving!.proven);
    expect(arms(fleet, '/both')).toEqual({ 'shop/pay': 100 });
  });
});
