/** `headway:http/handler`: plain records, in a real cell. */
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
import { assignmentOf, exampleBundle, type TestBundle, warmUpOf } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';

const LIMIT_BYTES = 400_000;
let records: TestBundle;
let greeting: TestBundle;
/** The testbed for what a guest can do; its arena holds 192 kB, so QuickJS for large bodies. */
let peer: Peer;
let large: Peer;

beforeAll(async () => {
  records = await exampleBundle('testbed-records');
  peer = await Peer.start();
  const limits = { requestBodyBytes: LIMIT_BYTES, responseBodyBytes: LIMIT_BYTES, memoryBytes: 64 * 1024 * 1024 };
  expect(await peer.load(assignmentOf(records, limits), records)).toMatchObject({ hasHttp: 'headway' });
  greeting = await exampleBundle('greeting-js');
  large = await Peer.start();
  await large.load(assignmentOf(greeting, limits), greeting);
});
afterAll(async () => {
  await peer.close();
  await large.close();
});

function upload(peer: Peer, id: number, bytes: Uint8Array): void {
  peer.send(id, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
  for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES)
    peer.writer.frame(ToCell.Body, id, bytes.subarray(at, at + MAX_CHUNK_BYTES));
  peer.writer.frame(ToCell.BodyEnd, id, new Uint8Array(0));
}

describe('answers', () => {
  const rows: readonly [string, object][] = [
    ['/', { status: 200, outcome: 'Ok', bodyEnd: 'Inline', frames: [FromCell.Response] }],
    ['/status', { status: 599, outcome: 'Ok' }],
    ['/nowhere', { status: 404, outcome: 'Ok' }],
    ['/error', { status: 500, outcome: 'Ok', headers: [] }],
    ['/trap', { status: undefined, outcome: 'Trap', text: expect.stringContaining('unreachable') }],
    ['/healthz', { status: 200, outcome: 'Ok' }],
  ];
  test.each(rows)('%s', async (path, expected) => {
    expect(await peer.ask(1, { path })).toMatchObject(expected);
  });

  test('the text of an err goes to the log, not to the client', async () => {
    const { body } = await peer.ask(1, { path: '/error' });
    expect(body.length).toBe(0);
    expect(peer.log(3)).toContain('handle failed: ');
  });

  test('headers go through both ways, byte for byte', async () => {
    const headers = ['x-one', 'a', 'accept', '*/*', 'x-bytes', 'caf\u00e9', 'x-one', 'b'];
    const answer = await peer.ask(1, { path: '/echo', method: 'POST', headers, body: Buffer.from('body') });
    expect(answer.headers).toEqual(['x-one', 'a', 'x-bytes', 'caf\u00e9', 'x-one', 'b']);
    expect(answer.body.toString()).toBe('body');
  });
});

describe('bodies', () => {
  test('within the credit, in frames, whole', async () => {
    const bytes = Buffer.alloc(INITIAL_CREDIT_BYTES, 'abcdefg');
    const from = large.frames.length;
    upload(large, 2, bytes);
    const answer = await large.answer(2, from);
    expect(answer).toMatchObject({ status: 200, outcome: 'Ok', bodyEnd: 'End' });
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test('a response over the credit waits for it, while the instance serves others', async () => {
    const bytes = Buffer.alloc(LIMIT_BYTES, 'abcdefg');
    const from = large.frames.length;
    upload(large, 3, bytes);
    const sent = (): number =>
      large.frames
        .filter((frame) => frame.id === 3 && frame.type === FromCell.Body)
        .reduce((sum, frame) => sum + frame.payload.length, 0);
    await large.until(() => sent() === INITIAL_CREDIT_BYTES, 'the initial credit');
    expect((await large.ask(4, { path: '/healthz' })).status).toBe(200);
    expect(sent()).toBe(INITIAL_CREDIT_BYTES);
    large.writer.numberFrame(ToCell.Credit, 3, LIMIT_BYTES, 4);
    const answer = await large.answer(3, from, false);
    expect(answer).toMatchObject({ outcome: 'Ok', bodyEnd: 'End' });
    expect(answer.body.equals(bytes)).toBe(true);
  });

  test.each([
    [LIMIT_BYTES, 'Ok'],
    [LIMIT_BYTES + 1, 'ErrorCode'],
  ])('a request body of %d bytes: %s', async (bytes, outcome) => {
    const from = large.frames.length;
    upload(large, 5, Buffer.alloc(bytes, 'x'));
    expect((await large.answer(5, from)).outcome).toBe(outcome);
  });

  test('a client that awaits a 100 is invited at once: the whole body is needed', async () => {
    const from = peer.frames.length;
    peer.send(6, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES | REQUEST_AWAITS_READ });
    await peer.frame(FromCell.Credit, 6);
    peer.writer.frame(ToCell.Body, 6, Buffer.from('invited'));
    peer.writer.frame(ToCell.BodyEnd, 6, new Uint8Array(0));
    expect((await peer.answer(6, from)).body.toString()).toBe('invited');
  });

  test('a body that breaks off is never given to the guest', async () => {
    const from = peer.frames.length;
    peer.send(7, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
    peer.writer.frame(ToCell.Body, 7, Buffer.from('half'));
    peer.writer.numberFrame(ToCell.BodyAbort, 7, Abort.ClientGone, 1);
    expect(await peer.answer(7, from)).toMatchObject({ outcome: 'ErrorCode', text: 'connection-terminated' });
  });

  test.each([
    [Abort.ClientGone, 'Cancelled'],
    [Abort.Deadline, 'Deadline'],
    [Abort.Draining, 'Cancelled'],
  ])('ended for reason %d while the body still comes: %s', async (reason, outcome) => {
    const from = peer.frames.length;
    peer.send(8, { method: 'POST', path: '/echo', flags: REQUEST_HAS_BODY_FRAMES });
    peer.writer.frame(ToCell.Body, 8, Buffer.from('half'));
    peer.cancel(8, reason);
    expect(await peer.answer(8, from)).toMatchObject({ outcome, frames: [FromCell.Done] });
    expect((await peer.ask(8, { path: '/healthz' })).status).toBe(200);
  });

  test('ended while the response waits for credit', async () => {
    const from = large.frames.length;
    upload(large, 9, Buffer.alloc(LIMIT_BYTES, 'x'));
    await large.until(
      () => large.frames.slice(from).some((frame) => frame.id === 9 && frame.type === FromCell.Body),
      'a chunk',
    );
    large.cancel(9, Abort.ClientGone);
    expect(await large.answer(9, from, false)).toMatchObject({ outcome: 'Cancelled', bodyEnd: 'Abort' });
  });
});

describe('limits of the response', () => {
  test.each([
    [1000, 'Ok', 200],
    [1001, 'ResponseTooLarge', undefined],
  ])('%d bytes with a limit of 1000: %s', async (bytes, outcome, status) => {
    const limited = await Peer.start();
    await limited.load(assignmentOf(records, { responseBodyBytes: 1000 }), records);
    expect(await limited.ask(1, { method: 'POST', path: '/echo', body: Buffer.alloc(bytes) })).toMatchObject({
      outcome,
      status,
    });
    await limited.close();
  });
});

test('a QuickJS guest serves many calls from one instance', async () => {
  const cell = await Peer.start();
  expect(
    await cell.load(assignmentOf(greeting, { memoryBytes: 256 * 1024 * 1024, warmUp: warmUpOf('/healthz') }), greeting),
  ).toMatchObject({
    instancePolicy: 'Pooled',
    hasHttp: 'headway',
  });
  for (let call = 0; call < 20; call++) expect((await cell.ask(1, { path: '/healthz' })).status).toBe(200);
  await cell.close();
});
