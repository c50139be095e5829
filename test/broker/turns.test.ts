/** Threads that cells share: whose turn it is. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_LOOKUPS_AT_WORK, MAX_LOOKUPS_OF_ONE, Resolver } from '../../src/broker/resolver.ts';
import { Turns } from '../../src/broker/turns.ts';

/** Works that end when they are told to. */
class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #turns: Turns;

  constructor(most: number, mostOfOne: number) {
    this.#turns = new Turns(most, mostOfOne);
  }

  begin(whose: string, name: string): Promise<string> {
    return this.#turns.run(whose, async () => {
      this.begun.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      return name;
    });
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)!();
    this.#ends.delete(name);
    await new Promise(setImmediate);
  }

  get working(): readonly string[] {
    return [...this.#ends.keys()];
  }
}

test('one with much to do takes its share, and the next who comes does not wait for all of it', async () => {
  const works = new Works(2, 1);
  for (let count = 1; count <= 20; count++) void works.begin('greedy', `greedy ${count}`);
  void works.begin('other', 'other 1');
  expect(works.begun).toEqual(['greedy 1', 'other 1']);
  void works.begin('other', 'other 2');
  void works.begin('third', 'third 1');
  await works.end('greedy 1');
  await works.end('other 1');
  expect(works.begun).toEqual(['greedy 1', 'other 1', 'third 1', 'greedy 2']);
  await works.end('greedy 2');
  expect(works.begun.at(-1)).toBe('other 2');
});

test('a work that fails leaves its place', async () => {
  const turns = new Turns(1, 1);
  const failed = turns.run('a', () => Promise.reject(new Error('no')));
  const next = turns.run('b', () => Promise.resolve('done'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('done');
});

test('all is done, within both bounds, and whoever waits and may is at work', async () => {
  const whose = fc.constantFrom('a', 'b', 'c');
  await fc.assert(
    fc.asyncProperty(
      fc.array(whose, { maxLength: 20 }),
      fc.infiniteStream(fc.nat()),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      async (asked, choices, most, mostOfOne) => {
        const works = new Works(most, mostOfOne);
        const all = asked.map((one, index) => works.begin(one, `${one} ${index}`));
        let done = 0;
        while (done < asked.length) {
          const { working } = works;
          const of = (one: string): number => working.filter((name) => name.startsWith(one)).length;
          const waiting = asked.length - done - working.length;
          expect(working.length).toBeLessThanOrEqual(most);
          expect(Math.max(of('a'), of('b'), of('c'))).toBeLessThanOrEqual(mostOfOne);
          // No place is empty for want of somebody who waits and may.
          const idle = ['a', 'b', 'c'].filter((one) => {
            const left = asked.filter((name, index) => name === one && !works.begun.includes(`${one} ${index}`)).length;
            return left > 0 && of(one) < mostOfOne;
          });
          expect(working.length === most || idle.length === 0, `${waiting} wait`).toBe(true);
          await works.end(working[choices.next().value % working.length]!);
          done += 1;
        }
        expect(await Promise.all(all)).toHaveLength(asked.length);
      },
    ),
    { numRuns: 100 },
  );
});

describe('names', () => {
  const asked: string[] = [];
  /** Answers for whoever is not drawn out. */
  const resolver = (): Resolver =>
    new Resolver((name) => {
      asked.push(name);
      return name.startsWith('slow')
        ? new Promise(() => undefined)
        : Promise.resolve([{ address: '10.0.0.1', family: 4 }]);
    });
  beforeEach(() => {
    asked.length = 0;
  });

  test(`that never answer keep ${MAX_LOOKUPS_OF_ONE} threads of those who ask for them, and others have an answer`, async () => {
    const names = resolver();
    for (let count = 0; count < 50; count++) void names.addressesOf('shop/bad@1', `slow${count}.example`, () => true);
    expect(asked).toHaveLength(MAX_LOOKUPS_OF_ONE);
    expect(await names.addressesOf('shop/good@1', 'fast.example', () => true)).toHaveLength(1);
  });

  test(`are looked up ${MAX_LOOKUPS_AT_WORK} at a time`, () => {
    const names = resolver();
    for (let group = 0; group < 9; group++) {
      for (let count = 0; count < 9; count++) {
        void names.addressesOf(`shop/bad${group}@1`, `slow${count}.example`, () => true);
      }
    }
    expect(asked).toHaveLength(MAX_LOOKUPS_AT_WORK);
  });

  test('that nobody wants any more when their turn comes are not asked for', async () => {
    const names = resolver();
    const first = Array.from({ length: MAX_LOOKUPS_OF_ONE }, () =>
      names.addressesOf('shop/one@1', 'fast.example', () => true),
    );
    let isWanted = true;
    const dropped = names.addressesOf('shop/one@1', 'dropped.example', () => isWanted);
    isWanted = false;
    await Promise.all(first);
    expect(await dropped).toEqual([]);
    expect(asked).not.toContain('dropped.example');
  });
});
