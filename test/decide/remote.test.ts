/** Entries that call each other's cells: who walks with whom, and which release a call meets. */
import { describe, expect, it } from 'vitest';
import { explainText } from '../../src/check/explain.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import { fitsRemotely, type RemoteCall, type TypedNames } from '../../src/model/remote.ts';
import { desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const RATES = 'shop:tax/rates@0.2.0';
const call = (functions: TypedNames): RemoteCall => ({ component: 'shop/tax', import: RATES, functions });

/** Content and types of both: `cart` calls `rate` of `tax`. */
function pair(
  commit: string,
  cart: string,
  tax: string,
  types: { cart: TypedNames; tax: TypedNames },
  more: Wanted = {},
) {
  const link = { import: RATES, component: 'shop/tax', mode: 'Remote' } as const;
  return desired(commit, [
    entry('cart', {
      content: cart,
      member: { links: [link] },
      more: { remote: { calls: [call(types.cart)], callers: [] } },
      ...more,
    }),
    entry('tax', {
      content: tax,
      paths: [],
      more: { remote: { calls: [], offers: [{ interface: RATES, functions: types.tax }], callers: ['shop/cart'] } },
      ...more,
    }),
  ]);
}

const OLD = { rate: 'a' };
const NEW = { rate: 'b' };
const both = (types: TypedNames) => ({ cart: types, tax: types });

function serving(): Fleet {
  return new Fleet(pair('a1', 'cart-1', 'tax-1', both(OLD))).until((f) =>
    ['cart', 'tax'].every((name) => f.of(name).serving?.proven),
  );
}

/** Weights of both candidates over a rollout, each combination once. */
function walk(fleet: Fleet, next: { readonly entries: ReadonlyMap<string, DesiredEntry> }): readonly string[] {
  const seen = new Set<string>();
  const contents = ['cart', 'tax'].map((name) => next.entries.get(`shop/${name}`)!.members[0].artifact);
  fleet.push(next as never).until((f) => {
    const now = ['cart', 'tax'].map((name) => f.of(name));
    const weights = now.map(({ candidate, serving: one }) =>
      candidate ? candidate.weight : one!.proven ? 'proven' : 'baking',
    );
    seen.add(weights.join(' '));
    return now.every(({ serving: one }, at) => one!.proven && one!.release.entry.members[0].artifact === contents[at]);
  });
  return [...seen];
}

describe('what calls fits what is called', () => {
  const offer = (functions: TypedNames, name = RATES) => [{ interface: name, functions }];

  it.each([
    ['equal types', offer(OLD), true],
    ['more functions than are called', offer({ ...OLD, more: 'c' }), true],
    ['a later compatible version', offer(OLD, 'shop:tax/rates@0.2.7'), true],
    ['other types', offer(NEW), false],
    ['a missing function', offer({}), false],
    ['another version', offer(OLD, 'shop:tax/rates@0.3.0'), false],
    ['another interface', offer(OLD, 'shop:tax/levies@0.2.0'), false],
    ['types that are not known', undefined, false],
  ])('%s', (_what, offers, fits) => {
    expect(fitsRemotely(call(OLD), offers)).toBe(fits);
  });

  it('not where the own types are not known', () => {
    expect(fitsRemotely({ component: 'shop/tax', import: RATES }, offer({}))).toBe(false);
  });
});

describe('both ends of a remote link', { timeout: 60_000 }, () => {
  it('walk apart where every release fits every other', () => {
    const fleet = serving();
    const next = pair('a2', 'cart-2', 'tax-2', both(OLD));
    fleet.push(next).run(1_000);
    const parties = ['cart', 'tax'].map((name) => fleet.of(name).candidate?.party);
    expect(parties).toEqual(['shop/cart', 'shop/tax']);
  });

  it('walk as one group where types change, without anybody having named one', () => {
    const seen = walk(serving(), pair('a2', 'cart-2', 'tax-2', both(NEW)));
    expect(seen.filter((weights) => weights !== 'proven proven')).toEqual(['0 0', '20 20', '50 50', 'baking baking']);
  });

  it('walk as one where only what served does not fit what comes', () => {
    const fleet = serving();
    // The new caller calls nothing that changed; the one that serves does.
    fleet.push(pair('a2', 'cart-2', 'tax-2', { cart: {}, tax: NEW })).run(1_000);
    expect(['cart', 'tax'].map((name) => fleet.of(name).candidate?.party)).toEqual(['shop/cart', 'shop/cart']);
  });

  it('go back together', () => {
    const fleet = serving().behave('tax-2', { failures: 1 });
    fleet.push(pair('a2', 'cart-2', 'tax-2', both(NEW))).until((f) => f.of('tax').ends.length > 0);
    fleet.run(10_000);
    expect([fleet.serves('cart', 'cart-1'), fleet.serves('tax', 'tax-1')]).toEqual([true, true]);
    expect(fleet.reason('cart')).toBe('GroupRolledBack');
  });
});

describe('a call meets', { timeout: 60_000 }, () => {
  const targetOf = (fleet: Fleet) => fleet.engine.snapshot!.remotes!.find(({ entry: key }) => key === 'shop/tax')!;
  const groupsOf = (fleet: Fleet, name: string) => {
    const { candidate, serving: now } = fleet.of(name);
    const groupOf = (revision: string | undefined) => revision && `shop/${name}@${revision}`;
    return { next: groupOf(candidate?.release.revision), now: groupOf(now!.release.revision) };
  };
  const pairsOf = (fleet: Fleet) =>
    Object.fromEntries((targetOf(fleet).pairs ?? []).map(({ from, arm }) => [from, arm.group]));
  const inCanary = (weight: number) => (f: Fleet) =>
    ['cart', 'tax'].every((name) => f.of(name).candidate?.weight === weight);

  it('what serves, without a route to it', () => {
    const fleet = serving().run(500);
    expect(targetOf(fleet)).toMatchObject({
      requestTimeoutMs: 2_000,
      arms: [{ group: groupsOf(fleet, 'tax').now, weight: 100 }],
    });
    expect(targetOf(fleet).pairs).toBeUndefined();
    expect(fleet.reason('tax')).toBe('InSync');
  });

  it('the weights of the rollout of what it calls, where the two walk apart', () => {
    const fleet = serving();
    fleet.push(pair('a2', 'cart-1', 'tax-2', both(OLD))).until((f) => f.of('tax').candidate?.weight === 20);
    const { next, now } = groupsOf(fleet, 'tax');
    expect(targetOf(fleet).arms.map(({ group, weight }) => [group, weight])).toEqual([
      [now, 80],
      [next, 20],
    ]);
    expect(pairsOf(fleet)).toEqual({});
  });

  it('its like, in every step of a group, and nothing else', () => {
    const fleet = serving();
    fleet.push(pair('a2', 'cart-2', 'tax-2', both(NEW))).until(inCanary(20));
    const [cart, tax] = [groupsOf(fleet, 'cart'), groupsOf(fleet, 'tax')];
    expect(pairsOf(fleet)).toEqual({ [cart.now!]: tax.now, [cart.next!]: tax.next });
    // In the bake those that served still have requests in flight.
    fleet.until((f) => f.serves('cart', 'cart-2'));
    expect(pairsOf(fleet)).toEqual({ [cart.now!]: tax.now, [cart.next!]: tax.next });
    fleet.until((f) => f.isProven('cart', 'cart-2') && f.isProven('tax', 'tax-2'));
    expect(pairsOf(fleet)).toEqual({});
    expect(targetOf(fleet).arms).toMatchObject([{ group: tax.next, weight: 100 }]);
  });

  it('its like already while it warms, before there is any weight', () => {
    const fleet = serving();
    fleet.push(pair('a2', 'cart-2', 'tax-2', both(NEW)));
    fleet.until((f) => ['cart', 'tax'].every((name) => f.of(name).candidate?.state === 'Warming'));
    const [cart, tax] = [groupsOf(fleet, 'cart'), groupsOf(fleet, 'tax')];
    expect(pairsOf(fleet)[cart.next!]).toBe(tax.next);
  });

  it('what serves again, after the group went back', () => {
    const fleet = serving().behave('tax-2', { failures: 1 });
    fleet.push(pair('a2', 'cart-2', 'tax-2', both(NEW))).until((f) => f.of('tax').ends.length > 0);
    fleet.run(1_000);
    expect(pairsOf(fleet)).toEqual({});
    expect(targetOf(fleet).arms).toMatchObject([{ group: groupsOf(fleet, 'tax').now, weight: 100 }]);
  });

  it('and status says who calls whom, and how often', () => {
    const fleet = serving().run(500);
    const observed = fleet.engine.observed.bind(fleet.engine);
    const remotes = [{ from: 'shop/cart', to: 'shop/tax', calls: 7, failures: 2 }] as const;
    fleet.engine.observed = () => ({ ...observed(), remotes });
    fleet.tick();
    expect(fleet.status('cart').remote).toEqual({ calls: [{ entry: 'shop/tax', calls: 7, failures: 2 }], callers: [] });
    expect(fleet.status('tax').remote).toEqual({ calls: [], callers: ['shop/cart'] });
    expect(explainText(fleet.status('cart'))).toContain('calls shop/tax: 7 times, 2 without an answer');
    expect(explainText(fleet.status('tax'))).toContain('called by shop/cart');
  });

  it('cells that run although git has no route to them, until nothing calls any more', () => {
    const idle = desired('a1', [entry('cart', { content: 'cart-1' }), entry('tax', { content: 'tax-1', paths: [] })]);
    const fleet = new Fleet(idle).until((f) => f.isProven('cart', 'cart-1') && f.serves('tax', 'tax-1'));
    fleet.run(40_000);
    const running = () => fleet.engine.observed().replicas.filter(({ id }) => id.startsWith('shop/tax@')).length;
    expect([fleet.reason('tax'), running()]).toEqual(['Unreferenced', 0]);
    fleet.push(pair('a2', 'cart-2', 'tax-1', both(OLD))).until((f) => f.isProven('cart', 'cart-2'));
    expect(running()).toBe(1);
    // Gone from git, still called by what serves.
    const without = [entry('cart', { content: 'cart-3' }), entry('tax', { content: 'tax-1', paths: [] })];
    fleet.push(desired('a3', without)).until((f) => f.of('cart').candidate?.weight === 20);
    expect(running()).toBe(1);
    fleet.until((f) => f.isProven('cart', 'cart-3')).run(40_000);
    expect(running()).toBe(0);
  });
});
