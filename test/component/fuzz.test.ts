import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../src/component/admission/admit.ts';
import { suspensionOf } from '../../src/component/reach/waiting.ts';
import { CODES } from '../../src/model/codes.ts';
import { example, memberOf, MIB, openWorkshop, type Workshop } from './support.ts';

const REAL = ['greeting-v1', 'testbed-managed', 'testbed-records'].map(example);

/** A real component with some of its bytes changed, or cut. */
const damaged = fc
  .record({
    base: fc.constantFrom(...REAL),
    flips: fc.array(
      fc.record({ at: fc.double({ min: 0, max: 0.999_999, noNaN: true }), by: fc.integer({ min: 1, max: 255 }) }),
      {
        maxLength: 4,
      },
    ),
    kept: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 3 }),
  })
  .map(({ base, flips, kept }) => {
    const bytes = Uint8Array.from(base);
    for (const { at, by } of flips) bytes[Math.floor(at * bytes.length)]! ^= by;
    return kept === null ? bytes : bytes.subarray(0, Math.floor(kept * bytes.length));
  });

describe('admission is total', () => {
  const ends = (bytes: Uint8Array): void => {
    const result = admit(bytes, 64 * MIB);
    if (!result.ok) {
      expect(CODES[result.error.code].policy).toBe('Terminal');
      return;
    }
    const { exports } = suspensionOf({ ...result.value, blockingImports: ['wasi:io/poll#poll'] });
    expect(result.value.functions).toEqual(expect.arrayContaining([...exports]));
  };
  test('over damaged components', () => {
    expect(fc.check(fc.property(damaged, ends), { numRuns: 2_000 }).counterexample).toBeNull();
  });
  test('over any bytes behind a component’s header', () => {
    const header = Uint8Array.from(REAL[0]!.subarray(0, 8));
    const any = fc.uint8Array({ maxLength: 300 }).map((rest) => Uint8Array.of(...header, ...rest));
    expect(fc.check(fc.property(any, ends), { numRuns: 2_000 }).counterexample).toBeNull();
  });
  test('over every prefix of a small component', () => {
    const bytes = REAL[2]!;
    const codes = new Set<string>();
    for (let length = 0; length < bytes.length; length += 1) {
      const result = admit(bytes.subarray(0, length), 64 * MIB);
      // A cut between two sections leaves a smaller component that is well-formed.
      if (!result.ok) codes.add(result.error.code);
    }
    expect([...codes]).toEqual(['HW2102']);
  });
});

describe('the whole preparation ends in a bundle or a problem, whatever comes', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = openWorkshop();
  });
  afterAll(() => workshop.close());

  test('over damaged components, and a whole one is prepared afterwards', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(damaged, async (bytes) => {
        const result = await workshop.components.prepare(memberOf(await workshop.put(bytes)));
        if (!result.ok) expect(result.error.code).toMatch(/^HW2[12]/);
      }),
      { numRuns: 25, endOnFailure: true },
    );
    const whole = await workshop.components.prepare(memberOf(await workshop.put(REAL[2]!)));
    expect(whole).toMatchObject({ ok: true });
  });
});
