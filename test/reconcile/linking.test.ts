import { describe, expect, it } from 'vitest';
import type { EntryKey, Link, Member } from '../../src/model/component.ts';
import type { Bundle } from '../../src/model/engine.ts';
import { blockingLinksOf, boundLinksOf, providersFirst } from '../../src/reconcile/linking.ts';
import { entry } from '../decide/support/desired.ts';

const RATES = 'shop:tax/rates@0.2.0';

function member(key: EntryKey, ...to: readonly (readonly [EntryKey, string?, Link['mode']?])[]): Member {
  const links = to.map(([component, name = RATES, mode = 'Inline']) => ({ import: name, component, mode }));
  return { ...entry('cart').members[0], key, links };
}

function bundle(exports: readonly string[], blockingExports: readonly string[] = []): Bundle {
  return { exports, blockingExports } as unknown as Bundle;
}

describe('members of a cell', () => {
  it('are prepared after those that they call', () => {
    const cart = member('shop/cart', ['shop/tax'], ['shop/log']);
    const tax = member('shop/tax', ['shop/log']);
    const log = member('shop/log');
    expect(providersFirst([cart, tax, log])).toEqual([log, tax, cart]);
    expect(providersFirst([member('shop/a', ['shop/b', RATES, 'Remote']), member('shop/b')])[0]!.key).toBe('shop/a');
  });

  it('in a circle come out all the same: links are judged elsewhere', () => {
    const keys = providersFirst([member('shop/a', ['shop/b']), member('shop/b', ['shop/a'])]).map(({ key }) => key);
    expect(keys.toSorted()).toEqual(['shop/a', 'shop/b']);
  });

  it('know which of their imports can block, by their own spelling', () => {
    const tax = bundle(
      ['shop:tax/rates@0.2.4', 'shop:tax/other@1.0.0'],
      ['shop:tax/rates@0.2.4#rate', 'shop:tax/rates@0.2.4#check', 'shop:tax/other@1.0.0#x'],
    );
    const made = new Map<EntryKey, Bundle>([['shop/tax', tax]]);
    expect(blockingLinksOf(member('shop/cart', ['shop/tax']), made)).toEqual([`${RATES}#check`, `${RATES}#rate`]);
    expect(blockingLinksOf(member('shop/cart', ['shop/tax', RATES, 'Remote']), made)).toEqual([]);
    expect(blockingLinksOf(member('shop/cart'), made)).toEqual([]);
  });

  it('are bound to the newest compatible export, by place', () => {
    const cell = [
      { member: member('shop/cart', ['shop/tax']), bundle: bundle([]) },
      { member: member('shop/log'), bundle: bundle(['shop:tax/rates@0.2.8']) },
      { member: member('shop/tax'), bundle: bundle(['shop:tax/rates@0.2.1', 'shop:tax/rates@0.2.3']) },
    ];
    expect(boundLinksOf(cell[0]!.member, cell)).toEqual({
      links: [{ import: RATES, member: 2, export: 'shop:tax/rates@0.2.3' }],
    });
    expect(boundLinksOf(cell[1]!.member, cell)).toEqual({});
  });
});
