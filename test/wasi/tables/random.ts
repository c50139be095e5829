/** `wasi:random`: random, insecure, insecure-seed. */
import { trap, value, type Row, type Table } from '../kit/row.ts';
import { call, get, holds, is, put, R, u32, u64 } from '../kit/wat.ts';

const MOST = 1_048_576n;

const bytes = (of: string): readonly Row[] => [
  value(
    of,
    'gives as many as asked, others each time',
    `${call(of, 32n, R)} ${is(u32(4), 32)} ${put('a', u32(0))} ${call(of, 32n, R)} ${put('b', u32(0))}
     ${holds(`(i32.eqz (call $same ${get('a')} (i32.const 32) ${get('b')} (i32.const 32)))`)}`,
  ),
  value(of, 'of none is an empty list', `${call(of, 0n, R)} ${is(u32(4), 0)}`),
  trap(of, 'of one more than a mebibyte', call(of, MOST + 1n, R)),
  trap(of, 'of 2^64 - 1', call(of, -1n, R)),
];

const number = (of: string): Row =>
  value(of, 'is another each time', `${put('long', call(of))} ${holds(`(i64.ne ${call(of)} ${get('long')})`)}`);

const ROWS: readonly Row[] = [
  ...bytes('random.get-random-bytes'),
  number('random.get-random-u64'),
  ...bytes('insecure.get-insecure-random-bytes'),
  number('insecure.get-insecure-random-u64'),
  value(
    'insecure-seed.insecure-seed',
    'is another each time',
    `${call('insecure-seed.insecure-seed', R)} ${put('long', u64(0))} ${call('insecure-seed.insecure-seed', R)}
     ${holds(`(i64.ne ${u64(0)} ${get('long')})`)} ${holds(`(i64.ne ${u64(0)} ${u64(8)})`)}`,
  ),
];

export const RANDOM: Table = { package: 'random', rows: ROWS, neverFail: {} };
