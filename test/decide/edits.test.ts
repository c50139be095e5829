import { describe, expect, it } from 'vitest';
import type { CanaryStep } from '../../src/model/rollout.ts';
import { desired, entry, GATE, STEPS, type Wanted } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string, wanted: Wanted = {}) => entry('cart', { content, ...wanted });
const steps = (...weights: readonly number[]): Wanted => ({
  settings: {
    strategy: {
      type: 'Canary',
      steps: weights.map((weight): CanaryStep => ({ ...STEPS[0]!, weight, minDurationMs: 60_000 })),
    },
  },
});

/** v2 at the second of its steps, half way. */
function atStepTwo(): Fleet {
  const slow = {
    settings: { strategy: { type: 'Canary' as const, steps: [STEPS[0]!, { ...STEPS[1]!, minDurationMs: 60_000 }] } },
  };
  const fleet = new Fleet(desired('a1', [cart('v1')])).until((f) => f.isProven('cart', 'v1'));
  return fleet
    .push(desired('a2', [cart('v2', slow)]))
    .until((f) => f.of('cart').candidate?.step === 2)
    .run(3_000);
}

describe('edits during a rollout of the same release', () => {
  it('gate: stays at its weight, with fresh samples', () => {
    const fleet = atStepTwo();
    const before = fleet.of('cart').candidate!;
    const slow = before.release.entry.rollout.settings;
    fleet.push(desired('a3', [cart('v2', { settings: slow, gate: { minSamples: GATE.minSamples + 1 } })])).tick();
    const after = fleet.of('cart').candidate!;
    expect([after.step, after.weight, after.attempt === before.attempt]).toEqual([2, 50, false]);
    expect(after.trial.whole.candidate.requests).toBeLessThan(before.trial.whole.candidate.requests);
  });

  it.each<readonly [string, readonly number[], number, number]>([
    ['a finer row of steps', [10, 30, 50, 80], 3, 50],
    ['the last step that is not above the present weight', [10, 40, 80], 2, 40],
    ['none is low enough: the present weight is held and tested', [60, 90], 0, 50],
  ])('steps: %s', (_, weights, step, weight) => {
    const fleet = atStepTwo().push(desired('a3', [cart('v2', steps(...weights))]));
    fleet.tick();
    expect([fleet.of('cart').candidate!.step, fleet.of('cart').candidate!.weight]).toEqual([step, weight]);
    fleet.run(5_000);
    expect(fleet.engine.snapshot!.rules[0]!.arms.map((arm) => arm.weight)).toEqual([100 - weight, weight]);
  });

  it.each<readonly [string, Wanted, boolean]>([
    ['retry', { rollout: { retry: 1 } }, true],
    ['probes', { more: { probes: { readiness: { ...entry('x').probes.readiness!, periodMs: 50 } } } }, false],
  ])('%s: step 1 with the warm candidate', (_, wanted, sameCells) => {
    const fleet = atStepTwo();
    const slow = fleet.of('cart').candidate!.release.entry.rollout.settings;
    const replicas = [...fleet.engine.replicas.keys()];
    fleet.push(desired('a3', [cart('v2', { settings: slow, ...wanted })])).tick();
    expect(fleet.of('cart').candidate).toMatchObject({ weight: expect.any(Number), step: expect.any(Number) });
    expect(fleet.of('cart').candidate!.weight).toBeLessThanOrEqual(20);
    fleet.run(500);
    expect(fleet.of('cart').candidate).toMatchObject({ state: 'Canary', step: 1, weight: 20 });
    // New probes are tried by a new replica, which takes over when it is ready.
    expect(replicas.every((id) => fleet.engine.replicas.has(id))).toBe(sameCells);
  });

  it('strategy type: Immediate switches the warm candidate when it is ready, which raises nothing by itself', () => {
    const fleet = atStepTwo().push(desired('a3', [cart('v2', { settings: { strategy: { type: 'Immediate' } } })]));
    fleet.until((f) => f.isProven('cart', 'v2'));
    expect(fleet.of('cart').preemptions).toBe(0);
  });

  it('approvals, labels and scaling touch neither weight nor samples', () => {
    const fleet = atStepTwo();
    const before = fleet.of('cart').candidate!;
    const slow = before.release.entry.rollout.settings;
    const approvals = [{ name: 'boss', revision: 'abcdefabcdef' }];
    fleet
      .push(desired('a3', [cart('v2', { settings: slow, rollout: { approvals }, more: { labels: { a: 'b' } } })]))
      .tick();
    const after = fleet.of('cart').candidate!;
    expect([after.step, after.weight, after.attempt]).toEqual([2, 50, before.attempt]);
    expect(after.trial.whole.candidate.requests).toBeGreaterThanOrEqual(before.trial.whole.candidate.requests);
  });

  it('a change of secret versions alone goes on at the same step with fresh samples, and against serving needs none', () => {
    const secret = (version: string): Wanted => ({ member: { secretVersions: [{ secret: 'pay', version }] } });
    const fleet = new Fleet(desired('a1', [cart('v1', secret('1'))]));
    fleet.until((f) => f.isProven('cart', 'v1'));
    fleet
      .push(desired('a2', [cart('v1', secret('2'))]))
      .until((f) => f.isProven('cart', 'v1') && f.of('cart').ledger.length === 2);
    expect(fleet.events.some((event) => event.message.includes('at step'))).toBe(false);
  });
});
