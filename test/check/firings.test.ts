/** What of the clock's calls is wanted in a rehearsal, to when its clock may be put, and what is said of firings. */
import { describe, expect, it } from 'vitest';
import { firingCases, firingsWanted, nextFiring } from '../../src/check/trial/firings.ts';
import type { ScheduleStatus, Status } from '../../src/model/status.ts';
import { component, desiredOf, ENVIRONMENT, route } from '../manifest/support.ts';

const KEY = 'shop/cart';
const SCHEDULE = `apiVersion: headway.dev/v1alpha1
kind: Schedule
metadata: {name: nightly, namespace: shop}
spec: {schedule: "15 2 * * *", backendRef: {name: cart, export: {function: tidy}}}
`;
const FILES = { 'environment.yaml': ENVIRONMENT, 'cart.yaml': component('cart'), 'nightly.yaml': SCHEDULE };
const fired = desiredOf(FILES);
const routed = desiredOf({ ...FILES, 'route.yaml': route('cart', '  rules: [{backendRef: {name: cart}}]\n') });
const TWO = '2026-11-29T02:15:00.000Z';

type Ended = ScheduleStatus['ended'][number];
const ended = (outcome: Ended['outcome'], release = 'two', more: Partial<Ended> = {}): Ended => ({
  nominal: TWO,
  outcome,
  release,
  elapsedMs: 7,
  why: 'w',
  ...more,
});

const schedule = (more: Partial<ScheduleStatus> = {}): ScheduleStatus => ({
  schedule: 'shop/nightly',
  expression: '15 2 * * *',
  timeZone: 'UTC',
  concurrencyPolicy: 'Forbid',
  suspended: false,
  next: TWO,
  running: [],
  ended: [],
  counts: {},
  ...more,
});

function status(one: ScheduleStatus, { proven = false, serving = 'two' } = {}): Status {
  const release = { release: 'two', revision: 'two', commit: 'c' };
  return {
    entries: [
      {
        key: KEY,
        conditions: [],
        draining: [],
        quarantined: [],
        replicas: [],
        desired: release,
        serving: { ...release, release: serving, weight: 100 },
        ...(proven ? { proven: release } : {}),
        schedules: [one],
      },
    ],
  } as unknown as Status;
}

const wanted = (...args: Parameters<typeof firingsWanted>): readonly string[] =>
  firingsWanted(...args).map((one) => one.schedule);

describe('wanted', () => {
  it('is what only firings prove, until it is proven', () => {
    expect(wanted(status(schedule({ ended: [ended('Succeeded')] })), fired, false)).toEqual(['shop/nightly']);
    expect(wanted(status(schedule(), { proven: true }), fired, false)).toEqual([]);
    expect(wanted(status(schedule(), { serving: 'one' }), fired, true)).toEqual([]);
    expect(wanted(status(schedule({ suspended: true })), fired, true)).toEqual([]);
  });

  it('is each of the others once, on the release that git names, to an end of its own', () => {
    const of = (...ends: readonly Ended[]) => wanted(status(schedule({ ended: ends })), routed, true);
    expect(wanted(status(schedule()), routed, false)).toEqual([]);
    expect(of()).toEqual(['shop/nightly']);
    expect(of(ended('Succeeded', 'one'))).toEqual(['shop/nightly']);
    expect(of(ended('Skipped'), ended('Missed'), ended('Unknown'))).toEqual(['shop/nightly']);
    expect(of(ended('Succeeded'))).toEqual([]);
    expect(of(ended('Failed'))).toEqual([]);
  });
});

describe('the clock', () => {
  const nowMs = Date.parse('2026-11-28T12:00:00.000Z');
  it('goes to the first that is due', () => {
    const later = schedule({ next: '2026-12-01T00:00:00.000Z' });
    expect(nextFiring([later, schedule()], nowMs)).toBe(Date.parse(TWO));
    expect(nextFiring([], nowMs)).toBeUndefined();
  });

  it('stands while one runs, is due, or was not noticed', () => {
    const running = [{ nominal: TWO, started: TWO, release: 'two' }];
    expect(nextFiring([schedule(), schedule({ running })], nowMs)).toBeUndefined();
    expect(nextFiring([schedule(), schedule({ due: { nominal: TWO, why: '' } })], nowMs)).toBeUndefined();
    expect(nextFiring([schedule()], Date.parse(TWO))).toBeUndefined();
    const { next: _, ...never } = schedule();
    expect(nextFiring([never], nowMs)).toBeUndefined();
  });
});

it.each<[string, Status, object]>([
  ['fired', status(schedule({ ended: [ended('Succeeded')] })), { outcome: 'Passed', message: 'fired 1 time' }],
  [
    'fired often',
    status(schedule({ ended: [ended('Succeeded'), ended('Succeeded', 'two', { elapsedMs: 9 })] })),
    { outcome: 'Passed', message: 'fired 2 times', elapsedMs: 9 },
  ],
  [
    'failed once',
    status(schedule({ ended: [ended('Succeeded'), ended('Trapped', 'two', { code: 'HW4602' })] })),
    { outcome: 'Failed', code: 'HW5118', message: `the firing of ${TWO}: w (HW4602)` },
  ],
  ['suspended', status(schedule({ suspended: true })), { outcome: 'Skipped', message: 'it is suspended' }],
  ['taken back', status(schedule(), { serving: 'one' }), { outcome: 'Skipped' }],
  [
    'still running',
    status(schedule({ running: [{ nominal: TWO, started: TWO, release: 'two' }] })),
    { outcome: 'Failed', message: 'its firing did not end in time' },
  ],
  ['missed', status(schedule({ ended: [ended('Missed')] })), { outcome: 'Failed', message: 'w' }],
  ['never due', status(schedule()), { outcome: 'Failed', message: 'it did not fire in time' }],
])('a schedule that %s', (_what, seen, expected) => {
  const span = { file: 'nightly.yaml', line: 4, column: 1, endLine: 4, endColumn: 2 };
  expect(firingCases(seen, fired, new Map([['shop/nightly', span]]))).toMatchObject([
    { suite: 'schedules', name: 'shop/nightly', span, ...expected },
  ]);
});
