import { describe, expect, it } from 'vitest';
import { TABLE } from '../../src/decide/table.ts';
import { revisionOf } from '../../src/decide/identity.ts';
import { problem } from '../../src/model/problem.ts';
import type { Desired } from '../../src/model/desired.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string, wanted: Wanted = {}) => entry('cart', { content, ...wanted });
const commit = (id: string, ...entries: readonly ReturnType<typeof cart>[]): Desired => desired(id, entries);

/** A fleet whose `cart` serves v1, proven. */
function proven(): Fleet {
  return new Fleet(commit('a1', cart('v1'))).until((fleet) => fleet.isProven('cart', 'v1'));
}

describe('the decision table', { timeout: 60_000 }, () => {
  it('has the thirteen rows in their order, and the last matches everything', () => {
    expect(TABLE.map(({ row }) => row)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  });

  it('1: an invalid document keeps its last valid form; what serves keeps serving', () => {
    const broken = { kind: 'Component', namespace: 'shop', name: 'cart', file: 'cart.yaml', problems: [] };
    const fleet = proven()
      .push(desired('a2', [], { invalid: [broken] }))
      .run(3_000);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([1, 'InvalidManifest']);
    expect(fleet.isProven('cart', 'v1')).toBe(true);
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
  });

  it('1: a document that was never valid harms nobody', () => {
    const broken = { kind: 'Component', namespace: 'shop', name: 'new', file: 'new.yaml', problems: [] };
    const fleet = proven()
      .push(desired('a2', [cart('v1')], { invalid: [broken] }))
      .run(1_000);
    expect([fleet.row('new'), fleet.row('cart')]).toEqual([1, 3]);
  });

  it('1: a broken route keeps its matches, but for one that a valid route has taken over', () => {
    const broken = { kind: 'Route', namespace: 'shop', name: 'cart', file: 'cart.yaml', problems: [] };
    const owners = (wanted: Desired): readonly string[] =>
      proven()
        .push(wanted)
        .run(60_000)
        .engine.snapshot!.rules.map((rule) => `${rule.match.path.value} ${rule.entry}`)
        .sort();
    const orphan = cart('v1', { paths: [] });
    expect(owners(desired('a2', [orphan, entry('more')], { invalid: [broken] }))).toEqual([
      '/cart shop/cart',
      '/more shop/more',
    ]);
    expect(owners(desired('a2', [orphan, entry('more', { paths: ['/cart'] })], { invalid: [broken] }))).toEqual([
      '/cart shop/more',
    ]);
  });

  it('2: a deleted entry leaves the routes, then drains and stops; its ledger is kept', () => {
    const fleet = proven()
      .push(commit('a2', cart('v1'), entry('more')))
      .run(20_000);
    fleet.push(commit('a3', entry('more'))).run(200);
    expect(fleet.row('cart')).toBe(2);
    fleet.run(2_000);
    expect(fleet.engine.snapshot!.rules.map((rule) => rule.entry)).toEqual(['shop/more']);
    expect([...fleet.engine.replicas.values()].map((replica) => replica.cell.entry)).toEqual(['shop/more']);
    expect(fleet.of('cart').ledger).toHaveLength(1);
    // Of what is gone, neither status nor metrics speak: an alert on "not Ready" would never end.
    expect(fleet.last!.entries.map(({ key }) => key)).toEqual(['shop/more']);
    fleet.push(commit('a4', cart('v1'), entry('more'))).tick();
    expect([fleet.row('cart'), fleet.last!.entries.length]).toEqual([7, 2]);
  });

  it('3: desired = serving cancels a candidate at once', () => {
    const fleet = proven()
      .push(commit('a2', cart('v2')))
      .until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.push(commit('a3', cart('v1'))).tick();
    expect([fleet.row('cart'), fleet.of('cart').candidate]).toEqual([3, undefined]);
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    expect(fleet.said('Reverted')).toHaveLength(1);
  });

  it('3: after a failure the revert is Reverted and the commit a success', () => {
    const fleet = proven()
      .behave('v2', { failures: 1 })
      .push(commit('a2', cart('v2')))
      .until((f) => f.of('cart').ends.length > 0);
    fleet.push(commit('a3', cart('v1'))).run(500);
    expect(fleet.reason('cart')).toBe('Reverted');
    expect(fleet.last!.commits.map(({ state }) => state)).toEqual(['Proven', 'RolledBack', 'Proven']);
  });

  it('4: suspend stops the clock of a step: its deadline is as far away afterwards as before', () => {
    const gate = { insufficientData: 'Hold' as const };
    const held = (suspend: boolean) => cart('v2', { gate, more: { suspend } });
    const fleet = proven();
    fleet.engine.rate = 0;
    fleet.push(commit('a2', held(false))).until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.push(commit('a3', held(true))).run(6 * MINUTE_MS);
    fleet.push(commit('a4', held(false))).run(4 * MINUTE_MS);
    expect([fleet.of('cart').candidate?.step, fleet.of('cart').ends]).toEqual([1, []]);
    fleet.run(MINUTE_MS + 1_000);
    expect(fleet.of('cart').ends.map(({ kind }) => kind)).toEqual(['Inconclusive']);
  });

  it('4: suspend stops the clock of a bake: nothing is proven by waiting', () => {
    const baking = (suspend: boolean) => cart('v2', { more: { suspend } });
    const fleet = proven()
      .push(commit('a2', baking(false)))
      .until((f) => f.serves('cart', 'v2'));
    fleet.push(commit('a3', baking(true))).run(MINUTE_MS);
    expect([fleet.serves('cart', 'v2'), fleet.isProven('cart', 'v2')]).toEqual([true, false]);
    fleet.push(commit('a4', baking(false))).until((f) => f.isProven('cart', 'v2'), 6_000);
  });

  it('4: suspend holds weights; hard stops still roll back', () => {
    const fleet = proven()
      .push(commit('a2', cart('v2')))
      .until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.push(commit('a3', cart('v2', { more: { suspend: true } }))).run(MINUTE_MS);
    expect([fleet.row('cart'), fleet.of('cart').candidate?.weight]).toEqual([4, 20]);
    fleet.behave('v2', { failures: 1 }).run(2_000);
    expect(fleet.of('cart').candidate).toBeUndefined();
    expect(fleet.of('cart').ends[0]!.kind).toBe('Failed');
  });

  it('4: a release is not started while suspended, and starts when that is taken back', () => {
    const fleet = proven()
      .push(commit('a2', cart('v2', { more: { suspend: true } })))
      .run(5_000);
    expect([fleet.row('cart'), fleet.of('cart').candidate]).toEqual([4, undefined]);
    fleet.push(commit('a3', cart('v2'))).until((f) => f.isProven('cart', 'v2'));
  });

  it('5: an emergency that names the release goes at readiness, out of quarantine, and only once', () => {
    const fleet = proven()
      .behave('v2', { failures: 1 })
      .push(commit('a2', cart('v2')))
      .until((f) => f.of('cart').ends.length > 0);
    const emergency = { revision: revisionOf(cart('v2')).slice(0, 12), reason: 'the old one leaks' };
    fleet
      .behave('v2', {})
      .push(commit('a3', cart('v2', { rollout: { emergency } })))
      .tick();
    expect(fleet.row('cart')).toBe(5);
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.rows.get('shop/cart')).toEqual([7, 3, 13, 12, 6, 5, 3]);
  });

  it('5: the same words do not start again what ended under them', () => {
    const emergency = { revision: revisionOf(cart('v2')).slice(0, 12), reason: 'now' };
    const fleet = proven()
      .behave('v2', { failures: 1 })
      .push(commit('a2', cart('v2', { rollout: { emergency } })));
    fleet.until((f) => f.of('cart').ends.length > 0).run(60_000);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([6, 'Quarantined']);
    expect(fleet.said('Quarantined')).toHaveLength(1);
  });

  it('5: fewer than twelve digits name nothing', () => {
    const emergency = { revision: revisionOf(cart('v2')).slice(0, 11), reason: 'now' };
    const fleet = proven()
      .push(commit('a2', cart('v2', { rollout: { emergency } })))
      .run(300);
    expect(fleet.row('cart')).toBe(12);
  });

  it('6: a quarantined attempt is not started again, over restarts and unrelated commits', () => {
    const fleet = proven()
      .behave('v2', { failures: 1 })
      .push(commit('a2', cart('v2')))
      .until((f) => f.of('cart').ends.length > 0);
    fleet
      .restartControl(5_000)
      .push(commit('a3', cart('v2', { more: { labels: { x: 'y' } } })))
      .run(60_000);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([6, 'Quarantined']);
    expect(fleet.of('cart').candidate).toBeUndefined();
  });

  it('6: refusals of the manifest hold it, and name their remedy', () => {
    const refusal = problem('HW2111', 'it asks for the network', { remedy: 'grant it' });
    const fleet = proven()
      .push(commit('a2', cart('v2', { more: { refusals: [refusal] } })))
      .run(1_000);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([6, 'Refused']);
    expect(fleet.status('cart').conditions[0]!.message).toContain('grant it');
  });

  it('7: the first deployment takes all traffic at readiness', () => {
    const fleet = new Fleet(commit('a1', cart('v1')));
    fleet.tick();
    expect([fleet.row('cart'), fleet.engine.snapshot!.rules[0]!.unavailable?.reason]).toEqual([7, 'FirstDeployment']);
    fleet.until((f) => f.isProven('cart', 'v1'));
    expect(fleet.rows.get('shop/cart')).toEqual([7, 3]);
  });

  it('7: never ready is a 503 with the reason', () => {
    const fleet = new Fleet(commit('a1', cart('v1'))).behave('v1', { readyAfterMs: 'never' });
    fleet.until((f) => f.of('cart').ends.length > 0).run(500);
    expect(fleet.engine.snapshot!.rules[0]).toMatchObject({ arms: [], unavailable: { reason: 'Quarantined' } });
  });

  it('8: a proven release comes back without steps; what it takes out walks its steps again', () => {
    const fleet = proven()
      .push(commit('a2', cart('v2')))
      .until((f) => f.isProven('cart', 'v2'));
    fleet.push(commit('a3', cart('v1'))).tick();
    expect(fleet.row('cart')).toBe(8);
    fleet
      .until((f) => f.isProven('cart', 'v1'))
      .push(commit('a4', cart('v2')))
      .tick();
    expect(fleet.row('cart')).toBe(13);
  });

  it.each([
    ['its bytes are gone', (fleet: Fleet) => fleet.local.clear(), {}],
    ['it is too old', (fleet: Fleet) => void (fleet.wallMs += 721 * 60 * MINUTE_MS), {}],
    [
      'it is not among the last revisions',
      () => undefined,
      { settings: { history: { revisions: 1, maxAgeMs: 720 * 60 * MINUTE_MS } } },
    ],
  ])('8: not where %s', (_, change, wanted) => {
    const fleet = proven()
      .push(commit('a2', cart('v2')))
      .until((f) => f.isProven('cart', 'v2'));
    change(fleet);
    fleet.push(commit('a3', cart('v1', wanted))).tick();
    expect(fleet.row('cart')).toBe(13);
  });

  it('9: three rollbacks in an hour open the breaker; it closes by time', () => {
    const fleet = proven();
    for (const content of ['v2', 'v3', 'v4']) {
      fleet.behave(content, { failures: 1 }).push(commit(`b${content}`, cart(content)));
      fleet.until((f) => f.of('cart').ends.some((end) => end.commit.startsWith(`b${content}`)));
    }
    fleet.push(commit('a5', cart('v5'))).run(1_000);
    expect([fleet.row('cart'), fleet.reason('cart')]).toEqual([9, 'BreakerOpen']);
    fleet.memory = { ...fleet.memory, clockMs: fleet.memory.clockMs + 60 * MINUTE_MS };
    fleet.until((f) => f.isProven('cart', 'v5'));
  });

  it('10: a freeze window takes a candidate back unquarantined and lets it start afterwards', () => {
    const window = {
      name: 'noon',
      schedule: '1 12 * * *',
      durationMs: 5 * MINUTE_MS,
      timeZone: 'UTC',
      namespaces: ['shop'],
    };
    const frozen = (id: string, content: string) =>
      desired(id, [cart(content)], { environment: { freezeWindows: [window] } });
    const fleet = new Fleet(frozen('a1', 'v1')).until((f) => f.isProven('cart', 'v1'));
    fleet.until((f) => f.wallMs % (60 * MINUTE_MS) >= 56_000);
    fleet.push(frozen('a2', 'v2')).until((f) => f.of('cart').candidate?.state === 'Canary');
    fleet.until((f) => f.row('cart') === 10);
    expect(new Date(fleet.wallMs - 100).toISOString()).toBe('2026-11-23T12:01:00.000Z');
    expect([fleet.of('cart').candidate, fleet.of('cart').ends.length]).toEqual([undefined, 0]);
    fleet.until((f) => f.isProven('cart', 'v2'), 6 * MINUTE_MS);
  });

  it('11: with serving down, desired takes all traffic when it is ready', () => {
    const fleet = proven().behave('v1', { crashesAfterMs: 1 });
    for (const replica of fleet.engine.replicas.keys()) fleet.engine.crash(replica);
    fleet
      .run(300)
      .push(commit('a2', cart('v2')))
      .until((f) => f.serves('cart', 'v2'));
    expect(fleet.rows.get('shop/cart')).toContain(11);
    expect(fleet.rows.get('shop/cart')).not.toContain(12);
  });

  it('12 and 13: a new release starts at its first step and goes on', () => {
    const fleet = proven().push(commit('a2', cart('v2')));
    fleet.tick();
    expect(fleet.row('cart')).toBe(13);
    fleet.tick();
    expect(fleet.row('cart')).toBe(12);
  });

  it('13: a newer desired preempts; three in a row are starved', () => {
    const fleet = proven();
    for (const content of ['v2', 'v3', 'v4', 'v5']) fleet.push(commit(`b${content}`, cart(content))).run(1_000);
    expect(fleet.reason('cart')).toBe('Starved');
    expect(fleet.of('cart').candidate?.release.entry.members[0].artifact).toBe(cart('v5').members[0].artifact);
    fleet.until((f) => f.isProven('cart', 'v5'));
    expect(fleet.of('cart').preemptions).toBe(0);
    expect(fleet.last!.commits.map(({ state }) => state)).toEqual([
      'Proven',
      'Superseded',
      'Superseded',
      'Superseded',
      'Proven',
    ]);
  });

  it('decides the same from the same', () => {
    const play = () =>
      proven()
        .push(commit('a2', cart('v2')))
        .run(5_000);
    expect(JSON.stringify(play().last)).toBe(JSON.stringify(play().last));
  });
});
