/** Handles by tier: what a guest can do with those that it has, and with those that it has not. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { holdingGuest } from './guests.ts';
import { NOTHING, played, Thing, TRAP, value, verdictsFor, type Row } from './things.ts';
import { instanceOf, TIERS, tiersOf, verdictOf, type Tier, type Tiered, type Verdict } from './tiers.ts';

let tiered: Tiered;
beforeAll(async () => {
  await loadTranspiler();
  tiered = tiersOf(await holdingGuest());
});

/** A private field of an object that has none: how a made-up object shows. */
const BROKE: Verdict = { trap: 'TypeError' };

const ROWS: readonly Row[] = [
  {
    name: 'made and used',
    steps: [
      ['make', 5],
      ['size-of', 1],
      ['see', 1],
    ],
    verdicts: [value(1), value(5), value(5)],
  },
  {
    name: 'dropped, and its handle is used again',
    steps: [
      ['make', 5],
      ['make', 6],
      ['drop', 1],
      ['make', 7],
      ['size-of', 1],
      ['size-of', 2],
    ],
    verdicts: [value(1), value(2), NOTHING, value(1), value(7), value(6)],
    dropped: [5],
  },
  {
    name: 'the last that was dropped is the first to come back',
    steps: [
      ['make', 1],
      ['make', 2],
      ['make', 3],
      ['drop', 1],
      ['drop', 3],
      ['make', 4],
      ['make', 5],
      ['make', 6],
    ],
    verdicts: [value(1), value(2), value(3), NOTHING, NOTHING, value(3), value(1), value(4)],
    dropped: [1, 3],
  },
  {
    name: 'given away',
    steps: [
      ['make', 5],
      ['take', 1],
      ['make', 6],
    ],
    verdicts: [value(1), NOTHING, value(1)],
  },
  {
    name: 'two for one',
    steps: [
      ['make', 5],
      ['make', 6],
      ['merge', 1, 2],
      ['size-of', 2],
    ],
    verdicts: [value(1), value(2), value(2), value(11)],
  },
  {
    name: 'a list of them',
    steps: [['all'], ['size-of', 1], ['size-of', 2]],
    verdicts: [value(2), value(10), value(20)],
  },
  {
    name: 'from the caller',
    steps: [
      ['keep', new Thing(8)],
      ['size-of', 1],
    ],
    verdicts: [value(1), value(8)],
  },
  {
    name: 'to the caller',
    steps: [
      ['make', 9],
      ['give', 1],
      ['make', 3],
    ],
    verdicts: [value(1), value(new Thing(9)), value(1)],
  },
  {
    name: 'lent, and dropped by the guest',
    steps: [
      ['lent', new Thing(4), 1],
      ['make', 5],
    ],
    verdicts: [value(1), value(1)],
  },
  {
    name: 'lent, and not given back: nothing is entered any more',
    steps: [
      ['lent', new Thing(4), 0],
      ['make', 5],
    ],
    verdicts: [TRAP, TRAP],
    others: [value(1), value(2)],
  },
  {
    name: 'lent again and again, and given back each time',
    steps: [
      ['lent', new Thing(4), 1],
      ['lent', new Thing(5), 1],
      ['make', 5],
      ['lent', new Thing(6), 1],
      ['make', 6],
    ],
    verdicts: [value(1), value(1), value(1), value(2), value(2)],
  },
  {
    name: 'lent, and taken by the guest for its own',
    steps: [['lent', new Thing(4), 2]],
    verdicts: [TRAP],
    others: [value(1)],
  },
  {
    name: 'dropped twice',
    steps: [
      ['make', 5],
      ['drop', 1],
      ['drop', 1],
    ],
    verdicts: [value(1), NOTHING, TRAP],
    dropped: [5],
  },
  {
    name: 'dropped and given away',
    steps: [
      ['make', 5],
      ['drop', 1],
      ['take', 1],
    ],
    verdicts: [value(1), NOTHING, TRAP],
    dropped: [5],
  },
  {
    name: 'dropped and used',
    steps: [
      ['make', 5],
      ['drop', 1],
      ['size-of', 1],
    ],
    verdicts: [value(1), NOTHING, TRAP],
    others: [value(1), NOTHING, BROKE],
    dropped: [5],
  },
  {
    name: 'given away and used',
    steps: [
      ['make', 5],
      ['take', 1],
      ['see', 1],
    ],
    verdicts: [value(1), NOTHING, TRAP],
    others: [value(1), NOTHING, BROKE],
  },
  {
    name: 'the same one twice',
    steps: [
      ['make', 5],
      ['merge', 1, 1],
    ],
    verdicts: [value(1), TRAP],
  },
];

/** Handles that a guest was never given, next to one that it was; some that would be it if bits were lost. */
const UNKNOWN = [0, 2, 7, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1];

const seeAll = (them: readonly Thing[]): number => them.reduce((sum, one) => sum + one.size(), 0);

async function guestOf(tier: Tier): Promise<Record<string, (...args: unknown[]) => unknown>> {
  const all = (): Thing[] => [new Thing(10), new Thing(20)];
  const host = { Thing, all, see: (one: Thing) => one.size(), seeAll, take: (one: Thing) => void one.size() };
  return (await instanceOf(tiered, tier, { 'test:t/host': host }))['test:t/guest']!;
}

describe.each(TIERS)('%s', (tier) => {
  test.each(ROWS.map((row): [string, Row] => [row.name, row]))('%s', async (_name, row) => {
    expect(await played(await guestOf(tier), row)).toEqual(verdictsFor(tier, row));
    expect(Thing.dropped).toEqual(row.dropped ?? []);
  });

  test('a list of things that are lent, and lent on', async () => {
    const guest = await guestOf(tier);
    for (let round = 0; round < 20; round++) {
      expect(guest['lentAll']!([new Thing(1), new Thing(20), new Thing(300)])).toBe(321);
      expect(guest['lentAll']!([])).toBe(0);
    }
    expect(Thing.dropped).toEqual([]);
    // Every loan was given back: the numbers begin at the beginning.
    expect(guest['make']!(5)).toBeLessThanOrEqual(3);
  });

  test('a resource of the guest’s own', async () => {
    const { Job, jobOf } = (await guestOf(tier)) as unknown as {
      Job: { new (number: number): { number(): number }; join(one: object, two: object): number };
      jobOf(number: number): { number(): number };
    };
    const [one, two, three] = [new Job(3), jobOf(4), new Job(5)];
    expect([one, two, three].map((job) => job.number())).toEqual([3, 4, 5]);
    expect(two).toBeInstanceOf(Job);
    expect(Job.join(one, two)).toBe(7);
    expect(() => one.number()).toThrow(TypeError);
    expect(() => Job.join(one, two)).toThrow(TypeError);
    (two as unknown as Disposable)[Symbol.dispose]();
    expect(() => two.number()).toThrow(TypeError);
    expect(three.number()).toBe(5);
  });
});

/** Its numbers are the guest's own to choose: 0 is one, and one that jco would lose a bit of is refused. */
describe('a resource of the guest’s own, fast', () => {
  interface Job {
    number(): number;
    [Symbol.dispose](): void;
  }
  interface Guest {
    jobOf(number: number): Job;
    jobAt(handle: number): Job;
    jobMade(number: number): number;
    jobNumberAt(handle: number): number;
    jobDrop(handle: number): void;
    jobSee(handle: number, job: Job): number;
    make(size: number): number;
  }
  const guest = async (): Promise<Guest> => (await guestOf('fast')) as unknown as Guest;

  test('the number 0', async () => {
    const { jobOf, jobMade, jobNumberAt, jobDrop } = await guest();
    const job = jobOf(0);
    expect(job.number()).toBe(0);
    job[Symbol.dispose]();
    const handle = jobMade(0);
    expect(jobNumberAt(handle)).toBe(0);
    jobDrop(handle);
    expect(await verdictOf(() => jobDrop(handle))).toEqual(TRAP);
  });

  test.each([2 ** 30 - 1, 2 ** 31])('the number %i comes back as it is', async (number) => {
    expect((await guest()).jobOf(number).number()).toBe(number);
  });

  test.each([2 ** 30, 2 ** 32 - 1])('the number %i is refused', async (number) => {
    const { jobOf, make } = await guest();
    expect(await verdictOf(() => jobOf(number))).toEqual(TRAP);
    expect(await verdictOf(() => make(1))).toEqual(TRAP);
  });

  test.each(UNKNOWN)('the unknown handle %i is not used, dropped or given away', async (handle) => {
    for (const name of ['jobNumberAt', 'jobDrop', 'jobAt'] as const) {
      const its = await guest();
      expect(its.jobMade(5)).toBe(1);
      expect(await verdictOf(() => its[name](handle)), name).toEqual(TRAP);
      expect(await verdictOf(() => its.make(6)), name).toEqual(TRAP);
    }
  });

  test.each(['jobNumberAt', 'jobDrop', 'jobAt'] as const)(
    'given away it is the guest’s no longer: %s',
    async (name) => {
      const its = await guest();
      const job = its.jobAt(its.jobMade(5));
      expect(job.number()).toBe(5);
      expect(await verdictOf(() => its[name](1))).toEqual(TRAP);
    },
  );

  test('given away and back, any number of times', async () => {
    const { jobMade, jobAt, jobOf, Job } = (await guest()) as Guest & { Job: { join(one: Job, two: Job): number } };
    for (let round = 0; round < 1_000; round++) {
      const [one, two] = [jobAt(jobMade(5)), jobOf(6)];
      expect(Job.join(one, two)).toBe(11);
      expect(() => one.number()).toThrow(TypeError);
      two[Symbol.dispose]();
      expect(() => two.number()).toThrow(TypeError);
    }
    expect(jobMade(7)).toBeLessThan(3);
  });

  test('its destructor does not run in a guest that runs', async () => {
    let job: Job | undefined;
    let verdict: Promise<Verdict> | undefined;
    const see = (): number => {
      verdict = verdictOf(() => job![Symbol.dispose]());
      return 1;
    };
    const host = { Thing, all: () => [], see, seeAll, take: () => undefined };
    const its = (await instanceOf(tiered, 'fast', { 'test:t/host': host }))['test:t/guest'] as unknown as Guest;
    job = its.jobOf(3);
    expect(its.jobSee(its.make(1), its.jobOf(4))).toBe(1);
    expect(await verdict).toEqual(TRAP);
    expect(job.number()).toBe(3);
    job[Symbol.dispose]();
  });

  test('a destructor that traps ends the instance', async () => {
    const { jobOf, make } = await guest();
    const job = jobOf(13);
    expect(await verdictOf(() => job[Symbol.dispose]())).toEqual(TRAP);
    expect(await verdictOf(() => make(1))).toEqual(TRAP);
  });
});

/** jco does one of three things: it drops nothing, makes an object up, or takes another handle for this one. */
describe.each(UNKNOWN)('the unknown handle %i is a trap', (handle) => {
  test.each(['size-of', 'see', 'take', 'drop'])('%s', async (name) => {
    const guest = await guestOf('fast');
    expect(guest['make']!(5)).toBe(1);
    expect(await verdictOf(() => guest[name === 'size-of' ? 'sizeOf' : name]!(handle))).toEqual(TRAP);
    expect(await verdictOf(() => guest['make']!(6))).toEqual(TRAP);
  });
});

test('a table does not grow by what passes through it', async () => {
  const guest = await guestOf('fast');
  for (let round = 0; round < 10_000; round++) {
    expect(guest['make']!(round)).toBe(1);
    guest['take']!(1);
    expect(guest['lent']!(new Thing(round), 1)).toBe(1);
  }
});
