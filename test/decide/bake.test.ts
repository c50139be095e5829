import { describe, expect, it } from 'vitest';
import { JUDGE_AFTER_MS } from '../../src/decide/bake.ts';
import { desired, entry, MINUTE_MS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string, wanted: Wanted = {}) => entry('cart', { content, ...wanted });
const long = { settings: { bake: { durationMs: 60_000, deadlineMs: 10 * MINUTE_MS } } };

function proven(): Fleet {
  return new Fleet(desired('a1', [cart('v1')])).until((fleet) => fleet.isProven('cart', 'v1'));
}

describe('a bake', { timeout: 60_000 }, () => {
  it('goes back first, in the decision that sees the hard stop, then judges', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2', long)]))
      .until((f) => f.serves('cart', 'v2'))
      .run(1_000);
    fleet.behave('v2', { failures: 1 });
    fleet.until((f) => f.last!.events.some((event) => event.reason === 'RolledBack'));
    const publish = fleet.last!.actions.find((action) => action.type === 'Publish');
    expect(publish?.snapshot.rules[0]!.arms).toMatchObject([
      { weight: 100, release: fleet.of('cart').serving!.release.release },
    ]);
    expect([fleet.serves('cart', 'v1'), fleet.of('cart').ends]).toEqual([true, []]);
    fleet.run(JUDGE_AFTER_MS - 2_000);
    expect([fleet.row('cart'), fleet.reason('cart'), fleet.of('cart').ends]).toEqual([6, 'RolledBack', []]);
    fleet.run(2_500);
    expect([fleet.reason('cart'), fleet.of('cart').ends[0]!.kind]).toEqual(['Quarantined', 'Failed']);
  });

  it('judges what was being judged when another bake fails after it', () => {
    const fleet = proven()
      .behave('v2', { failuresLater: { afterMs: 6_000, share: 1 } })
      .behave('v3', { failuresLater: { afterMs: 6_000, share: 1 } });
    const quick = { settings: { ...long.settings, strategy: { type: 'Immediate' as const } } };
    fleet.push(desired('a2', [cart('v2', quick)])).until((f) => f.of('cart').judging !== undefined);
    fleet.push(desired('a3', [cart('v3', quick)])).until((f) => f.said('RolledBack').length === 2);
    fleet.run(JUDGE_AFTER_MS + 1_000);
    expect(fleet.of('cart').ends.map((end) => [end.commit.slice(0, 2), end.kind])).toEqual([
      ['a3', 'Failed'],
      ['a2', 'Failed'],
    ]);
  });

  it('with nothing behind it serves on: Degraded, not in the ledger, never unrouted', () => {
    const fleet = new Fleet(desired('a1', [cart('v1')])).behave('v1', { failures: 1 });
    fleet.until((f) => f.said('Degraded').length > 0).run(5_000);
    expect([fleet.reason('cart'), fleet.of('cart').ledger, fleet.of('cart').ends]).toEqual(['Degraded', [], []]);
    expect(fleet.engine.snapshot!.rules[0]!.arms).toHaveLength(1);
    fleet
      .behave('v1', {})
      .push(desired('a2', [cart('v1', { rollout: { retry: 1 } })]))
      .until((f) => f.isProven('cart', 'v1'));
  });

  it('that a newer desired ends leaves no proof; the last proven stays warm until a later one is', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2', long)]))
      .until((f) => f.serves('cart', 'v2'))
      .run(1_000);
    fleet.push(desired('a3', [cart('v3')])).until((f) => f.serves('cart', 'v3'));
    const warm = fleet.of('cart').warm.map((release) => release.entry.members[0].artifact);
    expect(warm).toEqual([cart('v2').members[0].artifact, cart('v1').members[0].artifact]);
    expect(fleet.of('cart').ledger).toHaveLength(1);
    fleet.until((f) => f.isProven('cart', 'v3')).run(3_000);
    expect([fleet.of('cart').warm, fleet.engine.replicas.size]).toEqual([[], 1]);
  });

  it('begins again when git comes back to it', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2', long)]))
      .until((f) => f.serves('cart', 'v2'))
      .run(1_000);
    fleet.push(desired('a3', [cart('v3')])).run(300);
    expect(fleet.of('cart').serving!.bake!.state).toBe('Preempted');
    fleet.push(desired('a4', [cart('v2', long)])).run(300);
    expect(fleet.of('cart').serving!.bake!.state).toBe('Watching');
    fleet.until((f) => f.isProven('cart', 'v2'));
  });

  it('of triggers alone keeps the cells, and goes back with them', () => {
    const moved = cart('v1', { paths: ['/cart', '/basket'] });
    const fleet = proven();
    const [replica] = [...fleet.engine.replicas.keys()];
    fleet.push(desired('a2', [moved])).until((f) => f.engine.snapshot!.rules.length === 2);
    expect([...fleet.engine.replicas.keys()]).toEqual([replica]);
    fleet.behave('v1', { failures: 1 }).until((f) => f.engine.snapshot!.rules.length === 1);
    expect([...fleet.engine.replicas.keys()]).toEqual([replica]);
  });

  it('counts no time while control is down', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2', long)]))
      .until((f) => f.serves('cart', 'v2'))
      .run(5_000);
    const before = fleet.memory.clockMs;
    fleet.restartControl(30 * MINUTE_MS).tick();
    expect(fleet.memory.clockMs).toBe(before);
    fleet.run(40_000);
    expect(fleet.isProven('cart', 'v2')).toBe(false);
    fleet.run(20_000);
    expect(fleet.isProven('cart', 'v2')).toBe(true);
  });
});

describe('a bake in which nothing serves beside it', { timeout: 60_000 }, () => {
  const bake = { durationMs: 10_000, deadlineMs: 10 * MINUTE_MS };
  const gate = { latency: { percentile: 0.99, maxIncreaseOverStable: 1 } };
  const careful = (content: string) => cart(content, { settings: { bake }, gate });
  const baking = (): Fleet =>
    new Fleet(desired('a1', [careful('v1')]))
      .until((fleet) => fleet.isProven('cart', 'v1'))
      .push(desired('a2', [careful('v2')]))
      .until((fleet) => fleet.serves('cart', 'v2'))
      .run(2_000);

  it('is not taken back for a moment in which the whole machine was slow: a second look decides', () => {
    const fleet = baking().behave('v2', { latencyUs: 300_000 }).run(1_000).behave('v2', {});
    fleet.until((f) => f.said('Baking').some(({ message }) => message.includes('is looked at again')));
    const told = fleet.status('cart').conditions[0]!.message;
    expect(told).toMatch(/a second look: \d+s of 20s/);
    fleet.restartControl().until((f) => f.of('cart').serving!.bake === undefined);
    expect([fleet.isProven('cart', 'v2'), fleet.said('RolledBack'), fleet.of('cart').ends]).toEqual([true, [], []]);
  });

  it('is taken back for a tail that is there at the second look as well', () => {
    const fleet = baking().behave('v2', { latencyUs: 300_000 });
    const began = fleet.memory.clockMs;
    fleet.until((f) => f.said('RolledBack').length > 0);
    expect(fleet.memory.clockMs - began).toBeGreaterThan(bake.durationMs);
    expect(fleet.said('RolledBack')[0]!.message).toMatch(/latency p99 .* in a second look as well/);
    expect(fleet.serves('cart', 'v1')).toBe(true);
  });

  it('that begins again while it is looked at a second time ends with that look', () => {
    const fleet = baking().behave('v2', { latencyUs: 300_000 }).run(1_000).behave('v2', {});
    fleet.until((f) => f.said('Baking').some(({ message }) => message.includes('is looked at again')));
    fleet.push(desired('a3', [careful('v3')])).run(300);
    fleet.push(desired('a4', [careful('v2')])).run(300);
    expect(fleet.of('cart').serving!.bake).toMatchObject({ state: 'Watching' });
    const began = fleet.memory.clockMs;
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.memory.clockMs - began).toBeLessThanOrEqual(bake.durationMs);
  });

  it('looks a second time at its deadline at the latest', () => {
    const short = { settings: { bake: { durationMs: 10_000, deadlineMs: 12_000 } }, gate };
    const fleet = baking().push(desired('a3', [cart('v3', short)]));
    fleet.until((f) => f.serves('cart', 'v3')).behave('v3', { latencyUs: 300_000 });
    const began = fleet.memory.clockMs;
    fleet.until((f) => f.said('RolledBack').length > 0);
    expect(fleet.memory.clockMs - began).toBeLessThanOrEqual(12_100);
  });

  it('is taken back when nobody came to say otherwise', () => {
    const fleet = baking().behave('v2', { latencyUs: 300_000 }).run(1_000).behave('v2', {});
    fleet.until((f) => f.said('Baking').some(({ message }) => message.includes('is looked at again')));
    fleet.engine.rate = 0;
    fleet.until((f) => f.said('RolledBack').length > 0);
    expect(fleet.said('RolledBack')[0]!.message).toMatch(/latency p99 .* a second look had too few to say otherwise/);
  });
});

describe('what a bake has to judge by is said', () => {
  const message = (fleet: Fleet) => fleet.status('cart').conditions[0]!.message;
  /** Nothing that the runtime could ask by itself. */
  const alone = (requestsPerSecond: number, gate: Wanted['gate'] = {}): Fleet => {
    const settings = { strategy: { type: 'Immediate' as const }, bake: { durationMs: 5_000, deadlineMs: 20_000 } };
    const more = { probes: {} };
    const fleet = new Fleet(
      desired('a1', [cart('v1', { settings, gate: { insufficientData: 'Hold', ...gate }, more })]),
    );
    fleet.engine.rate = requestsPerSecond;
    return fleet.until((f) => f.serves('cart', 'v1'));
  };
  const hint = 'for nobody called it; a readiness probe or gate.synthetic gives the runtime something to ask';

  it('also where it is nothing: while it lasts, and after it', () => {
    const fleet = alone(0).run(2_000);
    expect([fleet.reason('cart'), message(fleet)]).toEqual([
      'Baking',
      expect.stringMatching(new RegExp(` has all traffic: 2s of 5s, no sample yet, ${hint}$`)),
    ]);
    fleet.until((f) => f.reason('cart') === 'Inconclusive');
    expect(message(fleet)).toContain(`serves; its bake ended without proof: it had no sample, ${hint}`);
    expect(fleet.of('cart').ledger).toEqual([]);
  });

  it('and where its first requests do not count', () => {
    const fleet = alone(10, { warmUp: { requests: 50, durationMs: 10_000 } }).run(2_000);
    expect(message(fleet)).toMatch(/ no sample yet: its first \d+ requests warm it up and do not count$/);
  });

  it('and where it is too little', () => {
    const fleet = alone(2, { warmUp: { requests: 1, durationMs: 0 } }).run(4_000);
    expect(message(fleet)).toMatch(/ has all traffic: 4s of 5s, \d of at least 100 samples$/);
    fleet.until((f) => f.reason('cart') === 'Inconclusive');
    expect(message(fleet)).toMatch(/its bake ended without proof: \d\d of at least 100 samples$/);
  });

  it('and nothing but the number where it is enough', () => {
    const fleet = alone(200, { warmUp: { requests: 1, durationMs: 0 } }).run(2_000);
    expect(message(fleet)).toMatch(/ has all traffic: 2s of 5s, \d{3} samples$/);
  });
});
