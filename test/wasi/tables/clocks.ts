/** `wasi:clocks`: monotonic-clock, wall-clock, timezone. */
import { value, type Row, type Table } from '../kit/row.ts';
import { call, drop, get, holds, is, isLong, isText, put, R, u32, u64, u8 } from '../kit/wat.ts';

const SECOND_NS = 1_000_000_000n;
const MAX_U64 = -1n;
/** 2026-01-01 and 2100-01-01: what a machine that runs this may say. */
const THEN_S = 1_767_225_600n;
const LATER_S = 4_102_444_800n;
const ready = (pollable: string): string => call('pollable.ready', pollable);

const ROWS: readonly Row[] = [
  value(
    'monotonic-clock.now',
    'never goes back',
    `${put('long', call('monotonic-clock.now'))}
     ${holds(`(i64.ge_u ${call('monotonic-clock.now')} ${get('long')})`)}`,
  ),
  value('monotonic-clock.resolution', 'is a nanosecond', isLong(call('monotonic-clock.resolution'), 1n)),
  value(
    'monotonic-clock.subscribe-instant',
    'of the past is ready',
    is(ready(call('monotonic-clock.subscribe-instant', 0n)), 1),
  ),
  value(
    'monotonic-clock.subscribe-instant',
    'of the end of time is not',
    is(ready(call('monotonic-clock.subscribe-instant', MAX_U64)), 0),
  ),
  value(
    'monotonic-clock.subscribe-duration',
    'of nothing is ready',
    is(ready(call('monotonic-clock.subscribe-duration', 0n)), 1),
  ),
  value(
    'monotonic-clock.subscribe-duration',
    'of all time does not overflow',
    is(ready(call('monotonic-clock.subscribe-duration', MAX_U64)), 0),
  ),
  value(
    'wall-clock.now',
    'is the time of the machine',
    `${call('wall-clock.now', R)} ${holds(`(i64.gt_u ${u64(0)} (i64.const ${THEN_S}))`)}
     ${holds(`(i64.lt_u ${u64(0)} (i64.const ${LATER_S}))`)} ${holds(`(i32.lt_u ${u32(8)} (i32.const ${SECOND_NS}))`)}`,
  ),
  value(
    'wall-clock.resolution',
    'is a millisecond',
    `${call('wall-clock.resolution', R)} ${isLong(u64(0), 0n)} ${is(u32(8), 1_000_000)}`,
  ),
  value(
    'timezone.display',
    'is UTC at any time',
    `${call('timezone.display', MAX_U64, 0, R)} ${is(u32(0), 0)} ${isText(4, 'UTC')} ${is(u8(12), 0)}`,
  ),
  value('timezone.utc-offset', 'is none at any time', is(call('timezone.utc-offset', 0n, 999_999_999), 0)),
  value('timezone.utc-offset', 'takes nanoseconds that no second has', drop('timezone.utc-offset', 0n, -1)),
];

export const CLOCKS: Table = { package: 'clocks', rows: ROWS, neverFail: {} };
