/** The load client has to see every way in which a server can break a promise: each server here breaks one of them. */
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { startLoad, type LoadRequest } from './load-process.ts';
import { MAX_BODY_BYTES, MAX_CONNECTIONS, MAX_REQUESTS, MAX_SECONDS, problemOf, runLoad } from './load/run.ts';

const servers: net.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    if (server instanceof http.Server) server.closeAllConnections();
    await once(server, 'close');
  }
});

async function listen(server: net.Server): Promise<string> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/path?query=1`;
}

const serve = (listener: http.RequestListener) => listen(http.createServer(listener));

/** A server below HTTP: `respond` is called with the n-th request, from 1, of its connection. */
const serveRaw = (respond: (socket: net.Socket, head: string, index: number) => void) =>
  listen(
    net.createServer((socket) => {
      let index = 0;
      let received = '';
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1');
        for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
          const head = received.slice(0, end);
          received = received.slice(end + 4);
          respond(socket, head, ++index);
        }
      });
    }),
  );

const load = (url: string, more: Partial<LoadRequest> = {}) =>
  runLoad({ url, connections: 2, seconds: 30, requests: 20, ...more }, new AbortController().signal);

const echoingId: http.RequestListener = (request, response) => {
  response.setHeader('x-request-id', request.headers['x-request-id']!);
  request.pipe(response);
};

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('a server that keeps its promises', () => {
  test('loses nothing, in a closed loop and at a fixed rate', async () => {
    const seen = new Set<string>();
    const url = await serve((request, response) => {
      seen.add(request.headers['x-request-id'] as string);
      response.setHeader('x-headway-release', seen.size % 2 ? 'a' : 'b').end('hello');
    });
    for (const rate of [undefined, 400]) {
      const report = await load(url, rate === undefined ? {} : { rate });
      expect(report).toMatchObject({
        sent: 20,
        answers: 20,
        lostTotal: 0,
        byStatus: { 200: 20 },
        byRelease: { a: 10, b: 10 },
      });
      expect(report).toMatchObject({ duplicated: 0, mismatched: 0, refused: 0, status5xx: 0 });
      expect(report.latencyMs.p50).toBeLessThanOrEqual(report.latencyMs.p99);
      expect(report.latencyMs.p99).toBeLessThanOrEqual(report.latencyMs.max);
    }
    expect(seen.size).toBe(40);
  });

  test.each([0, 1, 100_000])('brings back a body of %i bytes, whole and in chunks', async (bodyBytes) => {
    const url = await serve(echoingId);
    const report = await load(url, { bodyBytes, echoes: true });
    expect(report).toMatchObject({ answers: 20, mismatched: 0, lostTotal: 0 });
  });

  test.each([
    ['no body at all', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['a length', OK],
    ['chunks and trailers', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n'],
    ['an interim response before it', `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}`],
  ])('is understood with %s, byte by byte', async (_what, response) => {
    const url = await serveRaw((socket) => {
      for (const byte of response) socket.write(byte);
    });
    expect(await load(url, { requests: 3 })).toMatchObject({ answers: 3, lostTotal: 0, duplicated: 0 });
  });

  test('may close a connection when it says so, or by the end of a body without a length', async () => {
    const closing = await serve((_request, response) => response.setHeader('connection', 'close').end('x'));
    expect(await load(closing)).toMatchObject({ answers: 20, lostTotal: 0, refused: 0 });
    const endless = await serveRaw((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    expect(await load(endless)).toMatchObject({ answers: 20, lostTotal: 0, refused: 0 });
  });

  test('may close a connection that waits for its next request', async () => {
    const url = await serveRaw((socket) => socket.end(OK));
    const report = await load(url, { rate: 50, timeoutMs: 2000 });
    expect(report.sent).toBe(report.answers + report.lostTotal);
    expect(report.lost).not.toHaveProperty('timeout');
  });

  test('is asked under another name than its address, where a header says so', async () => {
    const hosts = new Set<string>();
    const url = await serve((request, response) => {
      for (const [at, name] of request.rawHeaders.entries())
        if (at % 2 === 0 && name === 'host') hosts.add(request.rawHeaders[at + 1]!);
      response.end();
    });
    await load(url, { headers: [['host', 'shop.example.com']] });
    expect([...hosts]).toEqual(['shop.example.com']);
  });

  test('has its statuses, and the labels of its releases, counted', async () => {
    let count = 0;
    const url = await serve((_request, response) => {
      count += 1;
      const release = count % 4 === 0 ? 'b' : 'a';
      response
        .writeHead(release === 'b' ? 503 : 200, { 'x-headway-release': release, 'x-version': `v-${release}` })
        .end();
    });
    expect(await load(url, { label: 'x-version' })).toMatchObject({
      status5xx: 5,
      byStatus: { 200: 15, 503: 5 },
      byReleaseAndStatus: { 'a 200': 15, 'b 503': 5 },
      labels: { 'a v-a': 15, 'b v-b': 5 },
    });
  });
});

describe('a server that breaks one', () => {
  test('closes before the answer, on a new and on a kept connection', async () => {
    const url = await serveRaw((socket, _head, index) => (index === 2 ? socket.destroy() : socket.write(OK)));
    const kept = await load(url, { connections: 1, requests: 10 });
    expect(kept).toMatchObject({ sent: 10, answers: 5, lost: { 'closed before the answer, on a kept connection': 5 } });
    const never = await serveRaw((socket) => socket.destroy());
    expect(await load(never, { requests: 3 })).toMatchObject({
      answers: 0,
      lost: { 'closed before the answer, on a new connection': 3 },
    });
  });

  test.each([
    ['in its head', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['in a body with a length', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ['in a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nhalf'],
    ['before the last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n'],
  ])('breaks off %s', async (_where, part) => {
    const url = await serveRaw((socket) => socket.end(part));
    expect(await load(url, { requests: 4 })).toMatchObject({ sent: 4, answers: 0, lost: { 'broke off': 4 } });
  });

  test('never answers', async () => {
    const url = await serveRaw(() => undefined);
    expect(await load(url, { requests: 2, timeoutMs: 100 })).toMatchObject({ sent: 2, lost: { timeout: 2 } });
  });

  test('answers twice, at once and later', async () => {
    const atOnce = await serveRaw((socket) => socket.write(OK + OK));
    expect(await load(atOnce, { requests: 5 })).toMatchObject({ answers: 5, duplicated: 5 });
    const later = await serveRaw((socket, head) => {
      const id = /x-request-id: (\S+)/.exec(head)![1];
      const answer = `HTTP/1.1 200 OK\r\nx-request-id: ${id}\r\ncontent-length: 0\r\n\r\n`;
      socket.write(answer);
      setImmediate(() => socket.write(answer));
    });
    const report = await load(later, { requests: 20, connections: 1, echoes: true });
    expect(report.duplicated + report.mismatched).toBeGreaterThan(0);
  });

  test('answers with the id of another, or with another body', async () => {
    const wrongId = await serve((_request, response) => response.setHeader('x-request-id', 'another').end());
    expect(await load(wrongId, { echoes: true })).toMatchObject({ answers: 20, mismatched: 20 });
    const wrongBody = await serve((request, response) => {
      request.resume();
      response.setHeader('x-request-id', request.headers['x-request-id']!).end('!'.repeat(50));
    });
    expect(await load(wrongBody, { echoes: true, bodyBytes: 50 })).toMatchObject({ answers: 20, mismatched: 20 });
  });

  test('says something that is not HTTP', async () => {
    const url = await serveRaw((socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'));
    expect(await load(url, { requests: 2 })).toMatchObject({ lost: { 'not an HTTP/1.1 response': 2 } });
  });

  test('is not there: refused, and nothing counted as sent', async () => {
    const url = await serve(() => undefined);
    const server = servers.pop()!;
    server.close();
    await once(server, 'close');
    const report = await load(url, { seconds: 0.2 });
    expect(report).toMatchObject({ sent: 0, answers: 0, lostTotal: 0 });
    expect(report.refused).toBeGreaterThan(0);
  });
});

describe('as a process', () => {
  test('reports when its time is over', async () => {
    const url = await serve(echoingId);
    const report = await startLoad({ url, requests: 50, connections: 4, echoes: true }).report;
    expect(report).toMatchObject({ sent: 50, answers: 50, lostTotal: 0, mismatched: 0 });
  });

  test('stops when it is told to, after the outstanding answers', async () => {
    let answered = 0;
    let first: () => void = () => undefined;
    const started = new Promise<void>((resolve) => (first = resolve));
    const url = await serve((_request, response) => {
      first();
      setTimeout(() => {
        answered += 1;
        response.end();
      }, 50);
    });
    const running = startLoad({ url, rate: 200, connections: 8, headers: [['x-extra', 'a: b']] });
    await started;
    const report = await running.stop();
    expect(report).toMatchObject({ sent: answered, answers: answered, lostTotal: 0 });
    expect(answered).toBeGreaterThan(0);
  });

  test('says what is wrong with its arguments', async () => {
    await expect(startLoad({ url: 'ftp://x/' }).report).rejects.toThrow('the URL must begin with http://');
    await expect(startLoad({ url: 'http://x/', connections: 0 }).report).rejects.toThrow(
      'connections must be between 1',
    );
  });
});

test.each([
  ['connections', MAX_CONNECTIONS],
  ['seconds', MAX_SECONDS],
  ['requests', MAX_REQUESTS],
  ['bodyBytes', MAX_BODY_BYTES],
])('%s may be %i and no more', (name, most) => {
  const options = { url: 'http://127.0.0.1/', connections: 1, seconds: 1, requests: 1 };
  expect(problemOf({ ...options, [name]: most })).toBeUndefined();
  expect(problemOf({ ...options, [name]: most + 1 })).toContain(`and ${most}`);
});
