import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/kit/digest.ts';
import { err, ok, type Result } from '../../src/kit/result.ts';
import { problem, type Problem } from '../../src/model/problem.ts';
import type { ComponentShape } from '../../src/model/wit.ts';
import type { EntryKey, Link, Member } from '../../src/model/component.ts';
import type { Bundle } from '../../src/model/engine.ts';
import { blockingLinksOf, boundLinksOf, providersFirst, unfitLinkOf } from '../../src/reconcile/linking.ts';
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
    // Another cell always lets its caller wait.
    expect(blockingLinksOf(member('shop/cart', ['shop/tax', RATES, 'Remote']), made)).toEqual([`${RATES}#*`]);
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

describe('a link of a cell that is prepared', () => {
  const NONE = { interfaces: [], functions: [] };
  const side = (type: 'u32' | 'u64') => ({
    interfaces: [
      { name: RATES, functions: [{ name: 'rate', params: [{ name: 'a', type }] }], types: [], resources: [] },
    ],
    functions: [],
  });
  const [one, two] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
  const cart = { ...member('shop/cart', ['shop/tax']), artifact: one };
  const tax = { ...member('shop/tax'), artifact: two };
  const importing = ok({ types: [], resources: [], imports: side('u32'), exports: NONE });
  const exporting = (type: 'u32' | 'u64') => ok({ types: [], resources: [], imports: NONE, exports: side(type) });

  it('is held against the types once more, and refused with who links what', () => {
    const shapes = new Map<Digest, Result<ComponentShape, Problem>>([[one, importing]]);
    expect(unfitLinkOf([cart, tax], shapes.set(two, exporting('u32')))).toBeUndefined();
    expect(unfitLinkOf([cart, tax], shapes.set(two, exporting('u64')))).toMatchObject({
      code: 'HW2355',
      policy: 'Terminal',
      message: `shop/cart: shop/tax does not fit ${RATES}: it calls rate(a: u32); there is rate(a: u64)`,
    });
    const broken = problem('HW2101', 'the file is not WebAssembly');
    expect(unfitLinkOf([cart, tax], shapes.set(two, err(broken)))).toEqual(broken);
  });

  it('that is remote is no business of the cell', () => {
    const remote = { ...cart, links: cart.links.map((link) => ({ ...link, mode: 'Remote' as const })) };
    const shapes = new Map<Digest, Result<ComponentShape, Problem>>([
      [one, importing],
      [two, exporting('u64')],
    ]);
    expect(unfitLinkOf([remote, tax], shapes)).toBeUndefined();
  });
});
