/** Entries that call each other's cells: who walks with whom, and which release a call meets. */
import { describe, expect, it } from 'vitest';
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
