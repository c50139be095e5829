/** Bodies both ways: limits, credit, slow ends, and clients that go away. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Abort, INITIAL_CREDIT_BYTES, Outcome } from '../../src/wire/frames.ts';
import { MAX_DISCARDED_BYTES, MAX_GATHERED_BYTES } from '../../src/ingress/upload.ts';
import { errorOf, rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

const LIMIT = 512 * 1024;
let fixture: Fixture;
let replica: Replica;
beforeEach(async () => {
  fixture = await startIngress(
    snapshot([rule({ requestBodyBytes: LIMIT, requestTimeoutMs: 10_000, responseBodyBytes: 1e9 })]),
  );
  replica = await fixture.add(STABLE, echo);
});
afterEach(async () => {
  expect(replica.cell.complaints).toEqual([]);
  await fixture.stop();
});

/** Reads everything, granting as it reads, and answers with the length. */
function echo(call: ScriptedCall): void {
  const finish = (): void => call.reply(200, String(call.body.length));
  if (call.bodyEnded) finish();
  call.onBody = (chunk) => call.grant(chunk.length);
  call.onBodyEnd = finish;
}

function chunkedRequest(): ReturnType<typeof httpRequest> {
  return httpRequest({
    host: '127.0.0.1',
    port: fixture.port,
    method: 'POST',
    agent: false,
    headers: { 'transfer-encoding': 'chunked' },
  });
}

describe('the body of a request', () => {
  test.each([
    [0, 0],
    [1, 0],
    [MAX_GATHERED_BYTES, 0],
    [MAX_GATHERED_BYTES + 1, 1],
    [LIMIT, 1],
  ])('of %i bytes arrives whole (in frames: %i)', async (length, flags) => {
    const body = Buffer.alloc(length, 'abcdefg');
    expect(await fixture.get('/', { method: 'POST', body })).toMatchObject({ status: 200, body: String(length) });
    expect(replica.cell.calls[0]!.body.equals(body)).toBe(true);
    expect(replica.cell.calls[0]!.request.flags).toBe(flags);
  });

  test('over its limit by a declared byte never reaches the cell, and ends the connection', async () => {
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', `Content-Length: ${LIMIT + 1}`, '', 'x'.repeat(LIMIT + 1));
    await client.whenClosed();
    expect(client.statuses).toEqual([413]);
    expect(replica.cell.calls).toEqual([]);
  });

  test('that is here before it is known to be over its limit leaves the connection as it is', async () => {
    fixture.ingress.apply(snapshot([rule({ requestBodyBytes: 10 })], 2));
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Content-Length: 11', '', 'x'.repeat(11));
    client.write('GET /next HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    await client.whenClosed();
    expect(client.statuses).toEqual([413, 200]);
    expect(replica.cell.calls.map((call) => call.path)).toEqual(['/next']);
  });

  test(`that nobody reads ends the connection beyond ${MAX_DISCARDED_BYTES} bytes`, async () => {
    fixture.ingress.apply(snapshot([rule({ requestBodyBytes: 8 * MAX_DISCARDED_BYTES })], 2));
    replica.cell.script = (call) => call.reply(200, 'unread');
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', `Content-Length: ${4 * MAX_DISCARDED_BYTES}`, '', '');
    await until(() => client.statuses.length === 1);
    client.socket.write(Buffer.alloc(4 * MAX_DISCARDED_BYTES));
    await client.whenClosed();
    expect(client.statuses).toEqual([200]);
  });

  test.each([
    [LIMIT, 200],
    [LIMIT + 1, 413],
  ])('of %i undeclared bytes is answered with %i', async (length, status) => {
    const request = chunkedRequest();
    request.end(Buffer.alloc(length));
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(status);
    response.resume();
    const call = replica.cell.calls[0]!;
    if (status === 413) {
      await until(() => call.bodyAborts.length === 1 && call.cancels.length === 1);
      expect([call.bodyAborts, call.cancels]).toEqual([[Abort.TooLarge], [Abort.TooLarge]]);
      call.done(Outcome.Cancelled);
    }
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ failures: 0, status4xx: 0 });
  });

  test('over its limit is answered by us, whatever the guest says afterwards', async () => {
    replica.cell.script = () => undefined;
    const request = chunkedRequest();
    request.write(Buffer.alloc(LIMIT / 2));
    await until(() => replica.cell.calls[0]?.body.length === LIMIT / 2);
    const call = replica.cell.calls[0]!;
    call.onBody = (chunk) => call.grant(chunk.length);
    call.grant(LIMIT / 2);
    request.end(Buffer.alloc(LIMIT));
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(413);
    response.resume();
    call.head(200);
    call.chunk(Buffer.alloc(100));
    call.bodyEnd();
    call.done();
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, clientAborts: 1 });
    expect(replica.channel.open).toBe(true);
  });

  test('waits for the guest: no more than the credit is sent, and the client is held back', async () => {
    replica.cell.script = () => undefined;
    const request = chunkedRequest();
    request.write(Buffer.alloc(LIMIT));
    await until(() => replica.cell.calls[0]?.body.length === INITIAL_CREDIT_BYTES);
    const call = replica.cell.calls[0]!;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(call.body.length).toBe(INITIAL_CREDIT_BYTES);
    call.grant(1000);
    await until(() => call.body.length === INITIAL_CREDIT_BYTES + 1000);
    call.onBody = (chunk) => call.grant(chunk.length);
    call.grant(100_000);
    request.end();
    await until(() => call.bodyEnded);
    expect(call.body.length).toBe(LIMIT);
    call.reply(200, 'read');
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test('of a fast client stays with the client while the guest does not read', async () => {
    fixture.ingress.apply(snapshot([rule({ requestBodyBytes: 1e9, requestTimeoutMs: 60_000 })], 2));
    replica.cell.script = () => undefined;
    const total = 64 * 1024 * 1024;
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', `Content-Length: ${total}`, '', '');
    let taken = 0;
    const chunk = Buffer.alloc(256 * 1024);
    const pourIn = (): void => {
      client.socket.write(chunk, () => {
        taken += chunk.length;
        if (taken < total) pourIn();
      });
    };
    pourIn();
    for (let still = 0, before = 0; still < 10; still = taken === before ? still + 1 : 0, before = taken) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // What two sockets hold, one credit, and one buffer.
    expect(taken).toBeLessThan(16 * 1024 * 1024);
    expect(replica.cell.calls[0]!.body.length).toBe(INITIAL_CREDIT_BYTES);
  });

  test('that nobody reads does not hold the connection', async () => {
    replica.cell.script = (call) => call.reply(200, 'unread');
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', `Content-Length: ${LIMIT}`, '', '');
    await until(() => client.statuses.length === 1);
    client.write('x'.repeat(LIMIT), 'GET / HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    await client.whenClosed();
    expect(client.statuses.slice(0, 1)).toEqual([200]);
  });

  test('that comes too slowly is the client\u2019s doing', async () => {
    fixture.ingress.apply(snapshot([rule({ requestTimeoutMs: 50 })], 2));
    replica.cell.script = (call) => (call.onCancel = () => call.done(Outcome.Deadline));
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Connection: close', '', '1', 'x', '');
    await until(() => client.statuses.length === 1);
    expect(client.statuses).toEqual([408]);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0, clientAborts: 1 });
  });
});

describe('Expect: 100-continue', () => {
  const HEAD = ['POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 5'];

  test('the client is told to go on when the guest first reads', async () => {
    replica.cell.script = () => undefined;
    const client = fixture.dial();
    client.write(...HEAD, 'Connection: close', '', '');
    await until(() => replica.cell.calls.length === 1);
    const call = replica.cell.calls[0]!;
    expect(call.request.flags).toBe(1 | 4);
    expect(client.received).toBe('');
    call.grant(INITIAL_CREDIT_BYTES);
    await until(() => client.statuses.length === 1);
    expect(client.statuses).toEqual([100]);
    client.write('hello');
    await until(() => call.bodyEnded);
    expect(call.body.toString()).toBe('hello');
    call.reply(200, 'thanks');
    await client.whenClosed();
    expect(client.statuses).toEqual([100, 200]);
  });

  test('a guest that answers without reading ends the connection, so that no body can be taken for a request', async () => {
    replica.cell.script = (call) => call.reply(403, 'no');
    const client = fixture.dial();
    client.write(...HEAD, '', '');
    expect(await client.whenClosed()).toMatch(/403[^]*connection: close/i);
    expect(client.statuses).toEqual([403]);
  });

  test('a body over its limit is refused before it is sent', async () => {
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', `Content-Length: ${LIMIT + 1}`, '', '');
    await client.whenClosed();
    expect(client.statuses).toEqual([413]);
    expect(replica.cell.calls).toEqual([]);
  });

  test('without a body there is nothing to wait for', async () => {
    replica.cell.script = (call) => call.reply(200);
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 0', '', '');
    await until(() => client.statuses.length === 1);
    expect(client.statuses).toEqual([200]);
    expect(replica.cell.calls[0]!.request.flags).toBe(0);
  });
});

describe('the body of a response', () => {
  /** Sends as the credit allows until `total` is sent, and tells how much has gone. */
  function pour(call: ScriptedCall, total: number): { sent: number } {
    const state = { sent: 0 };
    let credit = INITIAL_CREDIT_BYTES;
    const more = (): void => {
      while (credit > 0 && state.sent < total) {
        const bytes = Math.min(credit, 65_536, total - state.sent);
        call.chunk(Buffer.alloc(bytes, 'r'));
        credit -= bytes;
        state.sent += bytes;
      }
      if (state.sent === total) {
        call.onCredit = () => undefined;
        call.bodyEnd();
        call.done();
      }
    };
    call.onCredit = (bytes) => {
      credit += bytes;
      more();
    };
    call.head(200);
    more();
    return state;
  }

  test('of many times the credit arrives whole', async () => {
    replica.cell.script = (call) => void pour(call, 20 * INITIAL_CREDIT_BYTES);
    expect((await fixture.get('/')).body.length).toBe(20 * INITIAL_CREDIT_BYTES);
  });

  test('gives its credit back in portions, and all of it when the client has gone', async () => {
    const portion = INITIAL_CREDIT_BYTES / 4;
    const granted: number[] = [];
    replica.cell.script = (call) => {
      call.onCredit = (bytes) => granted.push(bytes);
      call.head(200);
      for (const bytes of [portion - 1, 1, 1000]) call.chunk(Buffer.alloc(bytes, 'r'));
    };
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => granted.length === 1);
    expect(granted).toEqual([portion]);
    client.socket.destroy();
    await until(() => granted.length === 2);
    expect(granted).toEqual([portion, 1000]);
  });

  test('that nobody reads is given up after a while', async () => {
    await fixture.stop();
    fixture = await startIngress(snapshot([rule({ responseBodyBytes: 1e9 })]), { limits: { stallTimeoutMs: 100 } });
    const inline = 'r'.repeat(900_000);
    replica = await fixture.add(STABLE, (call) => call.reply(200, inline));
    const client = fixture.dial();
    client.socket.pause();
    for (let index = 0; index < 20; index++) client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(
      () => fixture.ingress.samples()[0]!.inFlight === 0 && fixture.ingress.samples()[0]!.traffic.requests > 0,
    );
    await fixture.ingress.close(60_000);
    client.socket.resume();
    await client.whenClosed();
    expect(client.received.length).toBeLessThan(20 * inline.length);
  });

  test('waits for a slow reader: what the engine holds stays flat', async () => {
    let state = { sent: 0 };
    const total = 200 * 1024 * 1024;
    replica.cell.script = (call) => (state = pour(call, total));
    const client = fixture.dial();
    client.socket.pause();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => state.sent > 0);
    let before = -1;
    while (before !== state.sent) {
      before = state.sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // What two sockets hold, and one credit.
    expect(state.sent).toBeLessThan(16 * 1024 * 1024);
    client.socket.destroy();
    await until(() => replica.cell.calls[0]!.cancels.length === 1);
  });

  test('that a reader takes too slowly is the client\u2019s doing', async () => {
    fixture.ingress.apply(snapshot([rule({ requestTimeoutMs: 2_000, responseBodyBytes: 1e9 })], 2));
    replica.cell.script = (call) => {
      pour(call, 100 * 1024 * 1024);
      call.onCancel = () => call.done(Outcome.Deadline);
    };
    const client = fixture.dial();
    client.socket.pause();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => replica.cell.calls[0]?.cancels.includes(Abort.Deadline) === true);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0, clientAborts: 1 });
  });
});

describe('a client that goes away', () => {
  test.each<[string, string[]]>([
    ['while the guest works', ['GET / HTTP/1.1', 'Host: a', '', '']],
    ['in the middle of its body', ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 100000', '', 'abc']],
  ])('%s: the cell is told, and it counts as the client\u2019s doing', async (_name, lines) => {
    replica.cell.script = () => undefined;
    const client = fixture.dial();
    client.write(...lines);
    await until(() => replica.cell.calls.length === 1);
    client.socket.destroy();
    const call = replica.cell.calls[0]!;
    await until(() => call.cancels.length === 1);
    expect(call.cancels).toEqual([Abort.ClientGone]);
    expect(call.bodyAborts).toEqual(lines[0]!.startsWith('POST') ? [Abort.ClientGone] : []);
    expect(fixture.ingress.samples()[0]!.inFlight).toBe(1);
    call.reply(200);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0, clientAborts: 1 });
  });

  test('while the response streams: what still comes is taken and dropped', async () => {
    replica.cell.script = (call) => {
      call.head(200);
      call.chunk(Buffer.alloc(1000));
    };
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', '', '');
    await until(() => client.statuses.length === 1);
    client.socket.destroy();
    const call = replica.cell.calls[0]!;
    await until(() => call.cancels.length === 1);
    const before = call.credit;
    call.chunk(Buffer.alloc(50_000));
    await until(() => call.credit === before + 50_000);
    call.done(Outcome.Cancelled);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, clientAborts: 1 });
  });

  test('in the middle of a small body never reaches a cell', async () => {
    const client = fixture.dial();
    client.write('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10', '', 'abc');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.destroy();
    expect((await fixture.get('/after')).status).toBe(200);
    expect(replica.cell.calls.map((call) => call.path)).toEqual(['/after']);
  });
});

test('a 413 says what the limit is', async () => {
  const answer = await fixture.get('/', { method: 'POST', body: Buffer.alloc(LIMIT + 1) });
  expect(errorOf(answer)).toMatchObject({
    code: 'HW4512',
    reason: 'BodyTooLarge',
    message: expect.stringContaining(`${LIMIT}`),
  });
});
