/** What a `wasi:http` guest does → what the engine hears. The guest is the testbed, the cell a real process. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  Abort,
  FromCell,
  INITIAL_CREDIT_BYTES,
  MAX_CHUNK_BYTES,
  REQUEST_AWAITS_READ,
  REQUEST_HAS_BODY_FRAMES,
  ToCell,
} from '../../src/wire/frames.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';

let bundle: TestBundle;
let peer: Peer;

beforeAll(async () => {
  bundle = await exampleBundle('testbed');
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { env: [['GREETING', 'hallo']], args: ['one', 'two'] }), bundle);
});
afterAll(() => peer.close());

describe('outcomes', () => {
  const { Response, Body, BodyEnd, BodyAbort, Done } = FromCell;
  const rows: readonly [string, object][] = [
    ['/', { status: 200, outcome: 'Ok', bodyEnd: 'Inline', frames: [Response] }],
    ['/status?code=418', { status: 418, outcome: 'Ok', bodyEnd: 'Inline', frames: [Response] }],
    ['/sleep?ms=5', { status: 200, outcome: 'Ok', bodyEnd: 'Inline', frames: [Response] }],
    ['/no-response', { status: undefined, outcome: 'NoResponse', frames: [Done] }],
    ['/error-code', { status: undefined, outcome: 'ErrorCode', text: expect.stringContaining('internal-error') }],
    ['/body-dropped', { status: 200, bodyEnd: 'Abort', frames: [Response, Body, BodyAbort, Done] }],
    ['/trap', { status: undefined, outcome: 'Trap', text: expect.stringContaining('unreachable'), frames: [Done] }],
    ['/trap-after-head', { status: 200, outcome: 'Trap', bodyEnd: 'Abort', frames: [Response, BodyAbort, Done] }],
    ['/recurse', { status: undefined, outcome: 'Trap', frames: [Done] }],
    ['/exit', { status: undefined, outcome: 'Trap', text: expect.stringContaining('exit') }],
    ['/content-length?declared=9&sent=9', { status: 200, outcome: 'Ok', contentLength: 9 }],
    ['/content-length?declared=9&sent=4', { status: 200, bodyEnd: 'Abort', contentLength: 9 }],
    ['/content-length?declared=3&sent=4', { status: 200, bodyEnd: 'Abort', contentLength: 3 }],
    ['/drip?count=3&ms=2', { frames: [Response, Body, Body, Body, BodyEnd, Done], bodyEnd: 'End' }],
  ];
  test.each(rows)('%s', async (path, expected) => {
    expect(await peer.ask(1, { path })).toMatchObject(expected);
  });

  test('the guest sees the request as the engine sent it', async () => {
    const answer = await peer.ask(1, {
      method: 'PURGE',
      path: '/request?a=1&b=%20',
      headers: ['x-one', 'first', 'x-bytes', 'caf\u00e9', 'x-one', 'second'],
    });
    expect(answer.body.toString('latin1').split('\n')).toEqual([
      'PURGE',
      '/request',
      'a=1&b=%20',
      'http',
      'test.example',
      'x-one: first',
      'x-bytes: caf\u00e9',
      'x-one: second',
      '',
    ]);
  });

  test('headers that would split or frame the response are refused in the guest', async () => {
    const { body } = await peer.ask(1, { path: '/bad-headers' });
    expect(body.toString()).toBe('3 of 3 refused\n');
  });

  test('environment and arguments are those of the assignment, and nothing of the machine', async () => {
    const { body } = await peer.ask(1, { path: '/env' });
    expect(body.toString()).toContain('GREETING');
    expect(body.toString()).toContain('hallo');
    expect(body.toString()).toContain('two');
    expect(body.toString()).not.toContain('PATH');
  });

  test('stdout and stderr arrive as whole lines', async () => {
    await peer.ask(1, { path: '/log?text=whole-line&times=2' });
    expect(peer.log(1)).toContain('out: whole-line\nout: whole-line\n');
    expect(peer.log(2)).toContain('err: whole-line\n');
  });

  test('HEAD: a declared length without a body is no mismatch', async () => {
    expect(await peer.ask(1, { method: 'HEAD', path: '/content-length?declared=9&sent=0' })).toMatchObject({
      status: 200,
      outcome: 'Ok',
      contentLength: 9,
    });
  });
});

describe('bodies', () => {
  test('a large response comes in chunks, against credit, and whole', async () => {
    const answer = await peer.ask(1, { path: '/big?bytes=1500000' });
    expect(answer).toMatchObject({ status: 200, outcome: 'Ok', bodyEnd: 'End' });
    expect(answer.body.length).toBe(1_500_000);
    expect(answer.body.subarray(0, 64)).toEqual(answer.body.subarray(64 * 1000, 64 * 1001));
  });

  test('without credit, exactly the initial credit is sent; the rest follows the credit', async () => {
    peer.send(2, { path: '/big?bytes=1000000' });
    const sent = (): number =>
      peer.frames
        .filter((frame) => frame.id === 2 && frame.type === FromCell.Body)
        .reduce((sum, frame) => sum + frame.payload.length, 0);
    await peer.until(() => sent() >= INITIAL_CREDIT_BYTES, 'the initial credit');
    // Another call runs to its end meanwhile: the first one waits and holds nobody up.
    expect((await peer.ask(3, { path: '/healthz' })).status).toBe(200);
    expect(sent()).toBe(INITIAL_CREDIT_BYTES);
    peer.writer.numberFrame(ToCell.Credit, 2, 1000, 4);
    await peer.until(() => sent() >= INITIAL_CREDIT_BYTES + 1000, 'a thousand more');
    expect((await peer.ask(3, { path: '/healthz' })).status).toBe(200);
    expect(sent()).toBe(INITIAL_CREDIT_BYTES + 1000);
    peer.writer.numberFrame(ToCell.Credit, 2, 1_000_000, 4);
    await peer.frame(FromCell.Done, 2);
    expect(sent()).toBe(1_000_000);
  });

  test('a request body streams in, and credit comes back for what the guest has read', async () => {
    const bytes = Buffer.alloc(600_000, 'abcdefghij');
    const from = peer.frames.length;
    peer.send(4, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
    let credit = INITIAL_CREDIT_BYTES;
    let seen = from;
    for (let at = 0; at < bytes.length;) {
      for (; seen < peer.frames.length; seen++) {
        const { type, id, payload } = peer.frames[seen]!;
        if (id === 4 && type === FromCell.Credit) credit += payload.readUInt32LE(0);
        if (id === 4 && type === FromCell.Body) peer.writer.numberFrame(ToCell.Credit, 4, payload.length, 4);
      }
      const length = Math.min(MAX_CHUNK_BYTES, credit, bytes.length - at);
      if (length === 0) {
        const known = seen;
        await peer.until(() => peer.frames.length > known, 'credit');
        continue;
      }
      peer.writer.frame(ToCell.Body, 4, bytes.subarray(at, at + length));
      credit -= length;
      at += length;
    }
    peer.writer.frame(ToCell.BodyEnd, 4, new Uint8Array(0));
    const answer = await peer.answer(4, from);
    expect(answer).toMatchObject({ status: 200, outcome: 'Ok' });
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test('a client that awaits a 100 is invited by the first read, and by nothing else', async () => {
    const awaits = REQUEST_HAS_BODY_FRAMES | REQUEST_AWAITS_READ;
    const ignored = await peer.ask(5, { method: 'POST', path: '/ignore-body', flags: awaits });
    expect(ignored.frames).not.toContain(FromCell.Credit);
    const from = peer.frames.length;
    peer.send(6, { method: 'POST', path: '/echo', flags: awaits });
    const { payload } = await peer.frame(FromCell.Credit, 6);
    expect(payload.readUInt32LE(0)).toBe(INITIAL_CREDIT_BYTES);
    peer.writer.frame(ToCell.Body, 6, Buffer.from('invited'));
    peer.writer.frame(ToCell.BodyEnd, 6, new Uint8Array(0));
    expect((await peer.answer(6, from)).body.toString()).toBe('invited');
  });

  test('a body that breaks off fails the read, and the call ends by what the guest makes of it', async () => {
    const from = peer.frames.length;
    peer.send(7, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
    peer.writer.frame(ToCell.Body, 7, Buffer.from('half'));
    peer.writer.numberFrame(ToCell.BodyAbort, 7, Abort.ClientGone, 1);
    const answer = await peer.answer(7, from);
    expect(answer).toMatchObject({ status: 200, bodyEnd: 'Abort' });
    expect(answer.body.length).toBe(0);
  });

  test('a response over its limit is ended and said so', async () => {
    const limited = await Peer.start();
    await limited.load(assignmentOf(bundle, { responseBodyBytes: 100_000 }), bundle);
    expect(await limited.ask(1, { path: '/big?bytes=100000' })).toMatchObject({
      status: 200,
      outcome: 'Ok',
      bodyEnd: 'End',
    });
    expect(await limited.ask(1, { path: '/big?bytes=100001' })).toMatchObject({
      outcome: 'ResponseTooLarge',
      bodyEnd: 'Abort',
    });
    expect(await limited.ask(1, { path: '/healthz' })).toMatchObject({ status: 200 });
    await limited.close();
  });
});

describe('ends from outside', () => {
  test('a deadline ends a sleeping guest at once, discards its instance, and the others go on', async () => {
    const from = peer.frames.length;
    peer.send(8, { path: '/sleep?ms=600000' });
    expect((await peer.ask(9, { path: '/healthz' })).status).toBe(200);
    peer.cancel(8, Abort.Deadline);
    expect(await peer.answer(8, from)).toMatchObject({ outcome: 'Deadline', frames: [FromCell.Done] });
    expect(await peer.ask(8, { path: '/healthz' })).toMatchObject({ status: 200 });
  });

  test('a drain ends it too, as cancelled', async () => {
    const from = peer.frames.length;
    peer.send(8, { path: '/drip?count=100000&ms=20' });
    await peer.until(
      () => peer.frames.slice(from).some((frame) => frame.id === 8 && frame.type === FromCell.Body),
      'a first line',
    );
    peer.cancel(8, Abort.Draining);
    expect(await peer.answer(8, from)).toMatchObject({ outcome: 'Cancelled', bodyEnd: 'Abort' });
  });

  test('a client that is gone: writes say closed, the guest finishes by itself, nothing more is sent', async () => {
    const from = peer.frames.length;
    peer.send(8, { path: '/big?bytes=10000000' });
    await peer.until(
      () => peer.frames.slice(from).some((frame) => frame.id === 8 && frame.type === FromCell.Body),
      'a first chunk',
    );
    peer.cancel(8, Abort.ClientGone);
    const answer = await peer.answer(8, from, false);
    expect(answer).toMatchObject({ outcome: 'Cancelled', text: 'the client is gone' });
    expect(answer.body.length).toBeLessThanOrEqual(INITIAL_CREDIT_BYTES);
  });

  test('a client that is gone: reads fail', async () => {
    const from = peer.frames.length;
    peer.send(8, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
    expect((await peer.ask(9, { path: '/healthz' })).status).toBe(200);
    peer.cancel(8, Abort.ClientGone);
    expect(await peer.answer(8, from)).toMatchObject({ outcome: 'Cancelled' });
  });

  test('frames about a call that is over are late, not wrong', async () => {
    await peer.ask(10, { path: '/healthz' });
    peer.cancel(10);
    peer.writer.numberFrame(ToCell.Credit, 10, 5, 4);
    peer.writer.frame(ToCell.Body, 10, Buffer.from('late'));
    expect((await peer.ask(10, { path: '/healthz' })).status).toBe(200);
  });

  test('a spinning guest answers nothing: killing the process is for the host, and works', async () => {
    const spinning = await Peer.start();
    await spinning.load(assignmentOf(bundle), bundle);
    spinning.send(1, { path: '/spin' });
    spinning.cancel(1);
    spinning.child.kill('SIGKILL');
    expect(await spinning.exited()).toMatchObject({ signal: 'SIGKILL' });
    expect(spinning.frames.some((frame) => frame.id === 1)).toBe(false);
  });
});
