/** What a client can do wrong, byte by byte, over raw sockets. */
import { STATUS_CODES } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, rule, snapshot, STABLE, startIngress, type Fixture, type Replica } from './fixture.ts';
import { until } from './scripted-cell.ts';

let fixture: Fixture;
let replica: Replica;
beforeEach(async () => {
  fixture = await startIngress(snapshot([rule()]), { limits: { maxHeadBytes: 8 * 1024, maxConnections: 50 } });
  replica = await fixture.add(STABLE, (call) => call.reply(200, call.path));
});
afterEach(() => fixture.stop());

async function answerTo(...lines: string[]): Promise<{ status: number; text: string }> {
  const client = fixture.dial();
  client.write(...lines);
  const text = await client.whenClosed();
  return { status: client.statuses[0] ?? 0, text };
}

describe('is refused and never reaches a cell', () => {
  test.each<[string, number, string[]]>([
    [
      'content-length beside transfer-encoding',
      400,
      [
        'POST / HTTP/1.1',
        'Host: a',
        'Content-Length: 4',
        'Transfer-Encoding: chunked',
        'Connection: close',
        '',
        '0',
        '',
        '',
      ],
    ],
    [
      'transfer-encoding beside content-length',
      400,
      [
        'POST / HTTP/1.1',
        'Host: a',
        'Transfer-Encoding: chunked',
        'Content-Length: 4',
        'Connection: close',
        '',
        '0',
        '',
        '',
      ],
    ],
    [
      'two different lengths',
      400,
      ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Content-Length: 5', '', 'abcde'],
    ],
    [
      'twice the same length',
      400,
      ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Content-Length: 4', '', 'abcd'],
    ],
    ['a list of lengths', 400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 4, 4', '', 'abcd']],
    ['a signed length', 400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: +4', '', 'abcd']],
    ['a hexadecimal length', 400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 0x4', '', 'abcd']],
    [
      'an encoding around chunked',
      501,
      ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked', '', '0', '', ''],
    ],
    [
      'chunked twice',
      400,
      [
        'POST / HTTP/1.1',
        'Host: a',
        'Transfer-Encoding: chunked',
        'Transfer-Encoding: chunked',
        'Connection: close',
        '',
        '0',
        '',
        '',
      ],
    ],
    ['an encoding that is not chunked', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: identity', '', '']],
    ['chunked with a parameter', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked;q=1', '', '']],
    ['chunked in quotes', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: "chunked"', '', '0', '', '']],
    ['chunked and more', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked,', '', '0', '', '']],
    ['chunked behind a vertical tab', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: \u000bchunked', '', '']],
    [
      'an encoding in two headers',
      501,
      ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ],
    [
      'chunked in HTTP/1.0, which has none',
      400,
      ['POST / HTTP/1.0', 'Host: a', 'Connection: keep-alive', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ],
    ['another version of HTTP', 505, ['GET / HTTP/2.0', 'Host: a', '', '']],
    ['a version that there is not', 400, ['GET / HTTP/1.2', 'Host: a', '', '']],
    ['no version', 505, ['GET /', '', '']],
    ['a bare carriage return in a header', 400, ['GET / HTTP/1.1', 'Host: a', 'X-A: b\rc', '', '']],
    ['a zero in a header', 400, ['GET / HTTP/1.1', 'Host: a', 'X-A: b\0c', '', '']],
    ['an empty length', 400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: ', '', '']],
    ['a length of two numbers', 400, ['POST / HTTP/1.1', 'Host: a', 'Content-Length: 4 4', '', 'abcd']],
    ['a length beyond all numbers', 400, ['POST / HTTP/1.1', 'Host: a', `Content-Length: ${'9'.repeat(30)}`, '', 'a']],
    [
      'an obfuscated encoding',
      400,
      ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding : chunked', 'Connection: close', '', '0', '', ''],
    ],
    ['two hosts', 400, ['GET / HTTP/1.1', 'Host: a', 'Host: b', 'Connection: close', '', '']],
    ['no host', 400, ['GET / HTTP/1.1', 'Connection: close', '', '']],
    ['a host that is none', 400, ['GET / HTTP/1.1', 'Host: a/b', 'Connection: close', '', '']],
    ['an encoded slash', 400, ['GET /a%2fb HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
    ['an encoded zero', 400, ['GET /a%00 HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
    ['a path out of the root', 400, ['GET /../etc HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
    ['an asterisk', 400, ['OPTIONS * HTTP/1.1', 'Host: a', 'Connection: close', '', '']],
    ['a folded header', 400, ['GET / HTTP/1.1', 'Host: a', 'X-A: b', ' c', 'Connection: close', '', '']],
    ['a header without a name', 400, ['GET / HTTP/1.1', 'Host: a', ': b', 'Connection: close', '', '']],
    [
      'a control character in a header',
      400,
      ['GET / HTTP/1.1', 'Host: a', 'X-A: b\u0001', 'Connection: close', '', ''],
    ],
    ['a bare line feed after the head', 400, ['GET / HTTP/1.1\nHost: a\n\n']],
    ['another protocol', 400, ['SSH-2.0-OpenSSH_9.6', '', '']],
    ['HTTP/2 without an agreement', 400, ['PRI * HTTP/2.0', '', 'SM', '', '']],
    ['a method that is none', 400, ['BREW / HTTP/1.1', 'Host: a', '', '']],
    ['a tunnel', 501, ['CONNECT a:443 HTTP/1.1', 'Host: a:443', '', '']],
    ['an upgrade', 501, ['GET / HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: upgrade', '', '']],
    [
      'an expectation that we cannot meet',
      417,
      ['POST / HTTP/1.1', 'Host: a', 'Expect: 200-maybe', 'Content-Length: 1', '', 'x'],
    ],
    [
      'a head over its bytes',
      431,
      ['GET / HTTP/1.1', 'Host: a', `X-A: ${'a'.repeat(9000)}`, 'Connection: close', '', ''],
    ],
    [
      'more headers than there may be',
      431,
      ['GET / HTTP/1.1', 'Host: a', ...Array.from({ length: 127 }, (_, i) => `a${i}: b`), 'Connection: close', '', ''],
    ],
  ])('%s', async (_name, status, lines) => {
    const answer = await answerTo(...lines);
    expect(answer.status).toBe(status);
    expect(answer.text.startsWith(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`)).toBe(true);
    expect(errorOf({ body: answer.text.split('\r\n\r\n')[1]! })).toMatchObject({ status, message: expect.any(String) });
    expect(replica.cell.calls).toEqual([]);
    expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0 });
  });
});

describe('behind a head that is refused nothing is taken for a request', () => {
  const SECOND = ['GET /second HTTP/1.1', 'Host: a', 'Connection: close', '', ''];
  test.each([
    ['in doubt where the body ends', 400, ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: xchunked', '']],
    [
      'an encoding that is not offered',
      501,
      ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked', '', '0', ''],
    ],
    [
      'chunked in HTTP/1.0',
      400,
      ['POST / HTTP/1.0', 'Connection: keep-alive', 'Transfer-Encoding: chunked', '', '0', ''],
    ],
    ['an upgrade', 501, ['GET / HTTP/1.1', 'Host: a', 'Upgrade: websocket', 'Connection: upgrade', '']],
    ['a target that is refused', 400, ['POST /a%2fb HTTP/1.1', 'Host: a', 'Content-Length: 0', '']],
    ['an expectation', 417, ['POST / HTTP/1.1', 'Host: a', 'Expect: 200-maybe', 'Content-Length: 0', '']],
  ])('%s', async (_name, status, lines) => {
    const client = fixture.dial();
    client.write(...lines, ...SECOND);
    expect(await client.whenClosed()).toMatch(/connection: close/i);
    expect(client.statuses).toEqual([status]);
    expect(replica.cell.calls).toEqual([]);
  });

  test.each(['0x4', '+4', '-4', '4 ', 'g', '10000000000000004'])(
    'a chunk of "%s" bytes ends its body',
    async (size) => {
      const client = fixture.dial();
      client.write('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', '', size, 'abcd', '0', '', ...SECOND);
      await client.whenClosed();
      expect(client.statuses).toEqual([400]);
      expect(replica.cell.calls.map(({ path }) => path)).not.toContain('/second');
    },
  );

  test('what frames a message says nothing in its trailers', async () => {
    const client = fixture.dial();
    client.write(
      'POST / HTTP/1.1',
      'Host: a',
      'Transfer-Encoding: chunked',
      '',
      '0',
      'Content-Length: 5',
      '',
      ...SECOND,
    );
    await client.whenClosed();
    expect(client.statuses).toEqual([400]);
    expect(replica.cell.calls.map(({ path }) => path)).not.toContain('/second');
  });
});

test('as many headers as there may be pass', async () => {
  const headers = Array.from({ length: 122 }, (_, index) => `a${index}: b`);
  const answer = await answerTo('GET / HTTP/1.1', 'Host: a', ...headers, 'Connection: close', '', '');
  expect(answer.status).toBe(200);
  expect(replica.cell.calls[0]!.header('a121')).toBe('b');
});

test('a body that breaks off into nonsense is refused, and its call ended', async () => {
  replica.cell.script = () => undefined;
  const answer = await answerTo(
    'POST / HTTP/1.1',
    'Host: a',
    'Transfer-Encoding: chunked',
    '',
    'zz',
    'ab',
    '0',
    '',
    '',
  );
  expect(answer.status).toBe(400);
  await until(() => replica.cell.calls[0]?.cancels.length === 1);
  expect(replica.cell.calls[0]!.bodyAborts).toEqual([1]);
  replica.cell.calls[0]!.done();
  await until(() => fixture.ingress.samples()[0]!.inFlight === 0);
  expect(fixture.ingress.samples()[0]!.traffic).toMatchObject({ requests: 0, failures: 0, clientAborts: 1 });
});

test('nonsense behind a good request does not take its answer', async () => {
  replica.cell.script = (call) => setTimeout(() => call.reply(200, 'good'), 30);
  const answer = await answerTo('GET / HTTP/1.1', 'Host: a', '', 'nonsense', '', '');
  expect(answer.text).toContain('good');
  expect(answer.status).toBe(200);
});

test('a request hidden in the body of another is a body', async () => {
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n';
  await answerTo('POST /seen HTTP/1.1', 'Host: a', `Content-Length: ${hidden.length}`, 'Connection: close', '', hidden);
  expect(replica.cell.calls.map((call) => [call.path, call.body.toString()])).toEqual([['/seen', hidden]]);
});

describe('slow clients are ended by time', () => {
  beforeEach(async () => {
    await fixture.stop();
    const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400, timeoutCheckMs: 20 };
    fixture = await startIngress(snapshot([rule()]), { limits });
    replica = await fixture.add(STABLE, (call) => call.reply(200, call.path));
  });

  test('in the head', async () => {
    const answer = await answerTo('GET / HTTP/1.1', 'Host: a', 'X-A: ');
    expect(answer.status).toBe(408);
  });

  test('in a body that is gathered, before a cell has it', async () => {
    const answer = await answerTo('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100', '', 'abc');
    expect(answer.status).toBe(408);
    expect(replica.cell.calls).toEqual([]);
  });

  test('with nothing at all', async () => {
    const client = fixture.dial();
    await client.whenClosed();
    expect(client.statuses.filter((status) => status !== 408)).toEqual([]);
  });
});

test('an idle connection is kept for its time and no longer; a busy one as long as the guest works', async () => {
  await fixture.stop();
  fixture = await startIngress(snapshot([rule()]), { limits: { keepAliveTimeoutMs: 50, stallTimeoutMs: 100 } });
  replica = await fixture.add(STABLE, () => undefined);
  const client = fixture.dial();
  client.write('GET / HTTP/1.1', 'Host: a', '', '');
  await until(() => replica.cell.calls.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(client.closed).toBe(false);
  replica.cell.calls[0]!.reply(200, 'late');
  expect(await client.whenClosed()).toMatch(/late$/);
});

test('a client more than there may be is turned away', async () => {
  const clients = Array.from({ length: 50 }, () => fixture.dial());
  for (const client of clients) client.write('GET / HTTP/1.1', 'Host: a', '', '');
  await until(() => clients.every((client) => client.statuses.length === 1));
  const oneMore = fixture.dial();
  expect(await oneMore.whenClosed()).toBe('');
});

describe('a head on its way to a guest', () => {
  test('loses what belongs to the connection, and gets who asked from us', async () => {
    await answerTo(
      'GET http://Shop.Example:8080/x//y?z HTTP/1.1',
      'Host: other',
      'Accept: */*',
      'X-Mine: yes',
      'X-Hop: no',
      'Connection: close, X-Hop',
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Proxy-Authorization: x',
      'Trailer: x',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: evil',
      'X-Forwarded-Port: 1',
      'Forwarded: for=6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'X-Headway-Release: x',
      'X-Request-Id: abc-1',
      '',
      '',
    );
    const { request } = replica.cell.calls[0]!;
    expect(request).toMatchObject({ method: 'GET', path: '/x/y?z', authority: 'shop.example:8080', scheme: 'http' });
    expect(request.headers).toEqual([
      'accept',
      '*/*',
      'x-mine',
      'yes',
      'x-forwarded-for',
      '127.0.0.1',
      'x-forwarded-proto',
      'http',
      'x-forwarded-host',
      'shop.example:8080',
      'x-request-id',
      'abc-1',
    ]);
  });

  test('gets an id where the client sent none, or none that can be passed', async () => {
    await answerTo('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', '');
    await answerTo('GET / HTTP/1.1', 'Host: a', 'X-Request-Id: a b', 'Connection: close', '', '');
    const ids = replica.cell.calls.map((call) => call.header('x-request-id'));
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/);
    expect(ids[1]).toMatch(/^[0-9a-f]{8}-[0-9a-z]+$/);
    expect(new Set(ids).size).toBe(2);
  });

  test('HTTP/1.0 needs no host', async () => {
    const answer = await answerTo('GET /old HTTP/1.0', '', '');
    expect(answer.status).toBe(200);
    expect(replica.cell.calls[0]!.request).toMatchObject({ authority: '', path: '/old' });
  });
});

test('pipelined requests are answered in order', async () => {
  replica.cell.script = (call) => setTimeout(() => call.reply(200, call.path), call.path === '/1' ? 20 : 0);
  const client = fixture.dial();
  client.write('GET /1 HTTP/1.1', 'Host: a', '', 'GET /2 HTTP/1.1', 'Host: a', 'Connection: close', '', '');
  expect((await client.whenClosed()).indexOf('/1')).toBeLessThan(client.received.indexOf('/2'));
  expect(client.statuses).toEqual([200, 200]);
});

test('what does not match says so, and why', async () => {
  fixture.ingress.apply(
    snapshot([rule({ match: { hostname: 'a.example', path: { type: 'PathPrefix', value: '/a' }, headers: [] } })], 2),
  );
  const answer = await fixture.get('/b', { headers: { host: 'a.example' } });
  expect(answer.status).toBe(404);
  expect(errorOf(answer)).toMatchObject({
    status: 404,
    code: 'HW4511',
    reason: 'NoRoute',
    message: expect.stringContaining('a.example/b'),
  });
});
