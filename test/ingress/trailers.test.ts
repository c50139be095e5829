/** Trailers of a guest's response: who gets them, what they look like on the wire, and what a hostile cell achieves. Those of requests. */
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Abort, FromCell, Outcome } from '../../src/wire/frames.ts';
import { MAX_TRAILER_BYTES, MAX_TRAILERS } from '../../src/wire/trailers.ts';
import { rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until, type ScriptedCall } from './scripted-cell.ts';

let fixture: Fixture;
let replica: Replica;
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule()]));
  replica = await fixture.add(STABLE, respond);
});
afterEach(() => fixture.stop());

const TRAILERS = ['Server-Timing', 'db;dur=53', 'x-digest', 'abc', 'set-cookie', 'a=b'];

/** `/length` declares one, `/late` begins before it knows them. */
function respond(call: ScriptedCall): void {
  const headers = call.path === '/length' ? ['content-length', '5'] : [];
  call.head(call.path === '/204' ? 204 : 200, headers);
  if (call.path !== '/204' && call.request.method !== 'HEAD') call.chunk(Buffer.from('hello'));
  const end = (): void => {
    call.bodyEnd(TRAILERS);
    call.done();
  };
  if (call.path === '/late') setTimeout(end, 20);
  else end();
}

interface Seen {
  readonly body: string;
  readonly trailers: NodeJS.Dict<string>;
}

function ask(path: string, headers: Record<string, string>, method = 'GET'): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: fixture.port, path, method, headers, agent: false };
    const request = httpRequest(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('error', reject).on('end', () => resolve({ body, trailers: response.trailers }));
    });
    request.on('error', reject).end();
  });
}

const SENT = { 'server-timing': 'db;dur=53', 'x-digest': 'abc' };

describe('trailers of a guest', () => {
  test.each(['trailers', 'Trailers', 'gzip;q=0.5, trailers', 'deflate,trailers , gzip'])(
    'go to a client that says TE: %s',
    async (te) => {
      expect(await ask('/', { te, connection: 'TE' })).toEqual({ body: 'hello', trailers: SENT });
      expect(await ask('/late', { te })).toEqual({ body: 'hello', trailers: SENT });
      // What belongs to the connection is not the guest's business.
      expect(replica.cell.calls[0]!.header('te')).toBeUndefined();
    },
  );

  test.each([{}, { te: 'gzip' }, { te: 'trailersx' }, { te: 'x-trailers;q=1' }, { te: '' }])(
    'go to nobody else: %j',
    async (headers) => {
      expect(await ask('/', headers as Record<string, string>)).toEqual({ body: 'hello', trailers: {} });
    },
  );

  test('stand behind the last chunk and nowhere else', async () => {
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', 'TE: trailers', 'Connection: close', '', '');
    const received = await client.whenClosed();
    expect(received).toMatch(/\r\n5\r\nhello\r\n0\r\nServer-Timing: db;dur=53\r\nx-digest: abc\r\n\r\n$/);
    expect(received.match(/x-digest/g)).toHaveLength(1);
    expect(received).not.toMatch(/set-cookie/i);
  });

  test('have no place where there are no chunks: a declared length, HEAD, 204, HTTP/1.0', async () => {
    const te = { te: 'trailers' };
    expect(await ask('/length', te)).toEqual({ body: 'hello', trailers: {} });
    expect(await ask('/', te, 'HEAD')).toEqual({ body: '', trailers: {} });
    expect(await ask('/204', te)).toEqual({ body: '', trailers: {} });
    const old = fixture.dial();
    old.write('GET / HTTP/1.0', 'Host: a', 'TE: trailers', '', '');
    expect(await old.whenClosed()).toMatch(/\r\n\r\nhello$/);
  });

  test('the next request of the connection is not taken for one that asked', async () => {
    const client = fixture.dial();
    client.write('GET / HTTP/1.1', 'Host: a', 'TE: trailers', '', '');
    await until(() => client.received.endsWith('x-digest: abc\r\n\r\n'));
    client.write('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    expect(await client.whenClosed()).toMatch(/hello\r\n0\r\n\r\n$/);
  });

  test('that are none end the cell', async () => {
    replica.cell.script = (call) => {
      call.head(200);
      call.chunk(Buffer.from('hello'));
      call.writer.frame(FromCell.BodyEnd, call.id, Buffer.from([1, 0, 1, 0, 120, 3, 0, 97, 13, 10]));
    };
    await expect(ask('/', { te: 'trailers' })).rejects.toThrow(/aborted|socket hang up|reset/i);
    await until(() => replica.owner.closed);
    expect(replica.owner.problem).toMatchObject({
      code: 'HW4112',
      message: expect.stringContaining('a trailer with an invalid value'),
    });
  });
});

describe('trailers of a request', () => {
  const send = (trailers: readonly string[]): Promise<string> => {
    const client = fixture.dial();
    client.write(
      'POST / HTTP/1.1',
      'Host: a',
      'Transfer-Encoding: chunked',
      'Connection: close',
      '',
      '5',
      'hello',
      '0',
      '',
    );
    client.write(...trailers, '', '');
    return client.whenClosed();
  };
  const lines = (count: number): string[] => Array.from({ length: count }, (_, at) => `x-${at}: v`);

  beforeEach(() => {
    replica.cell.script = (call) => {
      call.onBodyEnd = () => call.reply(200, call.body.toString());
    };
  });

  test('reach the guest behind the body, but for those that belong into the head', async () => {
    const received = await send(['X-Sum: 8', 'Cookie: a=b', 'Authorization: Basic eDp5', 'x-empty:']);
    expect(received).toMatch(/^HTTP\/1.1 200 [^]*hello/);
    expect(replica.cell.calls[0]!.trailers).toEqual(['x-sum', '8', 'x-empty', '']);
  });

  test('there are none of most, and a body without chunks has none', async () => {
    await send([]);
    expect(replica.cell.calls[0]!.trailers).toEqual([]);
  });

  test.each<readonly [string, readonly string[]]>([
    ['as many as may be', lines(MAX_TRAILERS)],
    ['as long as may be', [`x: ${'v'.repeat(MAX_TRAILER_BYTES - 2 - 2 * 2 - 1)}`]],
  ])('%s', async (_what, trailers) => {
    expect(await send(trailers)).toMatch(/^HTTP\/1.1 200 /);
    expect(replica.cell.calls[0]!.trailers).toHaveLength(2 * trailers.length);
  });

  test.each<readonly [string, readonly string[]]>([
    ['one more than may be', lines(MAX_TRAILERS + 1)],
    ['one byte more than may be', [`x: ${'v'.repeat(MAX_TRAILER_BYTES - 2 - 2 * 2)}`]],
  ])('%s is refused, and the guest does not take the body for whole', async (_what, trailers) => {
    const answered = send(trailers);
    await until(() => replica.cell.calls[0]?.bodyAborts.length === 1);
    const call = replica.cell.calls[0]!;
    expect([call.bodyAborts, call.bodyEnded]).toEqual([[Abort.TrailersTooLarge], false]);
    await until(() => call.cancels.length === 1);
    call.done(Outcome.Cancelled);
    expect(await answered).toMatch(/^HTTP\/1.1 431 [^]*TooManyTrailers[^]*at most 32 in 8192 bytes/);
    await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ failures: 0, clientAborts: 1 });
  });
});
