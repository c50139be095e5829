/** `spec.ambient`, from the guest's side: time and chance that are denied, or the same at each run. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Ambient } from '../../src/model/ambient.ts';
import { FromCell } from '../../src/wire/frames.ts';
import { readDenial } from '../../src/wire/reports.ts';
import { assignmentOf, bundleOf, type TestBundle } from '../cell/kit/bundle.ts';
import { Peer, type Answer } from '../cell/kit/peer.ts';
import { coreImportsOf } from './kit/functions.ts';
import { guestOf } from './kit/guest.ts';
import { ANSWER, BODY, CLOSE, RESPONSE, SET } from './kit/row.ts';
import { call, drop, get, put, R } from './kit/wat.ts';

const AT_MS = Date.parse('2026-01-01T00:00:00Z');
const TEST: Ambient = { clocks: { atMs: AT_MS, stepMs: 2 }, random: { seed: 7 } };

/** Answers with the 8 or 16 bytes that the values fill. */
const says = (...values: readonly string[]): string =>
  `${values.map((value, index) => `(i64.store (i32.const ${2048 + 8 * index}) ${value})`).join(' ')} ${RESPONSE} ${BODY}
   ${call('output-stream.check-write', get('c'), R)}
   ${call('output-stream.write', get('c'), 2048, 8 * values.length, R)} ${CLOSE} ${SET}`;
const WALL = call('wall-clock.now', R);

const HANDLES: Readonly<Record<string, string>> = {
  monotonic: says(call('monotonic-clock.now'), call('monotonic-clock.now')),
  wall: `${WALL} ${says('(i64.load (i32.const 64))', '(i64.load32_u (i32.const 72))')}`,
  wait: `${call('pollable.block', call('monotonic-clock.subscribe-duration', 30_000_000n))} ${says(call('monotonic-clock.now'))}`,
  random: `${call('random.get-random-bytes', 11n, R)} ${put('a', '(i32.load (i32.const 64))')} ${says(
    `(i64.load ${get('a')})`,
    call('random.get-random-u64'),
    call('insecure.get-insecure-random-u64'),
  )}`,
  subscribe: `${drop('monotonic-clock.subscribe-duration', 1n)} ${ANSWER}`,
  seed: `${call('insecure-seed.insecure-seed', R)} ${ANSWER}`,
  zone: `${drop('timezone.utc-offset', 0n, 0)} ${ANSWER}`,
};
const NAMES = Object.keys(HANDLES);

let bundle: TestBundle;
let cell: Peer;

beforeAll(async () => {
  const all = await coreImportsOf(['io', 'clocks', 'random', 'http']);
  bundle = await bundleOf(await guestOf(Object.values(HANDLES), all));
});
afterEach(() => cell.close());

async function start(ambient: Ambient, instancePolicy: 'PerRequest' | 'Pooled' = 'PerRequest'): Promise<void> {
  cell = await Peer.start();
  await cell.load(assignmentOf(bundle, { ambient, instancePolicy }), bundle);
}

const ask = (name: string): Promise<Answer> => cell.ask(1, { path: `/${NAMES.indexOf(name)}` });

async function numbers(name: string): Promise<readonly bigint[]> {
  const { body } = await ask(name);
  return Array.from({ length: body.length / 8 }, (_, index) => body.readBigUInt64LE(8 * index));
}

describe('a test has a clock and numbers of its own', () => {
  test('in each instance the clock begins at the same time, and each look finds it a step later', async () => {
    await start(TEST);
    for (let round = 0; round < 2; round++) {
      expect(await numbers('monotonic')).toEqual([0n, 2_000_000n]);
      expect(await numbers('wall')).toEqual([BigInt(AT_MS / 1000), 0n]);
    }
  });

  test('in an instance that goes on, so does its clock', async () => {
    await start(TEST, 'Pooled');
    expect(await numbers('monotonic')).toEqual([0n, 2_000_000n]);
    expect(await numbers('wall')).toEqual([BigInt(AT_MS / 1000), 4_000_000n]);
  });

  test('what waits finds the clock where it waited for', async () => {
    await start(TEST);
    expect(await numbers('wait')).toEqual([30_000_000n]);
  });

  test('the numbers are those of the seed', async () => {
    await start(TEST);
    const first = await numbers('random');
    expect(await numbers('random')).toEqual(first);
    // The first of SplitMix64 with the seed 7, by its reference implementation; eleven bytes take two.
    expect(first[0]).toBe(7191089600892374487n);
    await cell.close();
    await start({ random: { seed: 8 } });
    expect(await numbers('random')).not.toEqual(first);
  });
});

describe('what is denied', () => {
  const CLOCKS = ['monotonic', 'wall', 'wait', 'subscribe', 'zone'];
  const CHANCE = ['random', 'seed'];

  test.each([
    {
      ambient: { clocks: 'Denied' } as const,
      denied: CLOCKS,
      allowed: CHANCE,
      field: 'clocks',
      asked: {
        'wasi:clocks/monotonic-clock#now': '',
        'wasi:clocks/wall-clock#now': '',
        'wasi:clocks/monotonic-clock#subscribe-duration': '30000000 ns',
        'wasi:clocks/timezone#utc-offset': '',
      },
    },
    {
      ambient: { random: 'Denied' } as const,
      denied: CHANCE,
      allowed: CLOCKS,
      field: 'random',
      asked: { 'wasi:random/random#get-random-bytes': '11 bytes', 'wasi:random/insecure-seed#insecure-seed': '' },
    },
  ])(
    'traps, is told with what was asked, and leaves the rest: $field',
    async ({ ambient, denied, allowed, field, asked }) => {
      await start(ambient);
      for (const name of denied) {
        expect(await ask(name)).toMatchObject({
          outcome: 'Trap',
          text: expect.stringContaining(`spec.ambient.${field}`),
        });
      }
      for (const name of allowed) expect(await ask(name)).toMatchObject({ outcome: 'Ok', status: 200 });
      const told = cell.frames
        .filter(({ type }) => type === FromCell.Denied)
        .map(({ payload }) => readDenial(payload, 0, payload.length)!);
      // Once a second each, however often it is called.
      const first = new Map(told.toReversed().map((each) => [`${each.interface}#${each.function}`, each.asked]));
      expect(Object.fromEntries(first)).toEqual(asked);
      for (const each of told) expect(each.reason).toBe(`spec.ambient.${field} is Denied`);
    },
  );
});
