import { describe, expect, it } from 'vitest';
import type { DesiredEntry, InvalidDocument, PolicySettings } from '../../src/model/desired.ts';
import { desired, entry, ENVIRONMENT, STEPS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (wanted: Wanted = {}) => entry('cart', { content: 'v1', ...wanted });
const proven = (more: readonly DesiredEntry[] = []) => {
  const fleet = new Fleet(desired('a1', [cart(), ...more]));
  return fleet.until((f) =>
    ['cart', ...more.map(({ key }) => key.split('/')[1]!)].every((n) => f.of(n).serving?.proven),
  );
};
const outcome = (fleet: Fleet, id: string) => fleet.last!.commits.find(({ commit }) => commit.startsWith(id))!;
const INVALID: InvalidDocument = { kind: 'Environment', name: 'prod', file: 'environment.yaml', problems: [] };

describe('what came of a commit that starts no attempt', () => {
  it.each<readonly [string, Wanted]>([
    ['restartToken', { more: { restartToken: '1' } }],
    ['scaling', { more: { scaling: { minReplicas: 2, maxReplicas: 4 } } }],
    ['suspend', { more: { suspend: true } }],
  ])('%s is Live and named, also after the next commit', (field, wanted) => {
    const fleet = proven()
      .push(desired('a2', [cart(wanted)]))
      .run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'Live', why: expect.stringContaining(`shop/cart: ${field}`) });
    fleet.push(desired('a3', [cart({ ...wanted, content: 'v2' })])).run(500);
    expect(outcome(fleet, 'a2').state).toBe('Live');
  });

  it('a label is NoChange', () => {
    const fleet = proven()
      .push(desired('a2', [cart({ more: { labels: { a: 'b' } } })]))
      .run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'NoChange' });
  });

  it('a deletion is Live when it is gone', () => {
    const fleet = proven([entry('pay')])
      .push(desired('a2', [cart()]))
      .run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'Live', why: 'shop/pay is deleted' });
  });

  it('a held deletion is InProgress, says why, and is told once', () => {
    const environment = { prune: { ...ENVIRONMENT.prune, enabled: false } };
    const fleet = proven([entry('pay')])
      .push(desired('a2', [cart()], { environment }))
      .run(1_000);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'InProgress', why: expect.stringContaining('prune.enabled') });
    fleet.push(desired('a3', [cart()], { environment })).run(500);
    expect(fleet.said('PruneHeld')).toMatchObject([{ entry: 'shop/pay', commit: expect.stringMatching(/^a2/) }]);
    fleet.push(desired('a4', [cart()])).run(500);
    expect(outcome(fleet, 'a2').state).toBe('Live');
  });

  it('one that is taken back is Superseded', () => {
    const environment = { prune: { ...ENVIRONMENT.prune, enabled: false } };
    const fleet = proven([entry('pay')])
      .push(desired('a2', [cart()], { environment }))
      .run(500);
    fleet.push(desired('a3', [cart(), entry('pay')], { environment })).run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'Superseded', why: 'shop/pay is in git again' });
  });
});

describe('a commit that changes only settings that hold for all', () => {
  const policy = (name: string, concurrency: number): PolicySettings => ({
    name,
    namespaces: ['*'],
    enforcement: 'Enforce',
    limits: { concurrency },
    isolation: [],
    rollout: { allowEmergency: false },
  });
  const withPolicies = (id: string, policies: readonly PolicySettings[], environment = {}) => ({
    ...desired(id, [cart()], { environment }),
    policies,
  });

  it.each<readonly [string, Parameters<typeof withPolicies>[1], object, string]>([
    ['fields of the Environment', [policy('p', 64)], { maxConcurrentRollouts: 2 }, 'rollouts.maxConcurrent'],
    [
      'several of them',
      [policy('p', 64)],
      { sync: { intervalMs: 1, jitter: 0 }, freezeWindows: [], prune: { ...ENVIRONMENT.prune, enabled: false } },
      'Environment test: sync, prune: in force',
    ],
    ['another Environment', [policy('p', 64)], { name: 'next' }, 'Environment next takes the place of test: in force'],
    ['a Policy', [policy('p', 32)], {}, 'Policy p is changed: in force'],
    ['a new Policy', [policy('p', 64), policy('q', 1)], {}, 'Policy q is new: in force'],
    ['a Policy that goes', [], {}, 'Policy p is gone: in force'],
  ])('%s: Live, and says which', (_, policies, environment, why) => {
    const fleet = new Fleet(withPolicies('a1', [policy('p', 64)])).until((f) => f.isProven('cart', 'v1'));
    expect(outcome(fleet, 'a1')).toMatchObject({ state: 'Proven', why: 'shop/cart is proven' });
    fleet.push(withPolicies('a2', policies, environment)).run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'Live', why: expect.stringContaining(why) });
    fleet.push(withPolicies('a3', policies, environment)).run(500);
    expect(outcome(fleet, 'a3')).toMatchObject({ state: 'NoChange' });
    expect(outcome(fleet, 'a2').state).toBe('Live');
  });

  it('an invalid one changes nothing, and what else it changes is still named', () => {
    const fleet = new Fleet(withPolicies('a1', [policy('p', 64)])).until((f) => f.isProven('cart', 'v1'));
    const invalid = [INVALID];
    fleet.push({ ...withPolicies('a2', [policy('p', 1)], { maxConcurrentRollouts: 2 }), invalid }).run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({
      state: 'Live',
      why: 'Policy p is changed: in force; environment.yaml is invalid and changes nothing',
    });
  });
});

describe('a commit with an invalid document', () => {
  it('is Refused where nothing else changes, and stays so', () => {
    const fleet = proven()
      .push(desired('a2', [cart()], { invalid: [INVALID] }))
      .run(500);
    fleet.push(desired('a3', [cart()])).run(500);
    expect(outcome(fleet, 'a2')).toMatchObject({ state: 'Refused', why: expect.stringContaining('environment.yaml') });
  });

  it('names the invalid part beside the good one, to the end', () => {
    const fleet = proven().push(desired('a2', [cart({ content: 'v2' })], { invalid: [INVALID] }));
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(outcome(fleet, 'a2')).toMatchObject({
      state: 'Proven',
      why: 'shop/cart is proven; environment.yaml is invalid and changes nothing',
    });
  });
});

describe('events of edits and holds, once each', () => {
  it.each<readonly [string, Wanted, string]>([
    ['a restart', { more: { restartToken: '1' } }, 'restart: '],
    ['scaling', { more: { scaling: { minReplicas: 2, maxReplicas: 4 } } }, 'scaling: minReplicas 1 → 2'],
  ])('%s', (_, wanted, message) => {
    const fleet = proven()
      .push(desired('a2', [cart(wanted)]))
      .run(1_000);
    fleet.push(desired('a3', [cart(wanted)])).run(500);
    const told = fleet.events.filter((event) => event.message.startsWith(message));
    expect(told).toMatchObject([{ entry: 'shop/cart', commit: expect.stringMatching(/^a2/) }]);
  });

  it('suspend, again after it was lifted', () => {
    const fleet = proven();
    for (const [id, suspend] of [
      ['a2', true],
      ['a3', false],
      ['a4', true],
    ] as const) {
      fleet.push(desired(id, [cart({ content: 'v2', more: { suspend } })])).run(500);
    }
    expect(fleet.said('Suspended')).toHaveLength(2);
  });
});

describe('stickyBy', () => {
  const sticky = (name: string | undefined) => ({
    strategy: {
      type: 'Canary' as const,
      steps: STEPS,
      ...(name ? { stickyBy: { type: 'header' as const, name } } : {}),
    },
  });
  it.each([
    [undefined, 'x-user'],
    ['x-user', 'x-tenant'],
    ['x-user', undefined],
  ])('serving has %s: a candidate with %s sticks by its own', (before, after) => {
    const fleet = new Fleet(desired('a1', [cart({ settings: sticky(before) })]));
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [cart({ content: 'v2', settings: sticky(after) })]));
    fleet.until((f) => f.engine.snapshot!.rules[0]!.arms.length === 2);
    expect(fleet.engine.snapshot!.rules[0]!.stickyBy).toEqual(sticky(after).strategy.stickyBy);
  });
});
