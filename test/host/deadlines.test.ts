/**
 * `startTimeout` and `requestTimeout` at N and N + 1, with a real cell and a real guest: the engine's clock stands still and moves
 * when a test says so, while the cell takes the time that it takes.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Outcome } from '../../src/wire/frames.ts';
import { ANSWER, guest } from '../cell/kit/guest.ts';
import { bundleOf, bundleOfBytes } from './bundles.ts';
import { cellOf, get, MIB, RunningHost } from './running.ts';

/** Longer than a cell takes by its own clock, on any machine; and no multiple of the engine's ticks more. */
const START_MS = 10_000;
const REQUEST_MS = 1_000;
/** A cell that is late may still say what of its start took too long. */
const GRACE_MS = 200;
const TICK_MS = 10;

/** One for each test: timers that were set on a clock that stood still are gone with it. */
let running: RunningHost;
beforeEach(async () => {
  running = new RunningHost();
  await running.until('a process that waits', () => running.host.observe().poolReady > 0);
});
afterEach(async () => {
  vi.useRealTimers();
  await running.stop();
});

/** Not at zero, which is no time to the engine. */
function holdClock(): void {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  vi.advanceTimersByTime(1_000);
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** In turns of the loop, which no clock holds up. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** A replica of which the engine's clock has shown the assignment, and nothing after it. */
async function assigned(id: string, init: string): Promise<void> {
  const managed = await bundleOf('testbed-managed', running.storeFolder, 16 * MIB);
  holdClock();
  const env = { INIT: init };
  running.host.start(id, cellOf(managed, { group: `shop/testbed@${id}`, env, limits: { startTimeoutMs: START_MS } }));
  await until(() => running.replica(id).pid !== undefined);
  running.limits.length = 0;
}

describe('startTimeout', () => {
  test('a start that ends with its last millisecond is in time', async () => {
    await assigned('in-time', 'well');
    vi.advanceTimersByTime(START_MS);
    await until(() => running.replica('in-time').phase !== 'Starting');
    expect(running.replica('in-time').phase).toBe('Ready');
    expect(running.limits).toEqual([]);
  });

  test('one that ends a millisecond later is not', async () => {
    await assigned('late', 'well');
    vi.advanceTimersByTime(START_MS + 1);
    await until(() => running.replica('late').phase !== 'Starting');
    expect(running.replica('late')).toMatchObject({
      phase: 'Ended',
      end: 'StartFailed',
      problem: { code: 'HW4105', message: `late was not loaded within ${START_MS} ms` },
    });
    expect(running.limits).toEqual([['startTimeout', 1]]);
  });

  test('one that does not end is ended when the cell had its time to say why', async () => {
    await assigned('spins', 'spin');
    vi.advanceTimersByTime(START_MS + GRACE_MS - 1);
    expect(running.replica('spins').phase).toBe('Starting');
    vi.advanceTimersByTime(1);
    expect(running.replica('spins')).toMatchObject({ phase: 'Ended', problem: { code: 'HW4105' } });
    expect(running.limits).toEqual([['startTimeout', 1]]);
  });
});

describe('requestTimeout', () => {
  /** Answers after a tenth of a second, by its own clock. */
  const SLOW = `(call $block (call $sleep (i64.const 100000000))) ${ANSWER}`;

  test.each([
    ['with its last millisecond is served', REQUEST_MS, { end: Outcome.Ok, status: 200 }],
    ['a millisecond later is not', REQUEST_MS + 1, { end: Outcome.Deadline }],
    ['after the next look at the clock is not', REQUEST_MS + TICK_MS, { end: Outcome.Deadline }],
  ])('a call whose guest answers %s', async (_when, afterMs, expected) => {
    const bundle = await bundleOfBytes(await guest({ handle: SLOW }), running.storeFolder, 16 * MIB);
    const id = `slow-${afterMs}`;
    const caller = await running.ready(id, cellOf(bundle, { group: `shop/testbed@${id}` }));
    holdClock();
    const answer = get(caller, '/', REQUEST_MS);
    vi.advanceTimersByTime(afterMs);
    expect(await answer).toMatchObject(expected);
    // Over for the cell too: it is not blamed, and serves on.
    await until(() => caller.inFlight === 0);
    vi.useRealTimers();
    expect(await get(caller, '/')).toMatchObject({ end: Outcome.Ok, status: 200 });
  });
});
