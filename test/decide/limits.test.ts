/** Limits that were hit: a condition for a while, numbers for as long as the engine lives. */
import { describe, expect, it } from 'vitest';
import { LIMITS_TOLD_MS } from '../../src/decide/limits.ts';
import type { LimitHits, LimitName } from '../../src/model/limits.ts';
import { desired, entry } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const proven = (): Fleet =>
  new Fleet(desired('a1', [entry('cart', { content: 'v1' })])).until((fleet) => fleet.isProven('cart', 'v1'));
const within = (fleet: Fleet) => fleet.status('cart').conditions.find(({ type }) => type === 'WithinLimits');
const others = (fleet: Fleet) => fleet.status('cart').conditions.filter(({ type }) => type !== 'WithinLimits');

function hit(fleet: Fleet, limit: LimitName, hits = 1, more: Partial<LimitHits> = {}): void {
  fleet.engine.limitHits.push({ entry: 'shop/cart', limit, hits, lastWallMs: fleet.wallMs, ...more });
}

describe('limits that were hit', () => {
  it('are a condition that names them, how often, when last and what to do, and nothing else changes', () => {
    const fleet = proven();
    const before = others(fleet);
    expect(within(fleet)).toBeUndefined();
    hit(fleet, 'queue', 12);
    hit(fleet, 'logBytesPerSecond', 1, { bytes: 700 });
    const at = new Date(fleet.wallMs).toISOString();
    fleet.tick();
    expect(within(fleet)).toMatchObject({ status: 'False', reason: 'LimitsHit' });
    expect(within(fleet)!.message).toBe(
      `limits.queue was hit 12 times, last at ${at}: a call was turned away because the queue was full; to mend it, ` +
        'raise spec.limits.queue, spec.limits.concurrency or spec.scaling.maxReplicas. ' +
        `limits.logBytesPerSecond was hit once (700 bytes), last at ${at}: output was dropped; to mend it, ` +
        'raise spec.limits.logBytesPerSecond',
    );
    expect(others(fleet)).toEqual(before);
    expect(fleet.status('cart').limits).toMatchObject([
      { limit: 'queue', hits: 12, lastAt: at },
      { limit: 'logBytesPerSecond', hits: 1, bytes: 700 },
    ]);
  });

  it('of calls that waited and instances that were replaced, the condition stays True', () => {
    const fleet = proven();
    hit(fleet, 'concurrency', 3);
    hit(fleet, 'requestsPerInstance');
    fleet.tick();
    expect(within(fleet)).toMatchObject({ status: 'True', reason: 'LimitsHit' });
    hit(fleet, 'handles');
    fleet.tick();
    expect(within(fleet)!.status).toBe('False');
  });

  it('are told for so long after the last time, and counted on', () => {
    const fleet = proven();
    hit(fleet, 'handles');
    const start = fleet.wallMs;
    fleet.tick();
    const { since } = within(fleet)!;
    fleet.run(LIMITS_TOLD_MS - (fleet.wallMs - start) - 200);
    expect(within(fleet)).toMatchObject({ since });
    fleet.run(400);
    expect(within(fleet)).toBeUndefined();
    expect(fleet.status('cart').limits).toMatchObject([{ limit: 'handles', hits: 1 }]);
  });

  it('of another entry are not its own', () => {
    const fleet = proven();
    hit(fleet, 'handles', 1, { entry: 'shop/checkout' });
    fleet.tick();
    expect([within(fleet), fleet.status('cart').limits]).toEqual([undefined, undefined]);
  });
});
