import { describe, expect, it } from 'vitest';
import { decide } from '../../src/decide/index.ts';
import { desired, entry } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

describe('what people see of a candidate', () => {
  it('is since when in whole milliseconds, however fine the clock is', () => {
    const fleet = new Fleet(desired('a1', [entry('cart', { content: 'v1' })])).until((f) => f.isProven('cart', 'v1'));
    fleet.push(desired('a2', [entry('cart', { content: 'v2' })])).until((f) => f.of('cart').candidate?.step === 1);
    const observed = {
      engine: fleet.engine.observed(),
      preparations: new Map(),
      local: fleet.local,
      refusedStarts: [],
      commits: [],
    };
    const { lastMonotonicMs = 0 } = fleet.memory;
    const now = { wallMs: fleet.wallMs, monotonicMs: lastMonotonicMs + 123.456789 };
    const { candidate } = decide(fleet.desired, observed, fleet.memory, now).entries[0]!;
    expect(candidate?.inStateMs).toBe(Math.round(candidate!.inStateMs));
    expect(candidate?.inStateMs).toBeGreaterThan(100);
  });
});
