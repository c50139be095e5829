/** `outgoing-body.finish` with trailers, from a real guest in a real cell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FromCell } from '../../src/wire/frames.ts';
import { MAX_TRAILERS } from '../../src/wire/trailers.ts';
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
