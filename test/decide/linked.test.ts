/** Cells of several members: groups, renames and moved matches walk with what their entries link, each by its own traffic. */
import { describe, expect, it } from 'vitest';
import { matchKey } from '../../src/model/route.ts';
import type { Isolation } from '../../src/model/component.ts';
import type { CellPlan } from '../../src/model/decision.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import type { Behaviour } from '../simulator/engine-model.ts';
import { artifactOf, desired, entry, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

/** An entry that links `shop/tax`, whose content is `shared`. */
function linking(name: string, shared: string, wanted: Wanted = {}): DesiredEntry {
  const made = entry(name, { content: name, ...wanted });
  const tax = entry('tax', { content: shared }).members[0];
  const link = { import: 'shop:tax/rates@0.1.0', component: tax.key, mode: 'Inline' } as const;
  return { ...made, members: [{ ...made.members[0], links: [link] }, tax] };
}

const grouped: Wanted = { rollout: { group: 'front' } };
const both = (commit: string, shared: string, wanted: Wanted = {}) =>
  desired(commit, [linking('cart', shared, wanted), linking('pay', shared, wanted)]);

function proven(first: Parameters<Fleet['push']>[0]): Fleet {
  const names = [...first.entries.keys()].map((key) => key.split('/')[1]!);
  return new Fleet(first).until((fleet) => names.every((name) => fleet.of(name).serving?.proven));
}

/** The content of the linked member in what serves. */
const linkedOf = (fleet: Fleet, name: string) => fleet.of(name).serving?.release.entry.members[1]?.artifact;
const serves = (fleet: Fleet, name: string, shared: string) => linkedOf(fleet, name) === artifactOf(shared);
const isProven = (fleet: Fleet, name: string, shared: string) =>
  serves(fleet, name, shared) && fleet.of(name).serving!.proven;

/** Weights of the arms of a path in the snapshot in force, by entry. */
function arms(fleet: Fleet, path: string) {
  const rule = fleet.engine.snapshot!.rules.find((candidate) => matchKey(candidate.match).includes(` ${path} `));
  return Object.fromEntries(rule?.arms.map((arm) => [arm.group.split('@')[0]!, arm.weight]) ?? []);
}

const BAD: readonly (readonly [string, Partial<Behaviour>])[] = [
  ['fails every request', { failures: 1 }],
  ['crashes its cells', { crashesAfterMs: 700 }],
  ['is never ready', { readyAfterMs: 'never' }],
];

describe('a shared member that changes', { timeout: 60_000 }, () => {
  it('rolls through every entry that links it, with steps and samples of each one', () => {
    const fleet = proven(both('a1', 't1')).push(both('a2', 't2'));
    const steps = { cart: new Set<number>(), pay: new Set<number>() };
    fleet.until((f) => {
      for (const name of ['cart', 'pay'] as const) steps[name].add(f.of(name).candidate?.weight ?? -1);
      return isProven(f, 'cart', 't2') && isProven(f, 'pay', 't2');
    });
    for (const name of ['cart', 'pay'] as const) {
      expect([...steps[name]]).toEqual(expect.arrayContaining([0, 20, 50]));
      const [line] = fleet.of(name).ledger;
      expect(line!.release.entry.members.map(({ artifact }) => artifact)).toEqual([artifactOf(name), artifactOf('t2')]);
      expect(line!.evidence.length).toBeGreaterThan(0);
    }
  });

  it.each(BAD)('and %s is taken back in each, and what serves goes on', (_, behaviour) => {
    const fleet = proven(both('a1', 't1')).behave('t2', behaviour).push(both('a2', 't2'));
    fleet.until((f) => f.of('cart').ends.length > 0 && f.of('pay').ends.length > 0).run(3_000);
    for (const name of ['cart', 'pay']) {
      expect([fleet.reason(name), serves(fleet, name, 't1')]).toEqual(['Quarantined', true]);
      expect(arms(fleet, `/${name}`)).toEqual({ [`shop/${name}`]: 100 });
    }
    fleet
      .push(both('a3', 't1'))
      .until((f) => f.of('cart').candidate === undefined && f.of('pay').candidate === undefined);
    fleet.push(both('a4', 't3')).until((f) => isProven(f, 'cart', 't3') && isProven(f, 'pay', 't3'));
  });

  it('holds where one of the entries may not start, and goes on in the other', () => {
    const fleet = proven(both('a1', 't1'));
    fleet.push(desired('a2', [linking('cart', 't2'), { ...linking('pay', 't2'), suspend: true }]));
    fleet.until((f) => isProven(f, 'cart', 't2')).run(1_000);
    expect([fleet.reason('pay'), serves(fleet, 'pay', 't1')]).toEqual(['Suspended', true]);
  });
});

describe('a group of linked cells', { timeout: 60_000 }, () => {
  it('walks as one when the member that both hold changes', () => {
    const fleet = proven(both('a1', 't1', grouped)).push(both('a2', 't2', grouped));
    const seen = new Set<string>();
    fleet.until((f) => {
      const weights = ['cart', 'pay'].map((name) => f.of(name).candidate?.weight ?? linkedOf(f, name));
      seen.add(weights.every((weight) => weight === weights[0]) ? 'equal' : weights.join(' '));
      return isProven(f, 'cart', 't2') && isProven(f, 'pay', 't2');
    });
    expect([...seen]).toEqual(['equal']);
  });

  it.each(BAD)('goes back as one when that member %s', (_, behaviour) => {
    const fleet = proven(both('a1', 't1', grouped))
      .behave('t2', behaviour)
      .push(both('a2', 't2', grouped));
    fleet.until((f) => f.of('cart').ends.length + f.of('pay').ends.length > 0).run(10_000);
    for (const name of ['cart', 'pay']) {
      expect(['Quarantined', 'GroupRolledBack']).toContain(fleet.reason(name));
      expect([serves(fleet, name, 't1'), fleet.of(name).candidate]).toEqual([true, undefined]);
    }
    fleet.restartControl().run(1_000);
    expect([fleet.of('cart').candidate, fleet.of('pay').candidate]).toEqual([undefined, undefined]);
    fleet.push(both('a3', 't3', grouped)).until((f) => isProven(f, 'cart', 't3') && isProven(f, 'pay', 't3'));
  });

  it('goes back together out of a bake in which the member turns bad', () => {
    const fleet = proven(both('a1', 't1', grouped)).push(both('a2', 't2', grouped));
    fleet.until((f) => serves(f, 'cart', 't2') && serves(f, 'pay', 't2')).run(300);
    fleet.behave('t2', { failures: 1 }).until((f) => serves(f, 'cart', 't1') && serves(f, 'pay', 't1'));
    fleet.run(2_000);
    expect([arms(fleet, '/cart'), arms(fleet, '/pay')]).toEqual([{ 'shop/cart': 100 }, { 'shop/pay': 100 }]);
  });
});

describe('a match that moves between linked cells', { timeout: 60_000 }, () => {
  const paths = ['/hello'];
  const ways: readonly (readonly [string, Wanted])[] = [
    ['by its match', { paths }],
    ['by declaration', { paths, rollout: { replaces: 'greet' } }],
  ];

  it.each(ways)('walks with its heir, %s, in one commit with the member', (_, wanted) => {
    const fleet = proven(desired('a1', [linking('greet', 't1', { paths })]));
    fleet.push(desired('a2', [linking('greeting', 't2', wanted)]));
    fleet.until((f) => arms(f, '/hello')['shop/greeting'] === 20);
    expect(arms(fleet, '/hello')).toEqual({ 'shop/greet': 80, 'shop/greeting': 20 });
    fleet.until((f) => isProven(f, 'greeting', 't2')).run(2_000);
    const cells = [...fleet.engine.replicas.values()].map(({ cell }) => cell);
    expect(cells.map(({ entry: key, members }) => [key, members[1]?.artifact])).toEqual([
      ['shop/greeting', artifactOf('t2')],
    ]);
  });

  it.each(ways)('stays with its old owner where the member of the heir is bad, %s', (_, wanted) => {
    const fleet = proven(desired('a1', [linking('greet', 't1', { paths })])).behave('t2', { failures: 1 });
    fleet.push(desired('a2', [linking('greeting', 't2', wanted)]));
    fleet.until((f) => f.of('greeting').ends.length > 0).run(5_000);
    expect([arms(fleet, '/hello'), serves(fleet, 'greet', 't1')]).toEqual([{ 'shop/greet': 100 }, true]);
    expect([fleet.row('greeting'), fleet.row('greet')]).toEqual([6, 2]);
  });

  it('moves between two that stay while what both link changes', () => {
    const at = (commit: string, shared: string, cart: readonly string[], pay: readonly string[]) =>
      desired(commit, [linking('cart', shared, { paths: cart }), linking('pay', shared, { paths: pay })]);
    const fleet = proven(at('a1', 't1', ['/cart', '/both'], ['/pay']));
    fleet.push(at('a2', 't2', ['/cart'], ['/pay', '/both']));
    fleet.until((f) => arms(f, '/both')['shop/pay'] === 20);
    expect(arms(fleet, '/both')).toEqual({ 'shop/cart': 80, 'shop/pay': 20 });
    fleet.until((f) => isProven(f, 'pay', 't2') && isProven(f, 'cart', 't2'));
    expect(arms(fleet, '/both')).toEqual({ 'shop/pay': 100 });
  });
});

describe('isolation of a cell', () => {
  it.each<readonly [Isolation, Isolation, Isolation]>([
    ['Auto', 'Auto', 'Auto'],
    ['Auto', 'Strict', 'Strict'],
    ['Process', 'Strict', 'Strict'],
    ['Strict', 'Process', 'Strict'],
    ['Strict', 'Auto', 'Strict'],
    ['Process', 'Auto', 'Process'],
    ['Auto', 'Process', 'Auto'],
    ['Shared', 'Shared', 'Shared'],
    ['Shared', 'Auto', 'Auto'],
    ['Shared', 'Process', 'Process'],
    ['Shared', 'Strict', 'Strict'],
    ['Auto', 'Shared', 'Auto'],
  ])('%s beside a linked %s is %s', (own, others, expected) => {
    expect(isolatedPlan(own, others).isolation).toBe(expected);
  });
});

/** The cell that decide/ starts for an entry of that isolation with a linked member of that one. */
function isolatedPlan(own: Isolation, others: Isolation): CellPlan {
  const made = linking('cart', 't1', { member: { isolation: own } });
  const [first, tax] = made.members;
  const fleet = new Fleet(desired('a1', [{ ...made, members: [first, { ...tax!, isolation: others }] }]));
  return [...fleet.until((f) => f.engine.replicas.size > 0).engine.replicas.values()][0]!.cell;
}
