/** Entries that may ask each other over HTTP: who keeps whom running, whom the snapshot lets them meet, and who is told of whom. */
import { describe, expect, it } from 'vitest';
import { explainText } from '../../src/check/explain.ts';
import { entriesMeant, entryHostsOf, entryOfHost, hostOfEntry, isEntryHost } from '../../src/model/entry-host.ts';
import { desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

/** `front` has a route and these hosts; nothing else points at `cart`, whose `callers` are what assembly makes of them. */
function shop(commit: string, hosts: readonly string[], contents = ['front-1', 'cart-1'], more: Wanted = {}) {
  const isNamed = hosts.includes('cart.shop.headway');
  return desired(commit, [
    entry('front', { content: contents[0]!, more: { remote: { calls: [], hosts, callers: [] } }, ...more }),
    entry('cart', {
      content: contents[1]!,
      paths: [],
      more: { remote: { calls: [], callers: isNamed ? ['shop/front'] : [] } },
      ...more,
    }),
  ]);
}

const proven = (f: Fleet): boolean => ['front', 'cart'].every((name) => f.of(name).serving?.proven);
/** What nothing points at is never proven. */
const settled = (f: Fleet): boolean => f.of('front').serving?.proven === true && f.of('cart').serving !== undefined;
const lineOf = (fleet: Fleet) => fleet.engine.snapshot!.remotes?.find(({ entry: key }) => key === 'shop/cart');

describe('an entry that is asked', { timeout: 60_000 }, () => {
  it('by its name is called: it runs without a route, and a caller is told', () => {
    const fleet = new Fleet(shop('a1', ['cart.shop.headway'])).until(proven).run(10_000);
    const now = fleet.of('cart').serving!.release.revision;
    expect(lineOf(fleet)?.arms).toMatchObject([{ group: `shop/cart@${now}`, weight: 100 }]);
    expect(fleet.reason('cart')).toBe('InSync');
    expect(explainText(fleet.status('cart'))).toContain('called by shop/front');
    expect(explainText(fleet.status('front'))).toContain('calls shop/cart: 0 times, 0 without an answer');
  });

  it('by a wildcard can be reached, and is not pointed at', () => {
    const fleet = new Fleet(shop('a1', ['*.shop.headway'])).until(settled).run(10_000);
    expect(lineOf(fleet)).toBeDefined();
    expect(fleet.status('cart').remote).toBeUndefined();
    expect(fleet.reason('cart')).not.toBe('InSync');
  });

  it('by itself can be reached, its releases by themselves alone, and does not keep itself running', () => {
    const fleet = new Fleet(shop('a1', ['front.shop.headway'])).until(settled).run(1_000);
    const line = () => fleet.engine.snapshot!.remotes!.find(({ entry: key }) => key === 'shop/front')!;
    expect(line().arms).toHaveLength(1);
    expect(fleet.status('front').remote).toBeUndefined();
    fleet.push(shop('a2', ['front.shop.headway'], ['front-2', 'cart-1']));
    fleet.until((f) => f.of('front').candidate?.weight === 20);
    expect(line().pairs!.every(({ from, arm }) => from === arm.group)).toBe(true);
  });

  it('by nobody has no line', () => {
    const fleet = new Fleet(shop('a1', [])).until(settled).run(1_000);
    expect(lineOf(fleet)).toBeUndefined();
  });

  it('in one group with who asks: what comes asks what comes, what serves what serves', () => {
    const fleet = new Fleet(shop('a1', ['cart.shop.headway'])).until(proven);
    const group = { rollout: { group: 'carts' } } as Wanted;
    fleet.push(shop('a2', ['cart.shop.headway'], ['front-2', 'cart-2'], group));
    fleet.until((f) => ['front', 'cart'].every((name) => f.of(name).candidate?.weight === 20));
    const [front, cart] = ['front', 'cart'].map((name) => {
      const { candidate, serving } = fleet.of(name);
      return [candidate!, serving!].map(({ release }) => `shop/${name}@${release.revision}`);
    });
    const pairs = Object.fromEntries((lineOf(fleet)!.pairs ?? []).map(({ from, arm }) => [from, arm.group]));
    expect(pairs).toEqual({ [front![0]!]: cart![0], [front![1]!]: cart![1] });
  });
});

describe('a host', () => {
  it.each([
    ['cart.shop.headway', 'shop/cart'],
    ['CART.Shop.Headway', 'shop/cart'],
    ['cart.headway', undefined],
    ['a.cart.shop.headway', undefined],
    ['*.shop.headway', undefined],
    ['cart.shop.example', undefined],
    ['.shop.headway', undefined],
    ['headway', undefined],
  ])('%s is the name of %s', (host, key) => expect(entryOfHost(host)).toBe(key));

  it.each(['headway', 'cart.shop.headway', '*.HEADWAY'])('%s is ours', (host) => expect(isEntryHost(host)).toBe(true));
  it.each(['xheadway', 'headway.example', '10.0.0.1'])('%s is not', (host) => expect(isEntryHost(host)).toBe(false));

  it('means the entries that there are', () => {
    const keys = ['shop/cart', 'shop/front', 'bank/safe'] as const;
    expect(keys.map(hostOfEntry)).toEqual(['cart.shop.headway', 'front.shop.headway', 'safe.bank.headway']);
    expect(entriesMeant('*.shop.headway', keys)).toEqual(['shop/cart', 'shop/front']);
    expect(entriesMeant('*.headway', keys)).toEqual(keys);
    expect(entriesMeant('cart.shop.headway', [])).toEqual(['shop/cart']);
    expect(entriesMeant('*.op.headway', keys)).toEqual([]);
  });

  it('is read from grants of outboundHttp alone', () => {
    const grant = (capability: string, hosts: readonly string[]) =>
      ({ name: 'a', capability, settings: { hosts }, enforcement: 'Enforce' }) as const;
    const grants = [
      grant('outboundHttp', ['Cart.Shop.Headway', 'api.example', '*.bank.headway']),
      grant('sockets', ['x.y.headway']),
      { ...grant('keyValue', []), settings: { store: 'a' } },
    ];
    expect(entryHostsOf(grants)).toEqual(['*.bank.headway', 'cart.shop.headway']);
  });
});
