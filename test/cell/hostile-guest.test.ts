/** Guests that break the rules of an interface, one rule each. Each is a component of a few lines in a real cell. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limitDenials, type CountedDenial } from '../../src/cell/denials.ts';
import { unknownInterface } from '../../src/cell/wasi/denied.ts';
import { MAX_HEADERS } from '../../src/wire/frames.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { ANSWER, guest, guestOfMany, TEXT } from './kit/guest.ts';
import { Peer, type Answer } from './kit/peer.ts';

const { respond, openBody, hello, closeBody, set, openRequest } = TEXT;
/** Traps where the value at `address` is not `expected`: the guest's own assertion. */
const expectAt = (address: number, expected: number): string =>
  `(if (i32.ne (i32.load8_u (i32.const ${address})) (i32.const ${expected})) (then unreachable))`;
const OK = expectAt(64, 0);
const ERR = expectAt(64, 1);
const append = (name: number, nameLength: number, value: number, valueLength: number): string =>
  `(call $fields_append (local.get $fields) (i32.const ${name}) (i32.const ${nameLength}) (i32.const ${value}) (i32.const ${valueLength}) (i32.const 64))`;
const loop = (times: number, body: string): string =>
  `(local.set $n (i32.const ${times})) (loop $again ${body} (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))`;

const TRAP = { outcome: 'Trap', status: undefined };
const FINE = { outcome: 'Ok', status: 200, bodyEnd: 'Inline' };

const RULES: readonly [what: string, handle: string, expected: Partial<Record<keyof Answer, unknown>>][] = [
  ['the good answer, for comparison', ANSWER, FINE],
  ['the answer set first, the body written after', `${respond} ${openBody} ${set} ${hello} ${closeBody}`, FINE],
  ['an answer without a body', `${respond} ${set}`, FINE],
  [
    'write without check-write',
    `${respond} ${openBody} (call $write (local.get $stream) (i32.const 16) (i32.const 1) (i32.const 64)) ${closeBody} ${set}`,
    TRAP,
  ],
  [
    'write of nothing needs no permit',
    `${respond} ${openBody} (call $write (local.get $stream) (i32.const 16) (i32.const 0) (i32.const 64)) ${OK} ${closeBody} ${set}`,
    FINE,
  ],
  [
    'write beyond the permit',
    `${respond} ${openBody} (call $check_write (local.get $stream) (i32.const 64)) (call $write (local.get $stream) (i32.const 0) (i32.const 65537) (i32.const 64))`,
    TRAP,
  ],
  [
    'write of exactly the permit',
    `${respond} ${openBody} (call $check_write (local.get $stream) (i32.const 64)) (call $write (local.get $stream) (i32.const 0) (i32.const 65536) (i32.const 64)) ${OK} ${closeBody} ${set}`,
    { outcome: 'Ok', bodyEnd: 'End', status: 200 },
  ],
  [
    'one permit used twice',
    `${respond} ${openBody} (call $check_write (local.get $stream) (i32.const 64)) (call $write (local.get $stream) (i32.const 0) (i32.const 65536) (i32.const 64)) (call $write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 64))`,
    TRAP,
  ],
  [
    'write-zeroes beyond the permit',
    `${respond} ${openBody} (call $write_zeroes (local.get $stream) (i64.const 9223372036854775807) (i32.const 64))`,
    TRAP,
  ],
  [
    'a blocking write of 4096',
    `${respond} ${openBody} (call $blocking_write (local.get $stream) (i32.const 0) (i32.const 4096) (i32.const 64)) ${OK} ${closeBody} ${set}`,
    FINE,
  ],
  [
    'a blocking write of 4097',
    `${respond} ${openBody} (call $blocking_write (local.get $stream) (i32.const 0) (i32.const 4097) (i32.const 64))`,
    TRAP,
  ],
  [
    'finish with the stream still open',
    `${respond} ${openBody} ${hello} (call $body_finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))`,
    TRAP,
  ],
  ['finish with the request stream still open', `${openRequest} (drop (call $incoming_finish (local.get $n)))`, TRAP],
  [
    'the body taken twice',
    `${respond} ${openBody} (call $response_body (local.get $response) (i32.const 64)) ${ERR} ${hello} ${closeBody} ${set}`,
    FINE,
  ],
  [
    'the stream taken twice',
    `${respond} ${openBody} (call $body_write (local.get $body) (i32.const 64)) ${ERR} ${hello} ${closeBody} ${set}`,
    FINE,
  ],
  [
    'the request consumed twice',
    `${openRequest} (call $request_consume (local.get $req) (i32.const 64)) ${ERR} ${ANSWER}`,
    FINE,
  ],
  ['the response set twice', `${ANSWER} ${respond} ${set}`, { outcome: 'Trap', status: 200, bodyEnd: 'Abort' }],
  ['a handle that was never given', `(drop (call $response (i32.const 77)))`, TRAP],
  [
    'a handle that was dropped',
    `(local.set $fields (call $fields)) (call $fields_drop (local.get $fields)) (drop (call $response (local.get $fields)))`,
    TRAP,
  ],
  ['a handle of another kind', `(drop (call $response (local.get $req)))`, TRAP],
  [
    'the status 199',
    `${respond} (if (i32.eqz (call $set_status (local.get $response) (i32.const 199))) (then unreachable)) ${set}`,
    FINE,
  ],
  [
    'the status 200',
    `${respond} (if (call $set_status (local.get $response) (i32.const 200)) (then unreachable)) ${set}`,
    FINE,
  ],
  [
    'the status 599',
    `${respond} (if (call $set_status (local.get $response) (i32.const 599)) (then unreachable)) ${set}`,
    { outcome: 'Ok', status: 599 },
  ],
  [
    'the status 600',
    `${respond} (if (i32.eqz (call $set_status (local.get $response) (i32.const 600))) (then unreachable)) ${set}`,
    FINE,
  ],
  [
    'headers of the response changed after they were given away',
    `${respond} (local.set $fields (call $response_headers (local.get $response))) ${append(24, 3, 16, 5)} ${ERR} ${expectAt(65, 2)} ${set}`,
    FINE,
  ],
  [
    'headers of the request changed',
    `(local.set $fields (call $request_headers (local.get $req))) ${append(24, 3, 16, 5)} ${ERR} ${expectAt(65, 2)} ${respond} ${set}`,
    FINE,
  ],
  [
    'a header',
    `(local.set $fields (call $fields)) ${append(24, 3, 16, 5)} ${OK} (local.set $response (call $response (local.get $fields))) ${set}`,
    { ...FINE, headers: ['x-a', 'hello'] },
  ],
  ['an empty header name', `(local.set $fields (call $fields)) ${append(24, 0, 16, 5)} ${ERR} ${respond} ${set}`, FINE],
  [
    'a header value with a NUL',
    `(local.set $fields (call $fields)) ${append(24, 3, 20, 4)} ${ERR} ${respond} ${set}`,
    FINE,
  ],
  [
    'content-length said twice',
    `(local.set $fields (call $fields)) ${append(32, 14, 48, 1)} ${append(32, 14, 48, 1)} (local.set $response (call $response (local.get $fields))) ${set}`,
    { outcome: 'ErrorCode', status: undefined },
  ],
  [
    'content-length that is no number',
    `(local.set $fields (call $fields)) ${append(32, 14, 16, 5)} (local.set $response (call $response (local.get $fields))) ${set}`,
    { outcome: 'ErrorCode', status: undefined },
  ],
  [
    'content-length without a body',
    `(local.set $fields (call $fields)) ${append(32, 14, 48, 2)} (local.set $response (call $response (local.get $fields))) ${set}`,
    { outcome: 'ErrorCode', status: undefined },
  ],
  [
    `${MAX_HEADERS} headers`,
    `(local.set $fields (call $fields)) ${loop(MAX_HEADERS, append(24, 3, 16, 5))} (local.set $response (call $response (local.get $fields))) ${set}`,
    FINE,
  ],
  [
    `${MAX_HEADERS + 1} headers`,
    `(local.set $fields (call $fields)) ${loop(MAX_HEADERS + 1, append(24, 3, 16, 5))}`,
    TRAP,
  ],
  [
    'headers of more than a head',
    `(local.set $fields (call $fields)) (memory.fill (i32.const 2048) (i32.const 97) (i32.const 40000)) ${append(24, 3, 2048, 40000)} ${OK} ${append(24, 3, 2048, 40000)}`,
    TRAP,
  ],
  ['poll of nothing', `(call $poll (i32.const 0) (i32.const 0) (i32.const 64))`, TRAP],
  [
    'a mebibyte of random bytes, one too many',
    `(call $random (i64.const 1048577) (i32.const 64))`,
    { ...TRAP, text: expect.stringContaining('random') },
  ],
  ['random bytes without end', `(call $random (i64.const -1) (i32.const 64))`, TRAP],
  ['no preopened folder', `(call $preopens (i32.const 64)) ${expectAt(68, 0)} ${ANSWER}`, FINE],
  [
    'a response dropped instead of set',
    `${respond} (call $response_drop (local.get $response))`,
    { outcome: 'NoResponse' },
  ],
  [
    'the body dropped before the answer is set',
    `${respond} ${openBody} (call $out_drop (local.get $stream)) (call $body_drop (local.get $body)) ${set}`,
    { status: 200, bodyEnd: 'Abort' },
  ],
];

/** Those that can block and those that cannot are two components: their bindings differ in everything. */
const BLOCKS = /\$(blocking_\w+|poll|block)\b/;

describe.each([
  ['synchronous bindings', RULES.filter(([, handle]) => !BLOCKS.test(handle))],
  ['suspending bindings', RULES],
])('one rule each, %s', (_kind, rules) => {
  let cell: Peer;

  beforeAll(async () => {
    const bundle = await bundleOf(await guestOfMany(rules.map(([, handle]) => handle)));
    cell = await Peer.start();
    await cell.load(assignmentOf(bundle, { instancePolicy: 'PerRequest' }), bundle);
  });
  afterAll(() => cell.close());

  test.each(rules.map((rule, index) => [...rule, index] as const))('%s', async (_what, _handle, expected, index) => {
    const path = `/${String(index).padStart(2, '0')}`;
    expect(await cell.ask(1, { path })).toMatchObject(expected);
    // Whatever it did, the next request gets an instance of its own and meets the same.
    expect(await cell.ask(1, { path })).toMatchObject(expected);
  });
});

test.each(['0.2.0', '0.2.3', '0.2.12'])('WASI %s is the same implementation', async (version) => {
  const handle = `(call $block (call $sleep (i64.const 1000))) ${ANSWER}`;
  const bundle = await bundleOf(await guest({ handle, version }));
  expect(bundle.imports.every((name) => name.endsWith(`@${version}`))).toBe(true);
  const cell = await Peer.start();
  await cell.load(assignmentOf(bundle), bundle);
  expect(await cell.ask(1)).toMatchObject(FINE);
  await cell.close();
});

test('what this runtime does not know traps, and is told once a second with how often', () => {
  const told: CountedDenial[] = [];
  const tell = limitDenials((denial) => told.push(denial));
  const unknown = unknownInterface('wasi:blobstore/container', (denial) => tell(0, denial)) as {
    readonly getData: (name: string) => never;
  };
  for (let call = 0; call < 500; call++)
    expect(() => unknown.getData('x')).toThrow('container#get-data is not granted');
  const asked = { interface: 'wasi:blobstore/container', function: 'get-data', asked: '' };
  expect(told).toEqual([{ ...asked, member: 0, reason: 'not known to this runtime', count: 1, others: false }]);
});
