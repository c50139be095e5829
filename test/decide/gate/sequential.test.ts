import { describe, expect, it } from 'vitest';
import { binomialTail } from '../../../src/decide/gate/binomial.ts';
import {
  advanceRatio,
  FAIL_BOUNDARY,
  hypotheses,
  PASS_BOUNDARY,
  successesToPass,
} from '../../../src/decide/gate/sequential.ts';

const NORMAL = { p0: 0.005, p1: 0.02 };

describe('the sequential test', () => {
  it('fails after four straight failures and not after three', () => {
    let ratio = 0;
    for (let failure = 1; failure <= 3; failure++) ratio = advanceRatio(ratio, 1, 1, NORMAL);
    expect(ratio).toBeLessThan(FAIL_BOUNDARY);
    expect(advanceRatio(ratio, 1, 1, NORMAL)).toBeGreaterThanOrEqual(FAIL_BOUNDARY);
  });

  it('passes after 303 straight successes and not after 302', () => {
    expect(successesToPass(0, NORMAL)).toBe(303);
    expect(advanceRatio(0, 302, 0, NORMAL)).toBeGreaterThan(PASS_BOUNDARY);
    expect(advanceRatio(0, 303, 0, NORMAL)).toBe(PASS_BOUNDARY);
  });

  it('is clamped at its pass boundary: ten thousand good samples buy no credit', () => {
    expect(advanceRatio(0, 10_000, 0, NORMAL)).toBe(PASS_BOUNDARY);
  });

  it('keeps its failure', () => {
    const failed = advanceRatio(0, 4, 4, NORMAL);
    expect(advanceRatio(failed, 1_000, 0, NORMAL)).toBe(failed);
  });

  it('reads one look of many as evenly spread, as many looks of one', () => {
    let singly = 0;
    for (let index = 0; index < 200; index++) singly = advanceRatio(singly, 1, index % 100 === 50 ? 1 : 0, NORMAL);
    expect(advanceRatio(0, 200, 2, NORMAL)).toBeCloseTo(singly, 0);
  });

  it.each([
    { name: 'nothing served yet', control: [0, 0], p0: 0.005, p1: 0.02 },
    { name: 'serving without errors', control: [1000, 0], p0: 0.005, p1: 0.02 },
    { name: 'serving fails 2 %', control: [100_000, 2_000], p0: 0.0204, p1: 0.0354 },
    { name: 'one failure of two does not make half normal', control: [2, 1], p0: 0.0266, p1: 0.0416 },
    { name: 'serving wholly broken', control: [100_000, 100_000], p0: 0.9, p1: 0.915 },
  ])('moves its hypotheses with serving: $name', ({ control, p0, p1 }) => {
    const moved = hypotheses(
      { tolerable: 0.005, intolerable: 0.02 },
      { requests: control[0]!, failures: control[1]! },
      100,
    );
    expect(moved.p0).toBeCloseTo(p0, 3);
    expect(moved.p1).toBeCloseTo(p1, 3);
  });

  it('stands a tolerable rate of nothing', () => {
    const strict = hypotheses({ tolerable: 0, intolerable: 0.01 }, { requests: 0, failures: 0 }, 0);
    expect(Number.isFinite(advanceRatio(0, 1, 1, strict))).toBe(true);
  });
});

describe('the binomial tail', () => {
  it.each([
    [10, 0, 0.5, 1],
    [10, 10, 0.5, 1 / 1024],
    [10, 5, 0.5, 638 / 1024],
    [100, 5, 0.01, 0.003432],
    [1000, 20, 0.01, 0.0033],
    [5, 6, 0.5, 0],
  ])('P(X >= %2$d of %1$d at %3$d)', (trials, successes, probability, expected) => {
    expect(binomialTail(trials, successes, probability)).toBeCloseTo(expected, 4);
  });

  it('has no trouble with a million trials', () => {
    expect(binomialTail(1_000_000, 10_000, 0.01)).toBeCloseTo(0.503, 2);
    expect(binomialTail(1_000_000, 11_000, 0.01)).toBeLessThan(1e-20);
  });
});
