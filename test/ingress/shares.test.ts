import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Balance } from '../../src/ingress/balance.ts';
import { cookieValue, stickyArm } from '../../src/ingress/sticky.ts';
import { latencyBucket, Tallies } from '../../src/ingress/tally.ts';
import { LATENCY_BUCKETS_US } from '../../src/model/engine.ts';
import { release, STABLE } from './fixture.ts';

describe('Balance', () => {
  test.each([
    [[95, 5], 20],
    [[50, 50], 2],
    [[80, 20], 5],
    [[99, 1], 100],
    [[60, 30, 10], 10],
    [[100], 1],
    [[0, 100], 1],
  ])('%j is kept exactly in every window of %i requests', (weights, window) => {
    const balance = new Balance(weights);
    const chosen = Array.from({ length: 10 * window }, () => balance.next());
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let start = 0; start + window <= chosen.length; start += window) {
      for (const [index, weight] of weights.entries()) {
        const count = chosen.slice(start, start + window).filter((arm) => arm === index).length;
        expect(count).toBe((weight * window) / total);
      }
    }
  });

  test('no window strays from the weights by more than one request for each other arm', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 4 }), (weights) => {
        const balance = new Balance(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const counts = weights.map(() => 0);
        for (let sent = 1; sent <= 500; sent++) {
          counts[balance.next()]!++;
          for (const [index, weight] of weights.entries()) {
            expect(Math.abs(counts[index]! - (sent * weight) / total)).toBeLessThanOrEqual(weights.length - 1);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('an arm of weight 0 has no turn, and without any weight there is none', () => {
    const balance = new Balance([0, 3, 0]);
    expect(Array.from({ length: 50 }, () => balance.next()).every((index) => index === 1)).toBe(true);
    expect(new Balance([0, 0]).next()).toBe(-1);
    expect(new Balance([]).next()).toBe(-1);
  });
});

describe('stickyArm', () => {
  const clients = Array.from({ length: 4000 }, (_, index) => `client-${index}`);
  const arms = (next: number) => [
    { release: release('a'), weight: 100 - next },
    { release: release('b'), weight: next },
  ];
  const onNext = (next: number): Set<string> =>
    new Set(clients.filter((client) => stickyArm(client, arms(next)) === 1));

  test('gives each weight its share, and nobody to weight 0', () => {
    for (const weight of [0, 5, 20, 50, 100]) {
      expect(Math.abs(onNext(weight).size / clients.length - weight / 100)).toBeLessThan(0.025);
    }
    expect(onNext(0).size).toBe(0);
    expect(onNext(100).size).toBe(clients.length);
    expect(stickyArm('x', [])).toBe(-1);
  });

  test('keeps every client of the rising arm as its weight rises', () => {
    for (let weight = 5; weight < 100; weight += 5) {
      const later = onNext(weight + 5);
      for (const client of onNext(weight)) expect(later.has(client)).toBe(true);
    }
  });

  test('does not depend on the order of the arms, and takes other clients first for another release', () => {
    for (const client of clients) {
      expect(stickyArm(client, arms(20)) === 1).toBe(stickyArm(client, arms(20).toReversed()) === 0);
    }
    const other = [arms(20)[0]!, { release: release('c'), weight: 20 }];
    const both = clients.filter((client) => stickyArm(client, other) === 1 && onNextTwenty.has(client));
    expect(both.length).toBeLessThan(onNextTwenty.size / 2);
  });
  const onNextTwenty = onNext(20);

  test.each([
    ['a=1; sid=abc; b=2', 'abc'],
    ['sid=abc', 'abc'],
    ['sid=a=b', 'a=b'],
    ['xsid=1; sidx=2', undefined],
    ['', undefined],
    ['sid', undefined],
  ])('finds the cookie in %j', (header, value) => {
    expect(cookieValue(header, 'sid')).toBe(value);
  });
});

describe('tallies', () => {
  test('each bucket ends at its bound', () => {
    for (const [index, bound] of LATENCY_BUCKETS_US.entries()) {
      expect(latencyBucket(bound)).toBe(index);
      expect(latencyBucket(bound + 0.5)).toBe(index + 1);
    }
    expect(latencyBucket(0)).toBe(0);
    expect(latencyBucket(1e12)).toBe(LATENCY_BUCKETS_US.length);
  });

  test('a run of failures is reported at 3 and at each doubling, and starts again after a success', () => {
    const reported: number[] = [];
    const tallies = new Tallies((_release, run) => reported.push(run));
    const tally = tallies.of(release('a'), STABLE);
    for (let count = 0; count < 30; count++) tallies.failed(tally);
    expect(reported).toEqual([3, 6, 12, 24]);
    tallies.succeeded(tally);
    for (let count = 0; count < 5; count++) tallies.failed(tally);
    expect(reported).toEqual([3, 6, 12, 24, 3]);
  });

  test('past releases are kept up to a bound; present ones and those in flight always', () => {
    const tallies = new Tallies(() => undefined);
    const names = Array.from({ length: 300 }, (_, index) => release(index.toString(16).padStart(4, '0')));
    for (const name of names) tallies.of(name, STABLE);
    tallies.of(names[0]!, STABLE).inFlight = 1;
    tallies.retain(new Set([names[1]!]));
    const left = tallies.read().map((samples) => samples.release);
    expect(left).toHaveLength(256 + 2);
    expect(left.slice(0, 3)).toEqual([names[0], names[1], names[44]]);
  });
});
