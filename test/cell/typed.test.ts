/** Calls of exported functions with JSON, in a real cell: every type both ways, and every way in which they can go wrong. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REQUEST_HAS_BODY_FRAMES, REQUEST_IS_TYPED, ToCell } from '../../src/wire/frames.ts';
import { fromCore } from '../component/support.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { echoOf, everyKind, MEMORY } from './kit/json-types.ts';
import { Peer, type Answer } from './kit/peer.ts';

const JSON_HEADERS = ['content-type', 'application/json'];
const peers: Peer[] = [];
afterAll(() => Promise.all(peers.map((peer) => peer.close())));

async function cellOf(component: Uint8Array, changes: object = {}): Promise<Peer> {
  const bundle = await bundleOf(component);
  const peer = await Peer.start();
  peers.push(peer);
  await peer.load(assignmentOf(bundle, changes), bundle);
  return peer;
}

interface Sent {
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
}

function call(peer: Peer, path: string, { method = 'POST', headers = JSON_HEADERS, body }: Sent): Promise<Answer> {
  const bytes = body === undefined ? {} : { body: Buffer.from(body) };
  return peer.ask(1, { method, path, headers, flags: REQUEST_IS_TYPED, ...bytes });
}

describe('every type, both ways', () => {
  const SEED = 20_261_128;
  const types = everyKind();
  let peer: Peer;
  beforeAll(async () => {
    peer = await cellOf(await echoOf(types));
  }, 60_000);

  test.each(types.map((type, index) => [type.name.slice(0, 70), type, index] as const))(
    '%s',
    async (_name, type, index) => {
      await fc.assert(
        fc.asyncProperty(fc.array(type.json, { maxLength: 5 }), async (values) => {
          const value = type.name === 'u8' ? Buffer.from(values as number[]).toString('base64') : values;
          const answer = await call(peer, `test:t/api#echo${index}`, { body: JSON.stringify({ value }) });
          expect({ status: answer.status, headers: answer.headers, text: answer.text }).toMatchObject({
            status: 200,
            headers: JSON_HEADERS,
          });
          expect(JSON.parse(answer.body.toString())).toEqual(JSON.parse(JSON.stringify(value)));
        }),
        { numRuns: 25, seed: SEED },
      );
    },
  );

  test('minus zero stays minus zero', async () => {
    const index = types.findIndex(({ name }) => name === 'f64');
    const answer = await call(peer, `test:t/api#echo${index}`, { body: '{"value":[-0, 0, -0.0]}' });
    expect(answer.body.toString()).toBe('[-0,0,-0]');
  });

  test('64-bit integers are taken as numbers too, where those are exact, and always given as strings', async () => {
    const path = `test:t/api#echo${types.findIndex(({ name }) => name === 's64')}`;
    const answer = await call(peer, path, {
      body: '{"value":[-9007199254740991, 9007199254740991, "-9223372036854775808"]}',
    });
    expect(JSON.parse(answer.body.toString())).toEqual([
      '-9007199254740991',
      '9007199254740991',
      '-9223372036854775808',
    ]);
    expect((await call(peer, path, { body: '{"value":[9007199254740992]}' })).status).toBe(400);
  });
});

/** A small interface of its own: answers of all kinds, some of which its bindings must not believe. */
const WIT = `package test:t;
  interface api {
    record point { x: s32, label: option<string>, deep: option<option<u8>> }
    variant shape { dot, line(u32), area(point) }
    enum colour { red, dark-green }
    flags rights { read, write-all }
    ping: func() -> u32;
    silent: func();
    add: func(a: u8, b: u8) -> u32;
    check: func(code: u32) -> result<string, colour>;
    bare: func(code: u32) -> result;
    take: func(p: point, s: shape, c: colour, r: rights, t: tuple<u8, bool>, l: list<u16>, b: list<u8>, ch: char,
      f: f32, g: f64, i: s64, t2: string, res: result<u8, string>, n: u32, ok: bool);
    crash: func() -> u32;
    long: func(count: u32) -> list<u64>;
    labels: func(count: u32) -> list<colour>;
    delete: func(when-HTTP: u8) -> u8;
  }
  world w { export api; }`;

const CORE = `(module ${MEMORY}
  (data (i32.const 16) "fine")
  (func (export "test:t/api#ping") (result i32) (i32.const 7))
  (func (export "test:t/api#silent"))
  (func (export "test:t/api#add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "test:t/api#check") (param i32) (result i32)
    (i32.store (i32.const 1024) (i32.ne (local.get 0) (i32.const 0)))
    (if (i32.eqz (local.get 0))
      (then (i32.store (i32.const 1028) (i32.const 16)) (i32.store (i32.const 1032) (i32.const 4)))
      (else (i32.store8 (i32.const 1028) (i32.const 1))))
    (i32.const 1024))
  (func (export "test:t/api#bare") (param i32) (result i32) (i32.ne (local.get 0) (i32.const 0)))
  (func (export "test:t/api#take") (param i32))
  (func (export "test:t/api#crash") (result i32) unreachable)
  (func (export "test:t/api#long") (param i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 65536)) (i32.store (i32.const 1028) (local.get 0)) (i32.const 1024))
  (func (export "test:t/api#labels") (param i32) (result i32)
    (i32.store (i32.const 1024) (i32.const 65536)) (i32.store (i32.const 1028) (local.get 0)) (i32.const 1024))
  (func (export "test:t/api#delete") (param i32) (result i32) (local.get 0)))`;

const RESPONSE_BYTES = 10_000;
const REQUEST_BYTES = 2_000;
let api: Peer;
beforeAll(async () => {
  api = await cellOf(await fromCore(CORE, WIT), { responseBodyBytes: RESPONSE_BYTES, requestBodyBytes: REQUEST_BYTES });
}, 60_000);

const answered = (answer: Answer): unknown => ({
  status: answer.status,
  outcome: answer.outcome,
  body: answer.body.length === 0 ? undefined : (JSON.parse(answer.body.toString()) as unknown),
});

describe('what a call answers', () => {
  const rows: readonly [string, string, Sent, object][] = [
    ['GET of a function without parameters', 'ping', { method: 'GET', headers: [] }, { status: 200, body: 7 }],
    ['POST without a body', 'ping', { headers: [] }, { status: 200, body: 7 }],
    ['POST of an empty object', 'ping', { body: '{}' }, { status: 200, body: 7 }],
    ['nothing to say', 'silent', {}, { status: 204, body: undefined }],
    ['parameters by name', 'add', { body: '{"b": 2, "a": 250}' }, { status: 200, body: 252 }],
    ['ok of a result', 'check', { body: '{"code": 0}' }, { status: 200, body: 'fine' }],
    [
      'err of a result',
      'check',
      { body: '{"code": 5}' },
      { status: 422, outcome: 'Ok', body: { error: 'dark-green' } },
    ],
    ['ok of a bare result', 'bare', { body: '{"code": 0}' }, { status: 204 }],
    ['err of a bare result', 'bare', { body: '{"code": 1}' }, { status: 422, body: { error: null } }],
    ['names that JavaScript has plans for', 'delete', { body: '{"when-HTTP": 3}' }, { status: 200, body: 3 }],
    [
      'a charset',
      'add',
      { body: '{"a":1,"b":1}', headers: ['content-type', 'Application/JSON; charset=UTF-8'] },
      { status: 200 },
    ],
  ];
  test.each(rows)('%s', async (_what, name, sent, expected) => {
    expect(answered(await call(api, `test:t/api#${name}`, sent))).toMatchObject(expected);
  });

  test('HEAD is answered as GET is', async () => {
    expect((await call(api, 'test:t/api#ping', { method: 'HEAD', headers: [] })).status).toBe(200);
  });

  test('a body in pieces is put together', async () => {
    const from = api.frames.length;
    api.send(3, {
      method: 'POST',
      path: 'test:t/api#add',
      headers: JSON_HEADERS,
      flags: REQUEST_IS_TYPED | REQUEST_HAS_BODY_FRAMES,
    });
    for (const piece of ['{"a": 1', ', "b', '": 41}']) api.writer.frame(ToCell.Body, 3, Buffer.from(piece));
    api.writer.frame(ToCell.BodyEnd, 3, new Uint8Array(0));
    expect(answered(await api.answer(3, from))).toMatchObject({ status: 200, body: 42 });
  });
});

describe('what is refused before the guest hears of it', () => {
  const rows: readonly [string, string, Sent, number, string, string][] = [
    ['GET with parameters', 'add', { method: 'GET', headers: [] }, 405, 'HW4540', 'POST'],
    ['another method', 'ping', { method: 'PUT', headers: [] }, 405, 'HW4540', 'GET, HEAD, POST'],
    ['no content type', 'add', { body: '{}', headers: [] }, 415, 'HW4541', 'none'],
    ['a form', 'add', { body: 'a=1', headers: ['content-type', 'text/plain'] }, 415, 'HW4541', 'text/plain'],
    [
      'another charset',
      'add',
      { body: '{}', headers: ['content-type', 'application/json; charset=latin1'] },
      415,
      'HW4541',
      'latin1',
    ],
    ['no JSON', 'add', { body: '{"a": }' }, 400, 'HW4542', 'JSON'],
    ['no UTF-8', 'add', { body: Buffer.from([0x22, 0xff, 0x22]) }, 400, 'HW4542', 'UTF-8'],
    ['a function that is not there', 'gone', { body: '{}' }, 501, 'HW4545', 'test:t/api#gone'],
  ];
  test.each(rows)('%s', async (_what, name, sent, status, code, says) => {
    const answer = await call(api, `test:t/api#${name}`, sent);
    expect(answered(answer)).toMatchObject({ status, outcome: 'Ok', body: { error: { status, code } } });
    expect([answer.body.toString(), ...answer.headers].join(' ')).toContain(says);
    if (status === 405) expect(answer.headers).toContain('allow');
  });

  test('a head that is refused while the body has yet to come does not wait for it', async () => {
    const from = api.frames.length;
    api.send(4, {
      method: 'PUT',
      path: 'test:t/api#add',
      headers: JSON_HEADERS,
      flags: REQUEST_IS_TYPED | REQUEST_HAS_BODY_FRAMES,
    });
    expect(await api.answer(4, from)).toMatchObject({ status: 405 });
    // What was on its way is late, not wrong, and the id is free again.
    api.writer.frame(ToCell.Body, 4, Buffer.from('{'));
    expect(answered(await call(api, 'test:t/api#ping', { method: 'GET' }))).toMatchObject({ status: 200 });
  });

  const GOOD = {
    p: { x: -1, label: 'a' },
    s: { dot: null },
    c: 'dark-green',
    r: ['write-all'],
    t: [1, true],
    l: [1, 2],
    b: 'AAE=',
    ch: '€',
    f: 1.5,
    g: 'NaN',
    i: '5',
    t2: 'text',
    res: { err: 'no' },
    n: 1,
    ok: false,
  };
  const wrong: readonly [object, string, string, string][] = [
    [{ p: null }, '/p', 'an object with x, label, deep', 'null'],
    [{ p: { label: 'a' } }, '/p/x', 'an object with x, label, deep', 'nothing'],
    [{ p: { x: 1, y: 2 } }, '/p/y', 'an object with x, label, deep', 'the unknown member "y"'],
    [{ p: { x: 1.5 } }, '/p/x', 'an integer from -2147483648 to 2147483647 (s32)', '1.5'],
    [{ p: { x: 1, deep: 5 } }, '/p/deep', 'null or an object with some', '5'],
    [{ p: { x: 1, deep: { some: 256 } } }, '/p/deep/some', 'an integer from 0 to 255 (u8)', '256'],
    [{ s: 'dot' }, '/s', 'an object with one member, a case of dot, line, area', '"dot"'],
    [{ s: { dot: 1 } }, '/s/dot', 'null', '1'],
    [{ s: { 'a/b~c': 1 } }, '/s/a~1b~0c', 'an object with one member, a case of dot, line, area', '"a/b~c"'],
    [{ s: { area: { x: '1' } } }, '/s/area/x', 'an integer from -2147483648 to 2147483647 (s32)', '"1"'],
    [{ s: { dot: null, line: 1 } }, '/s', 'an object with one member, a case of dot, line, area', 'an object of 2'],
    [{ c: 'darkGreen' }, '/c', 'one of "red", "dark-green"', '"darkGreen"'],
    [{ r: ['read', 'read'] }, '/r/1', 'an array of "read", "write-all", each at most once', '"read"'],
    [{ r: { read: true } }, '/r', 'an array of "read", "write-all", each at most once', 'an object'],
    [{ t: [1] }, '/t', 'an array of 2', 'an array of 1'],
    [{ t: [1, 0] }, '/t/1', 'true or false', '0'],
    [{ l: [0, 65_536] }, '/l/1', 'an integer from 0 to 65535 (u16)', '65536'],
    [{ b: 'AAE' }, '/b', 'bytes in base64', '"AAE"'],
    [{ b: [1, 2] }, '/b', 'bytes in base64', 'an array of 2'],
    [{ ch: 'ab' }, '/ch', 'a string of one Unicode scalar value', '"ab"'],
    [{ ch: '' }, '/ch', 'a string of one Unicode scalar value', '""'],
    [{ f: 1e39 }, '/f', 'a number, "NaN", "Infinity" or "-Infinity" (f32)', '1e+39'],
    [{ g: '1' }, '/g', 'a number, "NaN", "Infinity" or "-Infinity" (f64)', '"1"'],
    [
      { i: '05' },
      '/i',
      'an integer from -9223372036854775808 to 9223372036854775807, as a decimal string (s64)',
      '"05"',
    ],
    [
      { i: '9223372036854775808' },
      '/i',
      'an integer from -9223372036854775808 to 9223372036854775807, as a decimal string (s64)',
      '"9223372036854775808"',
    ],
    [{ t2: '\ud800' }, '/t2', 'a string', 'half of a surrogate pair'],
    [{ res: { ok: -1 } }, '/res/ok', 'an integer from 0 to 255 (u8)', '-1'],
    [{ n: true }, '/n', 'an integer from 0 to 4294967295 (u32)', 'true'],
    [{ ok: 'x'.repeat(100) }, '/ok', 'true or false', 'a string of 100 characters'],
  ];
  test.each(wrong)('%j', async (change, pointer, expected, found) => {
    const answer = await call(api, 'test:t/api#take', { body: JSON.stringify({ ...GOOD, ...change }) });
    const message = `expected ${expected}, found ${found}`;
    expect(answered(answer)).toEqual({
      status: 400,
      outcome: 'Ok',
      body: { error: { status: 400, code: 'HW4543', reason: 'NotOfType', message, pointer, expected, found } },
    });
  });

  test('a body that is no object, and members that the function does not have', async () => {
    expect(answered(await call(api, 'test:t/api#ping', { body: '[]' }))).toMatchObject({
      status: 400,
      body: { error: { pointer: '' } },
    });
    expect(answered(await call(api, 'test:t/api#ping', { body: '{"__proto__": 1}' }))).toMatchObject({
      status: 400,
      body: { error: { pointer: '/__proto__' } },
    });
    expect((await call(api, 'test:t/api#take', { body: JSON.stringify(GOOD) })).status).toBe(204);
  });

  test('a body as long as the limit, and one byte longer', async () => {
    const padded = (bytes: number): Promise<Answer> =>
      call(api, 'test:t/api#add', { body: '{"a":1,"b":2}'.padEnd(bytes) });
    expect(answered(await padded(REQUEST_BYTES))).toMatchObject({ status: 200, body: 3 });
    expect(await padded(REQUEST_BYTES + 1)).toMatchObject({
      status: undefined,
      outcome: 'ErrorCode',
      text: expect.stringContaining('HTTP-request-body-size'),
    });
    expect(answered(await padded(20))).toMatchObject({ status: 200 });
  });
});

describe('what a guest does wrong', () => {
  test('a trap is a trap, and the next call has another instance', async () => {
    expect(await call(api, 'test:t/api#crash', { method: 'GET' })).toMatchObject({
      status: undefined,
      outcome: 'Trap',
    });
    expect((await call(api, 'test:t/api#ping', { method: 'GET' })).status).toBe(200);
  });

  test('an answer as long as the limit, and one that is longer', async () => {
    // An integer of 0 is `"0"`, and a comma between them: 4 n + 1.
    const most = (RESPONSE_BYTES - 1) / 4;
    const fits = await call(api, 'test:t/api#long', { body: `{"count": ${Math.floor(most)}}` });
    expect(fits).toMatchObject({ status: 200 });
    expect(fits.body.length).toBe(Math.floor(most) * 4 + 1);
    const over = await call(api, 'test:t/api#long', { body: `{"count": ${Math.floor(most) + 1}}` });
    expect(over).toMatchObject({ status: undefined, outcome: 'ResponseTooLarge' });
  });

  test('a list that is short in memory and long in JSON is given up while it grows', async () => {
    const started = performance.now();
    const answer = await call(api, 'test:t/api#labels', { body: '{"count": 4000000}' });
    expect(answer).toMatchObject({ status: undefined, outcome: 'ResponseTooLarge' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});
