import { describe, expect, it } from 'vitest';
import { decide } from '../../src/decide/index.ts';
import { EMPTY_MEMORY, MAX_COMMITS, MAX_ENDS, resumeMemory } from '../../src/decide/memory.ts';
import type { Json } from '../../src/kit/json.ts';
import type { Memory } from '../../src/model/memory.ts';
import { partsOf } from '../../src/model/memory-parts.ts';
import { desired, entry, MINUTE_MS } from './support/desired.ts';
import { Fleet } from './support/fleet.ts';

const cart = (content: string) =>
  entry('cart', { content, settings: { breaker: { maxRollbacks: 1_000, windowMs: MINUTE_MS } } });
const proven = () => new Fleet(desired('a1', [cart('v1')])).until((fleet) => fleet.isProven('cart', 'v1'));

describe('the memory', () => {
  it('decides the same after it went through the journal', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2')]))
      .until((f) => f.of('cart').candidate?.step === 2);
    const observed = {
      engine: fleet.engine.observed(),
      preparations: new Map(),
      local: fleet.local,
      refusedStarts: [],
      commits: [],
    };
    const now = { wallMs: fleet.wallMs, monotonicMs: 9 };
    const plain = { ...fleet.memory, lastMonotonicMs: undefined };
    const through = resumeMemory(JSON.parse(JSON.stringify(fleet.memory)) as Json)!;
    expect(JSON.stringify(decide(fleet.desired, observed, through, now))).toBe(
      JSON.stringify(decide(fleet.desired, observed, plain, now)),
    );
  });

  it('is never changed by a decision, nor is anything else that it is given', () => {
    const fleet = proven()
      .push(desired('a2', [cart('v2')]))
      .run(1_000);
    const freeze = <T>(value: T): T => {
      if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
        Object.freeze(value);
        Object.values(value).forEach(freeze);
      }
      return value;
    };
    const observed = freeze({
      engine: fleet.engine.observed(),
      preparations: new Map(),
      local: fleet.local,
      refusedStarts: [],
      commits: [],
    });
    const now = freeze({ wallMs: fleet.wallMs, monotonicMs: 9 });
    expect(() => decide(freeze(fleet.desired), observed, freeze(fleet.memory), now)).not.toThrow();
  });

  it.each<readonly [string, Json | undefined]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['another version', { ...EMPTY_MEMORY, version: 2 } as unknown as Json],
    ['another form of the identities', { ...EMPTY_MEMORY, identity: 2 } as unknown as Json],
  ])('is not guessed from %s', (_, value) => {
    expect(resumeMemory(value)).toBeUndefined();
  });

  it('keeps so many ends and commits and no more', { timeout: 60_000 }, () => {
    const fleet = proven();
    for (let count = 0; count < MAX_ENDS + 1; count++) {
      fleet.behave(`bad-${count}`, { failures: 1 }).push(desired(`b${count}x`, [cart(`bad-${count}`)]));
      fleet.until((f) => f.of('cart').ends.some((end) => end.commit.startsWith(`b${count}x`)));
    }
    expect(fleet.of('cart').ends).toHaveLength(MAX_ENDS);
    for (let count = 0; count < MAX_COMMITS + 1; count++) fleet.push(desired(`c${count}x`, [cart('v1')])).run(100);
    expect(fleet.memory.commits).toHaveLength(MAX_COMMITS);
  });

  it('stays small over many rollouts', { timeout: 60_000 }, () => {
    const fleet = proven();
    const sizeOf = (memory: Memory) => JSON.stringify(memory).length;
    for (let count = 0; count < 12; count++)
      fleet.push(desired(`d${count}x`, [cart(`good-${count}`)])).until((f) => f.isProven('cart', `good-${count}`));
    const twelve = sizeOf(fleet.memory);
    for (let count = 12; count < 16; count++)
      fleet.push(desired(`d${count}x`, [cart(`good-${count}`)])).until((f) => f.isProven('cart', `good-${count}`));
    expect(fleet.of('cart').ledger).toHaveLength(10);
    expect(sizeOf(fleet.memory) / twelve).toBeLessThan(1.1);
  });

  it('keeps the very value of what did not change, so that the journal writes nothing of it', () => {
    const both = [cart('v1'), entry('tea', { content: 't1' })];
    const fleet = new Fleet(desired('e1', both)).until((f) => f.isProven('cart', 'v1') && f.isProven('tea', 't1'));
    fleet.engine.rate = 0;
    fleet.run(1_000);
    const quiet = partsOf(fleet.memory as never);
    fleet.run(60_000);
    const later = partsOf(fleet.memory as never);
    const changed = () => Object.keys(later).filter((part) => later[part] !== quiet[part]);
    // Taken apart anew each time; they say the same, and the journal then touches no row.
    const split = { commits: quiet['commits'], snapshot: quiet['snapshot'] };
    expect(later).toMatchObject(split);
    expect(changed().sort()).toEqual(['clockMs', 'commits', 'lastMonotonicMs', 'snapshot']);

    // One entry walks all its way, and the other is not touched.
    fleet.push(desired('e2', [cart('v2'), both[1]!])).until((f) => f.isProven('cart', 'v2'));
    expect(fleet.memory.entries['shop/cart']).not.toBe(quiet['entries/shop/cart']);
    expect(fleet.memory.entries['shop/tea']).toBe(quiet['entries/shop/tea']);
  });
});
