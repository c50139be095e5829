/** Imports that block: the guest waits where the host answers with a promise, and goes straight on where it does not. */
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import type { Exports } from '../run.ts';
import { waitingGuest } from './guests.ts';
import { instanceOf, TIERS, tiersOf, verdictOf, type Tier, type Tiered, type Verdict } from './tiers.ts';

let tiered: Tiered;
beforeAll(async () => {
  await loadTranspiler();
  tiered = tiersOf(await waitingGuest());
});

type Answer = () => unknown;

/** Of resources that are only named. */
function Nothing(): void {}

interface Guest {
  readonly guest: Exports[string];
  readonly arguments: Readonly<Record<string, readonly unknown[]>>;
}

async function guestWith(tier: Tier, answer: Answer): Promise<Guest> {
  class Pollable {
    block(): unknown {
      return answer();
    }
  }
  class OutputStream {
    blockingFlush(): unknown {
      return answer();
    }
  }
  const exports = await instanceOf(tiered, tier, {
    'wasi:io/poll': { Pollable, poll: answer },
    'wasi:io/streams': { OutputStream, InputStream: Nothing },
    'wasi:io/error': { Error: Nothing },
  });
  const [one, stream] = [new Pollable(), new OutputStream()];
  const given = { block: [one], poll: [one], flush: [stream], twice: [one, stream], nothing: [] };
  return { guest: exports['test:t/guest']!, arguments: given };
}

async function verdict(tier: Tier, name: string, answer: Answer): Promise<Verdict> {
  const { guest, arguments: given } = await guestWith(tier, answer);
  return verdictOf(() => guest[name]!(...given[name]!));
}

const later = (answer: Answer): Answer => {
  return () => new Promise((resolve, reject) => void setImmediate(() => settle(answer, resolve, reject)));
};
function settle(answer: Answer, resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  try {
    resolve(answer());
  } catch (thrown) {
    reject(thrown as Error);
  }
}
const fails = (thrown: unknown): Answer => {
  return () => {
    throw thrown;
  };
};
const closed = { tag: 'closed' };

interface Row {
  readonly name: string;
  readonly call: string;
  readonly answer: Answer;
  readonly verdict: Verdict;
  /** jco loses it: the promise of the call never settles. */
  readonly lostByJco?: boolean;
}

const ROWS: readonly Row[] = [
  { name: 'block', call: 'block', answer: () => undefined, verdict: { value: 7 } },
  { name: 'poll', call: 'poll', answer: () => Uint32Array.of(0), verdict: { value: 1 } },
  { name: 'flush', call: 'flush', answer: () => undefined, verdict: { value: 0 } },
  { name: 'flush that answers err', call: 'flush', answer: () => ({ tag: 'err', val: closed }), verdict: { value: 1 } },
  { name: 'flush that throws err', call: 'flush', answer: fails(closed), verdict: { value: 1 } },
  { name: 'three waits in a row', call: 'twice', answer: () => undefined, verdict: { value: 0 } },
  {
    name: 'flush that traps',
    call: 'flush',
    answer: fails(new WebAssembly.RuntimeError('host')),
    verdict: { trap: 'trap' },
    lostByJco: true,
  },
  {
    name: 'block that traps',
    call: 'block',
    answer: fails(new WebAssembly.RuntimeError('host')),
    verdict: { trap: 'trap' },
    lostByJco: true,
  },
  {
    name: 'poll that breaks',
    call: 'poll',
    answer: fails(new RangeError('x')),
    verdict: { trap: 'RangeError' },
    lostByJco: true,
  },
  { name: 'nothing to wait for', call: 'nothing', answer: () => undefined, verdict: { value: 5 } },
];

const rows = ROWS.map((row): [string, Row] => [row.name, row]);

describe.each(TIERS)('%s', (tier) => {
  const known = tier === 'fast' ? rows : rows.filter(([, row]) => !row.lostByJco);
  test.each(known)('%s, at once and later', async (_name, { call, answer, verdict: expected }) => {
    expect(await verdict(tier, call, answer)).toEqual(expected);
    expect(await verdict(tier, call, later(answer))).toEqual(expected);
  });
});

describe('fast', () => {
  test('every function that can wait returns a promise, whether it waits or not, and no other does', async () => {
    const { guest, arguments: given } = await guestWith('fast', () => Uint32Array.of(0));
    const { nothing = [], ...waiting } = given;
    for (const [name, args] of Object.entries(waiting)) {
      const promise = guest[name]!(...args);
      expect(promise, name).toBeInstanceOf(Promise);
      expect(await promise, name).toEqual(expect.any(Number));
    }
    expect(guest['nothing']!(...nothing)).toBe(5);
  });

  test('after a trap while it waited, nothing is entered', async () => {
    const { guest, arguments: given } = await guestWith('fast', later(fails(new WebAssembly.RuntimeError('host'))));
    await expect(guest['block']!(...given['block']!)).rejects.toThrow('host');
    expect(() => guest['nothing']!()).toThrow('cannot enter component instance');
  });

  test('while it waits it is not entered, and goes on unharmed', async () => {
    let release: (value?: unknown) => void = () => undefined;
    const { guest, arguments: given } = await guestWith('fast', () => new Promise((resolve) => (release = resolve)));
    const waiting = guest['block']!(...given['block']!);
    expect(() => guest['nothing']!()).toThrow('cannot enter component instance');
    release();
    expect(await waiting).toBe(7);
    expect(guest['nothing']!()).toBe(5);
  });

  test('a method waits; a constructor cannot, and traps where it would have to', async () => {
    let answer: Answer = () => undefined;
    const { guest, arguments: given } = await guestWith('fast', () => answer());
    const { Job } = guest as unknown as { Job: new (one: unknown) => { wait(one: unknown): Promise<unknown> } };
    const [one] = given['block']!;
    // V8 lets no suspending import be called where nothing could suspend, even if it answers at once.
    expect(await verdictOf(() => new Job(one))).toMatchObject({ trap: expect.any(String) });
    answer = later(() => undefined);
    expect(await verdictOf(() => new Job(one))).toMatchObject({ trap: expect.any(String) });
  });
});
