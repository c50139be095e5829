/** Trailers of responses (`outgoing-body.finish`) and of requests (`incoming-body.finish`), with a real guest in a real cell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Abort,
  FromCell,
  INITIAL_CREDIT_BYTES,
  MAX_CHUNK_BYTES,
  REQUEST_HAS_BODY_FRAMES,
  ToCell,
} from '../../src/wire/frames.ts';
import { MAX_TRAILERS, writeTrailers } from '../../src/wire/trailers.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { ANSWER, guestOfMany, TEXT } from './kit/guest.ts';
import { Peer } from './kit/peer.ts';

const { respond, openBody, hello, set } = TEXT;
const { Response, Body, BodyEnd, BodyAbort, Done } = FromCell;
const append =
  '(call $fields_append (local.get $fields) (i32.const 24) (i32.const 3) (i32.const 16) (i32.const 5) (i32.const 64))';
const times = (count: number): string =>
  `(local.set $n (i32.const ${count})) (loop $again ${append} (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))`;
/** Ends the body with so many trailers `x-a: hello`; the guest asserts whether that was well. */
const finish = (count: number, isWell: boolean): string =>
  `(call $out_drop (local.get $stream)) (local.set $fields (call $fields)) ${count > 0 ? times(count) : ''}
   (call $body_finish (local.get $body) (i32.const 1) (local.get $fields) (i32.const 64))
   (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const ${isWell ? 0 : 1})) (then unreachable))`;

const CASES: readonly (readonly [string, string, object])[] = [
  ['none', ANSWER, { frames: [Response], bodyEnd: 'Inline', trailers: [] }],
  [
    'one',
    `${respond} ${openBody} ${hello} ${finish(1, true)} ${set}`,
    { frames: [Response, Body, BodyEnd, Done], trailers: ['x-a', 'hello'] },
  ],
  [
    'one, the head first',
    `${respond} ${openBody} ${set} ${hello} ${finish(1, true)}`,
    { frames: [Response, Body, BodyEnd, Done], trailers: ['x-a', 'hello'] },
  ],
  [
    'one behind no body at all',
    `${respond} ${openBody} ${finish(1, true)} ${set}`,
    { frames: [Response, BodyEnd, Done], trailers: ['x-a', 'hello'] },
  ],
  [
    'an empty list',
    `${respond} ${openBody} ${hello} ${finish(0, true)} ${set}`,
    { frames: [Response], bodyEnd: 'Inline', trailers: [] },
  ],
  [
    'as many as may be',
    `${respond} ${openBody} ${hello} ${finish(MAX_TRAILERS, true)} ${set}`,
    { bodyEnd: 'End', outcome: 'Ok' },
  ],
  [
    'one more',
    `${respond} ${openBody} ${hello} ${finish(MAX_TRAILERS + 1, false)} ${set}`,
    { frames: [Response, Body, BodyAbort, Done], outcome: 'Ok' },
  ],
];

let peer: Peer;
beforeAll(async () => {
  const bundle = await bundleOf(await guestOfMany(CASES.map(([, handle]) => handle)));
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle), bundle);
});
afterAll(() => peer.close());

describe('trailers', () => {
  test.each(CASES.map(([what, , expected], index) => [what, index, expected] as const))(
    '%s',
    async (_what, index, expected) => {
      const answer = await peer.ask(1, { path: `/${String(index).padStart(2, '0')}` });
      expect(answer).toMatchObject({ status: 200, ...expected });
    },
  );

  test('as many as may be arrive', async () => {
    const { trailers, body } = await peer.ask(1, { path: '/05' });
    expect(trailers).toHaveLength(2 * MAX_TRAILERS);
    expect(body.toString()).toBe('hello');
  });
});

describe('trailers of a request', () => {
  const { openRequest, askTrailers, takeTrailer, tellTrailer, closeBody } = TEXT;
  const unless = (test: string): string => `(if (i32.eqz ${test}) (then unreachable))`;
  /** An option of a result of a result: there, well, and well. */
  const HAS_ANSWER = unless(
    '(i64.eq (i64.or (i64.load8_u (i32.const 72)) (i64.load8_u (i32.const 80))) (i64.const 0))',
  );
  const is = (at: number, value: number): string =>
    unless(`(i32.eq (i32.load8_u (i32.const ${at})) (i32.const ${value}))`);
  const TELLS = `${openRequest} ${askTrailers} ${HAS_ANSWER} ${is(88, 1)} ${takeTrailer} ${respond} ${openBody} ${tellTrailer} ${closeBody} ${set}`;
  const HAS_NONE = `${openRequest} ${askTrailers} ${HAS_ANSWER} ${is(88, 0)} ${ANSWER}`;
  /** `HTTP-request-trailer-section-size` is the 24th of `error-code`. */
  const REFUSED = `${openRequest} ${askTrailers} ${is(72, 0)} ${is(80, 1)} ${is(88, 23)} ${ANSWER}`;
  const READS_NOTHING = `${openRequest} (call $in_drop (local.get $stream)) (call $future_drop (call $incoming_finish (local.get $n))) ${ANSWER}`;

  let requests: Peer;
  beforeAll(async () => {
    const bundle = await bundleOf(await guestOfMany([TELLS, HAS_NONE, REFUSED, READS_NOTHING]));
    requests = await Peer.start();
    await requests.load(assignmentOf(bundle), bundle);
  });
  afterAll(() => requests.close());

  const begin = (id: number, path: string): void =>
    requests.send(id, { method: 'POST', path, flags: REQUEST_HAS_BODY_FRAMES });
  const body = (id: number, bytes: number): void => {
    for (let left = bytes; left > 0; left -= MAX_CHUNK_BYTES) {
      requests.writer.frame(ToCell.Body, id, Buffer.alloc(Math.min(left, MAX_CHUNK_BYTES)));
    }
  };
  const credited = (id: number, from: number): number => {
    const credits = requests.frames.slice(from).filter((frame) => frame.id === id && frame.type === FromCell.Credit);
    return credits.reduce((sum, { payload }) => sum + payload.readUInt32LE(0), 0);
  };

  test('are given to a guest that waits for them, whatever of the body it has read', async () => {
    const from = requests.frames.length;
    begin(1, '/00');
    body(1, INITIAL_CREDIT_BYTES);
    await requests.until(() => credited(1, from) > 0, 'credit for what was read past');
    body(1, credited(1, from));
    writeTrailers(requests.writer, ToCell.BodyEnd, 1, ['x-b', 'other', 'x-a', 'sum']);
    expect(await requests.answer(1, from)).toMatchObject({ status: 200, outcome: 'Ok', body: Buffer.from('sum') });
  });

  test('are none where the body ends without them, and where it came with the head', async () => {
    const from = requests.frames.length;
    begin(2, '/01');
    body(2, 10);
    requests.writer.frame(ToCell.BodyEnd, 2, Buffer.alloc(0));
    expect(await requests.answer(2, from)).toMatchObject({ status: 200, outcome: 'Ok' });
    expect(await requests.ask(3, { path: '/01', method: 'POST', body: Buffer.from('abc') })).toMatchObject({
      status: 200,
    });
  });

  test('that are too many are an error of their own', async () => {
    const from = requests.frames.length;
    begin(4, '/02');
    body(4, 10);
    requests.writer.numberFrame(ToCell.BodyAbort, 4, Abort.TrailersTooLarge, 1);
    expect(await requests.answer(4, from)).toMatchObject({ status: 200, outcome: 'Ok' });
  });

  test('of a guest that does not look for them let nothing more of the body come', async () => {
    const from = requests.frames.length;
    begin(5, '/03');
    body(5, INITIAL_CREDIT_BYTES);
    expect(await requests.answer(5, from)).toMatchObject({ status: 200, outcome: 'Ok' });
    expect(credited(5, from)).toBe(0);
  });

  test('that break the format end the cell', async () => {
    const broken = await Peer.start();
    const bundle = await bundleOf(await guestOfMany([HAS_NONE]));
    await broken.load(assignmentOf(bundle), bundle);
    broken.send(1, { method: 'POST', path: '/00', flags: REQUEST_HAS_BODY_FRAMES });
    broken.writer.frame(ToCell.BodyEnd, 1, Buffer.from([1, 0, 1, 0, 32, 1, 0, 97]));
    expect((await broken.exited()).code).not.toBe(0);
    await broken.close();
  });
});
