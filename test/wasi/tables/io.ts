/** `wasi:io`: error, poll, streams. */
import { REQUEST_BODY, BODY, CLOSE, RESPONSE, SET, error, trap, value, type Row, type Table } from '../kit/row.ts';
import { call, get, holds, is, isLong, isText, put, R, text, u32, u64, u8 } from '../kit/wat.ts';

const POST = { method: 'POST', body: Buffer.from('abcdef') } as const;
const HOUR_NS = 3_600_000_000_000n;
const MAX_U64 = -1n;
const CLOSED = 1;
const FAILED = 0;

/** A response that declares two bytes, and the stream of its body (`$c`). Once five are written, it has failed. */
const SHORT = `${put('f', call('fields.new'))} ${call('fields.append', get('f'), text('content-length'), text('2'), R)}
  ${put('a', call('outgoing-response.new', get('f')))} ${BODY} ${SET}`;
const PERMIT = call('output-stream.check-write', get('c'), R);
const OVER = `${PERMIT} ${call('output-stream.write', get('c'), text('hello'), R)}`;
const BROKEN = { status: 200, bodyEnd: 'Abort', bodyText: '' } as const;
const isFailed = (at = 4): string => is(u8(0), 1) + is(u8(at), FAILED);
const isClosed = (at = 4): string => is(u8(0), 1) + is(u8(at), CLOSED);
const failing = (of: string, what: string, handle: string, at = 4): Row =>
  error(of, what, `${SHORT} ${handle} ${isFailed(at)}`, { expected: BROKEN });
const read = (of: string, bytes: bigint): string => call(of, get('e'), bytes, R);
const ALL_READ = read('input-stream.read', 100n);
const OPEN = `${RESPONSE} ${BODY}`;
const closes = (handle: string): string => `${handle} ${CLOSE} ${SET}`;
const NEVER = call('monotonic-clock.subscribe-duration', HOUR_NS);
const DUE = call('monotonic-clock.subscribe-instant', 0n);
const list = (...handles: readonly string[]): string =>
  handles.map((handle, index) => `(i32.store (i32.const ${1024 + 4 * index}) ${handle})`).join(' ');

const ERRORS: readonly Row[] = [
  value(
    'error.to-debug-string',
    'says what failed',
    `${SHORT} ${OVER} ${put('d', u32(8))} ${call('error.to-debug-string', get('d'), R)}
     ${isText(0, '5 bytes written, 2 declared')} ${call('error.drop', get('d'))}`,
    { expected: BROKEN },
  ),
  trap(
    'error.to-debug-string',
    'of what was dropped',
    `${SHORT} ${OVER} ${put('d', u32(8))}
    ${call('error.drop', get('d'))} ${call('error.to-debug-string', get('d'), R)}`,
    { expected: BROKEN },
  ),
];

const POLL: readonly Row[] = [
  value('pollable.ready', 'is true of what has come', is(call('pollable.ready', DUE), 1)),
  value('pollable.ready', 'is false of what has not', is(call('pollable.ready', NEVER), 0)),
  value('pollable.block', 'returns at once where it is ready', call('pollable.block', DUE)),
  value(
    'pollable.block',
    'waits until it is',
    `${put('long', call('monotonic-clock.now'))}
     ${call('pollable.block', call('monotonic-clock.subscribe-duration', 5_000_000n))}
     ${holds(`(i64.ge_u (i64.sub ${call('monotonic-clock.now')} ${get('long')}) (i64.const 5000000))`)}`,
  ),
  trap('pollable.block', 'of a handle that was never given', call('pollable.block', 999)),
  value(
    'poll.poll',
    'names those that are ready',
    `${list(NEVER, DUE, NEVER, DUE)} ${call('poll.poll', 1024, 4, R)} ${is(u32(4), 2)}
     ${is(`(i32.load ${u32(0)})`, 1)} ${is(`(i32.load offset=4 ${u32(0)})`, 3)}`,
  ),
  value(
    'poll.poll',
    'waits for the first',
    `${list(NEVER, call('monotonic-clock.subscribe-duration', 1_000_000n))} ${call('poll.poll', 1024, 2, R)}
     ${is(u32(4), 1)} ${is(`(i32.load ${u32(0)})`, 1)}`,
  ),
  value(
    'poll.poll',
    'takes the same one twice',
    `${put('a', DUE)} ${list(get('a'), get('a'))} ${call('poll.poll', 1024, 2, R)} ${is(u32(4), 2)}`,
  ),
  trap('poll.poll', 'of an empty list', call('poll.poll', 0, 0, R)),
  trap('poll.poll', 'of a handle that was never given', `${list('(i32.const 999)')} ${call('poll.poll', 1024, 1, R)}`),
];

const reads = (of: string): readonly Row[] => [
  value(of, 'gives what there is', `${REQUEST_BODY} ${read(of, 4n)} ${is(u8(0), 0)} ${isText(4, 'abcd')}`, {
    request: POST,
  }),
  value(
    of,
    'gives less where there is less',
    `${REQUEST_BODY} ${read(of, MAX_U64)} ${is(u8(0), 0)} ${isText(4, 'abcdef')}`,
    {
      request: POST,
    },
  ),
  value(of, 'of nothing is nothing', `${REQUEST_BODY} ${read(of, 0n)} ${is(u8(0), 0)} ${is(u32(8), 0)}`, {
    request: POST,
  }),
  error(of, 'is closed behind the end', `${REQUEST_BODY} ${ALL_READ} ${read(of, 1n)} ${isClosed()}`, { request: POST }),
  trap(of, 'of a stream that was dropped', `${REQUEST_BODY} ${call('input-stream.drop', get('e'))} ${read(of, 1n)}`),
];

const skips = (of: string): readonly Row[] => [
  value(
    of,
    'says how much',
    `${REQUEST_BODY} ${read(of, 4n)} ${is(u8(0), 0)} ${isLong(u64(8), 4n)} ${ALL_READ} ${isText(4, 'ef')}`,
    { request: POST },
  ),
  error(of, 'is closed behind the end', `${REQUEST_BODY} ${ALL_READ} ${read(of, 1n)} ${isClosed(8)}`, {
    request: POST,
  }),
];

const INPUT: readonly Row[] = [
  ...reads('input-stream.read'),
  ...reads('input-stream.blocking-read'),
  ...skips('input-stream.skip'),
  ...skips('input-stream.blocking-skip'),
  value(
    'input-stream.subscribe',
    'is ready where there are bytes, and at the end',
    `${REQUEST_BODY} ${is(call('pollable.ready', call('input-stream.subscribe', get('e'))), 1)} ${ALL_READ}
     ${is(call('pollable.ready', call('input-stream.subscribe', get('e'))), 1)}`,
    { request: POST },
  ),
  value(
    'input-stream.drop',
    'leaves a pollable of it that still answers',
    `${REQUEST_BODY} ${put('f', call('input-stream.subscribe', get('e')))} ${call('input-stream.drop', get('e'))}
     ${is(call('pollable.ready', get('f')), 1)}`,
    { request: POST },
  ),
];

const written = (of: string, bytes: number): string => call(of, get('c'), 1024, bytes, R);
const zeroes = (of: string, bytes: bigint): string => call(of, get('c'), bytes, R);
const WELL = is(u8(0), 0);

const OUTPUT: readonly Row[] = [
  value('output-stream.check-write', 'permits 64 kB', `${OPEN} ${PERMIT} ${WELL} ${isLong(u64(8), 65_536n)}`),
  failing('output-stream.check-write', 'of a stream that has failed', `${OVER} ${PERMIT}`, 8),
  value(
    'output-stream.write',
    'within the permit',
    closes(`${OPEN} ${PERMIT} ${written('output-stream.write', 65_536)} ${WELL}`),
    {
      expected: { bodyEnd: 'End', bodyText: '65536 bytes' },
    },
  ),
  failing('output-stream.write', 'beyond the declared length', OVER),
  trap('output-stream.write', 'without a permit', `${OPEN} ${written('output-stream.write', 1)}`),
  trap('output-stream.write', 'beyond the permit', `${OPEN} ${PERMIT} ${written('output-stream.write', 65_537)}`),
  trap(
    'output-stream.write',
    'of a permit that is used up',
    `${OPEN} ${PERMIT}
    ${written('output-stream.write', 65_536)} ${written('output-stream.write', 1)}`,
  ),
  value(
    'output-stream.write-zeroes',
    'within the permit',
    closes(`${OPEN} ${PERMIT} ${zeroes('output-stream.write-zeroes', 3n)} ${WELL}`),
    {
      expected: { bodyText: '\0\0\0' },
    },
  ),
  failing(
    'output-stream.write-zeroes',
    'beyond the declared length',
    `${PERMIT} ${zeroes('output-stream.write-zeroes', 5n)}`,
  ),
  trap(
    'output-stream.write-zeroes',
    'beyond the permit',
    `${OPEN} ${PERMIT} ${zeroes('output-stream.write-zeroes', 65_537n)}`,
  ),
  trap(
    'output-stream.write-zeroes',
    'of 2^64 - 1',
    `${OPEN} ${PERMIT} ${zeroes('output-stream.write-zeroes', MAX_U64)}`,
  ),
  value(
    'output-stream.blocking-write-and-flush',
    'of 4096',
    closes(`${OPEN} ${written('output-stream.blocking-write-and-flush', 4096)} ${WELL}`),
    { expected: { bodyText: '4096 bytes' } },
  ),
  failing(
    'output-stream.blocking-write-and-flush',
    'beyond the declared length',
    written('output-stream.blocking-write-and-flush', 5),
  ),
  trap(
    'output-stream.blocking-write-and-flush',
    'of 4097',
    `${OPEN} ${written('output-stream.blocking-write-and-flush', 4097)}`,
  ),
  value(
    'output-stream.blocking-write-zeroes-and-flush',
    'of 4096',
    closes(`${OPEN} ${zeroes('output-stream.blocking-write-zeroes-and-flush', 4096n)} ${WELL}`),
    { expected: { bodyText: '4096 bytes' } },
  ),
  failing(
    'output-stream.blocking-write-zeroes-and-flush',
    'beyond the declared length',
    zeroes('output-stream.blocking-write-zeroes-and-flush', 5n),
  ),
  trap(
    'output-stream.blocking-write-zeroes-and-flush',
    'of 4097',
    `${OPEN} ${zeroes('output-stream.blocking-write-zeroes-and-flush', 4097n)}`,
  ),
  ...['output-stream.flush', 'output-stream.blocking-flush'].flatMap((of) => [
    value(of, 'of a stream that is well', `${OPEN} ${call(of, get('c'), R)} ${WELL}`),
    failing(of, 'of a stream that has failed', `${OVER} ${call(of, get('c'), R)}`),
  ]),
  value(
    'output-stream.subscribe',
    'is ready where there is room, and where it has failed',
    `${SHORT} ${is(call('pollable.ready', call('output-stream.subscribe', get('c'))), 1)} ${OVER}
     ${is(call('pollable.ready', call('output-stream.subscribe', get('c'))), 1)}`,
    { expected: BROKEN },
  ),
  ...['output-stream.splice', 'output-stream.blocking-splice'].flatMap((of) => [
    value(
      of,
      'moves what there is',
      closes(`${OPEN} ${REQUEST_BODY} ${call(of, get('c'), get('e'), 4n, R)} ${WELL} ${isLong(u64(8), 4n)}
        ${call(of, get('c'), get('e'), MAX_U64, R)} ${WELL} ${isLong(u64(8), 2n)}`),
      { request: POST, expected: { bodyText: 'abcdef' } },
    ),
    error(
      of,
      'is closed behind the end of its source',
      `${OPEN} ${REQUEST_BODY} ${ALL_READ} ${call(of, get('c'), get('e'), 4n, R)} ${isClosed(8)}`,
      { request: POST },
    ),
    error(
      of,
      'of a stream that has failed',
      `${SHORT} ${OVER} ${REQUEST_BODY} ${call(of, get('c'), get('e'), 4n, R)} ${isFailed(8)}`,
      { request: POST, expected: BROKEN },
    ),
    value(
      of,
      'of nothing is nothing',
      `${OPEN} ${REQUEST_BODY} ${call(of, get('c'), get('e'), 0n, R)} ${WELL} ${isLong(u64(8), 0n)}`,
      {
        request: POST,
      },
    ),
  ]),
  trap(
    'output-stream.splice',
    'from a handle of another kind',
    `${OPEN} ${call('output-stream.splice', get('c'), get('c'), 4n, R)}`,
  ),
  trap(
    'output-stream.drop',
    'twice',
    `${OPEN} ${call('output-stream.drop', get('c'))} ${call('output-stream.drop', get('c'))}`,
  ),
];

export const IO: Table = { package: 'io', rows: [...ERRORS, ...POLL, ...INPUT, ...OUTPUT], neverFail: {} };
