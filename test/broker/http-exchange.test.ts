/** Requests of guests against real servers: well-behaved ones, and raw sockets that are not. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Resolver } from '../../src/broker/resolver.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import { makeCertificate } from '../support/certificate.ts';
import { loopTurns } from '../support/loop-turns.ts';
import { closing, Fixture, Heard, listen, MEBIBYTE, raw, sendTo, serve } from './http-fixture.ts';

describe('a request', () => {
  test('goes out as the guest says it, with a host of ours, and closes its connection', async () => {
    const asked: string[] = [];
    const port = await raw((socket, text) => {
      asked.push(text);
      socket.end('HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi');
    });
    const heard = await sendTo(port, { path: '/a?b=c', headers: ['x-mine', 'a', 'x-mine', 'b'] });
    expect(asked).toEqual([
      `GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\nx-mine: a\r\nx-mine: b\r\n\r\n`,
    ]);
    expect([heard.status, heard.headers, heard.text, heard.trailers]).toEqual([
      200,
      ['x-one', '1', 'x-one', '2', 'content-length', '2'],
      'hi',
      [],
    ]);
  });

  test('keeps the spelling of a method: it is what was judged', async () => {
    const lines: string[] = [];
    const port = await raw((socket, text) => {
      lines.push(text.slice(0, text.indexOf('\r\n')));
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    for (const method of ['get', 'Purge']) await sendTo(port, { method });
    expect(lines).toEqual(['get / HTTP/1.1', 'Purge / HTTP/1.1']);
  });

  test('a value that reads like the name of a header is a value', async () => {
    const port = await serve((request, response) => response.end(request.headers['x-mine']));
    expect((await sendTo(port, { headers: ['x-mine', 'expect'] })).text).toBe('expect');
    expect((await sendTo(port, { headers: ['expect', '100-continue'] })).failure?.tag).toBe('internal-error');
  });

  test('a body streams up, with and without a declared length', async () => {
    const port = await serve((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => response.end(`${bytes} ${request.headers['transfer-encoding'] ?? 'plain'}`));
    });
    for (const headers of [[], ['content-length', String(MEBIBYTE)]]) {
      const heard = new Fixture([port]).begin(`127.0.0.1:${port}`, { method: 'POST', hasBody: true, headers });
      let credit = INITIAL_CREDIT_BYTES;
      for (let sent = 0; sent < MEBIBYTE; sent += 64 * 1024) {
        while (credit + heard.creditBytes - sent < 64 * 1024) await new Promise(setImmediate);
        expect(heard.exchange!.push(Buffer.alloc(64 * 1024))).toBe(true);
      }
      expect(heard.exchange!.endBody()).toBe(true);
      await heard.over.promise;
      expect([heard.failure, heard.text]).toEqual([
        undefined,
        `${MEBIBYTE} ${headers.length === 0 ? 'chunked' : 'plain'}`,
      ]);
    }
  });

  test('more of a body than there is credit for breaks the protocol, one byte earlier it does not', async () => {
    const port = await raw(() => undefined);
    const { exchange } = new Fixture([port]).begin(`127.0.0.1:${port}`, { method: 'POST', hasBody: true });
    // Nothing is connected yet, so nothing was taken.
    expect([exchange!.push(Buffer.alloc(INITIAL_CREDIT_BYTES)), exchange!.push(Buffer.alloc(1))]).toEqual([
      true,
      false,
    ]);
    exchange!.abandon();
  });

  test('a body that is not as long as declared ends the connection', async () => {
    const bodies: string[] = [];
    const port = await serve((request) => request.on('close', () => bodies.push(request.complete ? 'whole' : 'cut')));
    const heard = new Fixture([port]).begin(`127.0.0.1:${port}`, {
      method: 'POST',
      hasBody: true,
      headers: ['content-length', '10'],
    });
    heard.exchange!.push(Buffer.from('GET /smuggled HTTP/1.1\r\n\r\n'));
    heard.exchange!.endBody();
    await heard.over.promise;
    expect(heard.failure?.tag).toBe('HTTP-request-body-size');
    expect(bodies).not.toContain('whole');
  });

  test('a body that is shorter than declared ends the connection, also one of no byte', async () => {
    const said: string[] = [];
    const port = await raw((_socket, text) => said.push(text));
    for (const chunks of [[], ['abc']]) {
      const heard = new Fixture([port]).begin(`127.0.0.1:${port}`, {
        method: 'POST',
        hasBody: true,
        headers: ['content-length', '10'],
      });
      for (const chunk of chunks) heard.exchange!.push(Buffer.from(chunk));
      heard.exchange!.endBody();
      await heard.over.promise;
      expect(heard.failure).toEqual({ tag: 'HTTP-request-body-size', number: chunks.join('').length });
    }
    expect((await sendTo(port, { headers: ['content-length', '10'] })).failure?.tag).toBe('HTTP-request-body-size');
    expect(said.join('')).not.toContain('content-length: 0');
  });

  test('is cancelled when nobody wants it: the upstream sees its connection end', async () => {
    const closed = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const port = await raw((socket) => {
      asked.resolve();
      socket.on('close', () => closed.resolve());
    });
    const heard = new Fixture([port]).begin(`127.0.0.1:${port}`);
    await asked.promise;
    heard.exchange!.abandon();
    await closed.promise;
    expect(heard.failure).toBeUndefined();
  });
});

describe('a response', () => {
  test('that nobody reads stops at the credit, and goes on when there is more', async () => {
    const port = await serve((_request, response) => response.end(Buffer.alloc(4 * MEBIBYTE)));
    const heard = new Heard();
    heard.reading = false;
    new Fixture([port]).begin(`127.0.0.1:${port}`, {}, heard);
    await expect.poll(() => heard.bytes).toBe(INITIAL_CREDIT_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([heard.bytes, heard.trailers]).toEqual([INITIAL_CREDIT_BYTES, undefined]);
    heard.reading = true;
    expect(heard.exchange!.addCredit(INITIAL_CREDIT_BYTES)).toBe(true);
    await heard.over.promise;
    expect(heard.bytes).toBe(4 * MEBIBYTE);
  });

  test('that nobody reads is not taken from the upstream', async () => {
    const port = await serve((_request, response) => response.end(Buffer.alloc(64 * MEBIBYTE)));
    const heard = new Heard();
    heard.reading = false;
    // What is taken counts, whoever reads it.
    new Fixture([port], undefined, { maxBodyBytes: MEBIBYTE }).begin(`127.0.0.1:${port}`, {}, heard);
    await expect.poll(() => heard.bytes).toBe(INITIAL_CREDIT_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard.failure).toBeUndefined();
    heard.exchange!.addCredit(INITIAL_CREDIT_BYTES);
    heard.reading = true;
    await heard.over.promise;
    expect(heard.failure?.tag).toBe('HTTP-response-body-size');
  });

  test('more credit than a body begins with breaks the protocol', async () => {
    const port = await raw(() => undefined);
    const { exchange } = new Fixture([port]).begin(`127.0.0.1:${port}`);
    expect(exchange!.addCredit(1)).toBe(false);
    exchange!.abandon();
  });

  test('comes with its trailers, without those that frame', async () => {
    const port = await raw((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nAge: 9\r\n\r\n'),
    );
    const heard = await sendTo(port);
    expect([heard.headers, heard.text, heard.trailers]).toEqual([[], 'hi', ['x-sum', '1']]);
  });

  test('gzip goes through untouched; a redirect is an answer; 1xx are nobody’s business', async () => {
    const zipped = gzipSync('hello');
    const port = await serve((request, response) => {
      if (request.url === '/gzip') return response.writeHead(200, { 'content-encoding': 'gzip' }).end(zipped);
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      return response.writeHead(302, { location: `http://127.0.0.1:${port}/gzip` }).end();
    });
    const heard = await sendTo(port, { path: '/gzip' });
    expect(Buffer.concat(heard.chunks).equals(zipped)).toBe(true);
    const moved = await sendTo(port);
    expect([moved.status, moved.headers.includes('location'), moved.bytes]).toEqual([302, true, 0]);
  });

  test('to HEAD has no body, whatever it declares', async () => {
    const port = await serve((_request, response) => response.writeHead(200, { 'content-length': '5' }).end());
    const heard = await sendTo(port, { method: 'HEAD' });
    expect([heard.status, heard.bytes, heard.trailers]).toEqual([200, 0, []]);
  });

  const OK = 'HTTP/1.1 200 OK\r\n';
  const hostile: readonly (readonly [string, (socket: net.Socket) => unknown, string])[] = [
    ['no HTTP', (socket) => socket.end('SSH-2.0-x\r\n'), 'HTTP-protocol-error'],
    [
      'another protocol',
      (socket) => socket.write('HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      'connection-terminated',
    ],
    ['a status below all', (socket) => socket.end('HTTP/1.1 099 X\r\n\r\n'), 'HTTP-protocol-error'],
    ['nothing', (socket) => socket.end(), 'connection-terminated'],
    ['a reset', (socket) => socket.resetAndDestroy(), 'connection-terminated'],
    ['a length that lies', (socket) => socket.end(`${OK}Content-Length: 5\r\n\r\nhi`), 'HTTP-response-incomplete'],
    [
      'two lengths',
      (socket) => socket.end(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!`),
      'HTTP-protocol-error',
    ],
    [
      'a length and chunks',
      (socket) => socket.end(`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
      'HTTP-protocol-error',
    ],
    [
      'chunks of no size',
      (socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\nxx\r\n`),
      'HTTP-protocol-error',
    ],
    [
      'chunks without an end',
      (socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n`),
      'HTTP-response-incomplete',
    ],
    ['a folded header', (socket) => socket.end(`${OK}X: 1\r\n\u0001: 2\r\n\r\n`), 'HTTP-protocol-error'],
    [
      'one long header',
      (socket) => socket.end(`${OK}X: ${'x'.repeat(40_000)}\r\n\r\n`),
      'HTTP-response-header-section-size',
    ],
    ['129 headers', (socket) => socket.end(`${OK}${'X: 1\r\n'.repeat(129)}\r\n`), 'HTTP-response-header-section-size'],
    [
      '33 trailers',
      (socket) => socket.end(`${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n${'X: 1\r\n'.repeat(33)}\r\n`),
      'HTTP-response-trailer-section-size',
    ],
  ];
  test.each(hostile)('of %s', async (_what, say, tag) => {
    const port = await raw((socket) => void say(socket));
    expect((await sendTo(port)).failure?.tag).toBe(tag);
  });

  test('that ends with the connection is not whole where that was reset', async () => {
    const port = await raw((socket) => {
      socket.write(`${OK}\r\nhi`);
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
    expect((await sendTo(port)).failure?.tag).toBe('HTTP-response-incomplete');
    const other = await raw((socket) => socket.end(`${OK}\r\nhi`));
    expect((await sendTo(other)).text).toBe('hi');
  });

  test('is whole whatever is said behind it', async () => {
    for (const more of ['garbage', `${OK}Content-Length: 0\r\n\r\n`]) {
      const port = await raw((socket) => socket.end(`${OK}Content-Length: 2\r\n\r\nhi${more}`));
      const heard = await sendTo(port);
      expect([heard.failure, heard.text]).toEqual([undefined, 'hi']);
    }
  });

  test('comes behind a 100 that nobody waits for', async () => {
    const port = await raw((socket) => socket.end(`HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`));
    expect((await sendTo(port)).text).toBe('hi');
  });

  test('of 128 headers is taken', async () => {
    const port = await raw((socket) => socket.end(`${OK}${'X: 1\r\n'.repeat(127)}Content-Length: 0\r\n\r\n`));
    expect((await sendTo(port)).headers).toHaveLength(2 * 128);
  });

  test('endless headers end at the bound', async () => {
    const port = await raw((socket) => {
      socket.write(OK);
      const timer = setInterval(() => socket.write(`X: ${'x'.repeat(1000)}\r\n`), 1);
      socket.on('close', () => clearInterval(timer));
    });
    expect((await sendTo(port)).failure?.tag).toBe('HTTP-response-header-section-size');
  });

  test('a body over the bound ends there, one of the bound does not', async () => {
    const port = await serve((request, response) => response.end(Buffer.alloc(Number(request.url!.slice(1)))));
    const bound = { maxBodyBytes: 1000 };
    expect((await sendTo(port, { path: '/1000' }, bound)).bytes).toBe(1000);
    expect((await sendTo(port, { path: '/1001' }, bound)).failure).toEqual({
      tag: 'HTTP-response-body-size',
      number: 1001,
    });
  });
});

describe('time', () => {
  test('to the first byte, and between two', async () => {
    const silent = await raw(() => undefined);
    const slow = await raw((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi'));
    const timeouts = { connectMs: 0, firstByteMs: 100, betweenBytesMs: 100 };
    expect((await sendTo(silent, { timeouts })).failure?.tag).toBe('HTTP-response-timeout');
    const heard = await sendTo(slow, { timeouts: { ...timeouts, firstByteMs: 30_000 } });
    expect([heard.text, heard.failure?.tag]).toEqual(['hi', 'connection-read-timeout']);
  });

  describe('to the first byte stands still while the guest is waited for', () => {
    const timeouts = { connectMs: 0, firstByteMs: 100, betweenBytesMs: 0 };
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());
    /** On a clock that moves when the test says so: all that is on its way has arrived by then. */
    const pass = async (ms = 350): Promise<void> => {
      await loopTurns();
      vi.advanceTimersByTime(ms);
    };
    const upload = (port: number, headers: readonly string[] = []): Heard =>
      new Fixture([port]).begin(`127.0.0.1:${port}`, { method: 'POST', hasBody: true, headers, timeouts });

    test('before it has said anything, between two pieces, and before it says that there is no more', async () => {
      const port = await serve((request, response) => {
        void buffer(request).then(({ length }) => response.end(`${length}`));
      });
      const heard = upload(port);
      await pass();
      heard.exchange!.push(Buffer.from('ab'));
      await pass();
      heard.exchange!.push(Buffer.from('c'));
      await pass();
      heard.exchange!.endBody();
      await heard.over.promise;
      expect([heard.failure, heard.text]).toEqual([undefined, '3']);
    });

    test('and begins with the end', async () => {
      const heard = upload(await raw(() => undefined));
      heard.exchange!.push(Buffer.from('abc'));
      await pass();
      heard.exchange!.endBody();
      await pass(99);
      expect(heard.failure).toBeUndefined();
      await pass(1);
      await heard.over.promise;
      expect(heard.failure?.tag).toBe('HTTP-response-timeout');
    });

    test('but not where all of the declared length has left: a byte less, and it does', async () => {
      const heard = upload(await raw(() => undefined), ['content-length', '3']);
      heard.exchange!.push(Buffer.from('ab'));
      await pass();
      heard.exchange!.push(Buffer.from('c'));
      await pass(99);
      expect(heard.failure).toBeUndefined();
      await pass(1);
      await heard.over.promise;
      expect(heard.failure?.tag).toBe('HTTP-response-timeout');
    });
  });

  test('a drip is slow and not late', async () => {
    const port = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
      let sent = 0;
      const timer = setInterval(() => {
        socket.write('x');
        if (++sent === 8) clearInterval(timer);
      }, 300);
    });
    const timeouts = { connectMs: 0, firstByteMs: 0, betweenBytesMs: 2_000 };
    expect((await sendTo(port, { timeouts })).text).toBe('xxxxxxxx');
  });

  test('to connect begins with the look-up', async () => {
    const fixture = new Fixture([80], ['slow.example'], { resolver: new Resolver(() => new Promise(() => undefined)) });
    const timeouts = { connectMs: 50, firstByteMs: 0, betweenBytesMs: 0 };
    expect((await fixture.send('slow.example', { timeouts })).failure?.tag).toBe('connection-timeout');
  });
});

describe('addresses', () => {
  test('the address that was checked is the one that is connected to, whatever the name says later', async () => {
    const port = await serve((request, response) => response.end(request.headers.host));
    const fixture = new Fixture([port], ['up.example', '127.0.0.1']);
    fixture.answers = [['127.0.0.1'], ['10.0.0.1']];
    const heard = await fixture.send(`up.example:${port}`);
    expect([heard.text, fixture.resolved]).toEqual([`up.example:${port}`, ['up.example']]);
    expect(fixture.lines()).toEqual([`Allowed web GET http://up.example:${port} ×1`]);
  });

  test.each([
    [['127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['::ffff:127.0.0.1']],
    [['169.254.169.254']],
    [['fe80::1']],
  ])('a name that leads to %j is prohibited, and nothing is connected', async (...answers) => {
    let connections = 0;
    const port = await listen(net.createServer(() => connections++));
    const fixture = new Fixture([port], ['up.example']);
    fixture.answers = answers;
    const heard = await fixture.send(`up.example:${port}`);
    expect([heard.failure, connections]).toEqual([{ tag: 'destination-IP-prohibited' }, 0]);
    expect(fixture.lines()).toEqual([
      expect.stringMatching(
        /^Denied - GET http:\/\/up\.example:\d+ ×1: up\.example leads to \S+, which is inside: no grant/,
      ),
    ]);
  });

  test('what is not granted is denied before any look-up', async () => {
    const fixture = new Fixture([80], ['up.example']);
    expect((await fixture.send('other.example')).failure).toEqual({ tag: 'HTTP-request-denied' });
    expect([fixture.resolved, fixture.lines()]).toEqual([
      [],
      ['Denied - GET http://other.example:80 ×1: no grant names other.example'],
    ]);
  });

  test('a name without an address, one that nobody listens at, one that is not read', async () => {
    const port = await serve((_request, response) => response.end());
    closing.splice(0).forEach((close) => close());
    const fixture = new Fixture([port, 80], ['up.example', '127.0.0.1']);
    expect((await fixture.send('up.example')).failure?.tag).toBe('destination-not-found');
    expect((await fixture.send(`127.0.0.1:${port}`)).failure?.tag).toBe('connection-refused');
    expect((await fixture.send('u@up.example')).failure?.tag).toBe('HTTP-request-URI-invalid');
  });
});

test('TLS is checked against who is asked for', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-tls-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const { key, cert, caFile } = await makeCertificate(folder);
  const port = await listen(https.createServer({ key, cert }, (_request, response) => response.end('safe')));
  const ca = readFileSync(caFile, 'utf8');
  const secure = { scheme: 'https' };
  expect((await sendTo(port, secure, { ca })).text).toBe('safe');
  expect((await sendTo(port, secure)).failure?.tag).toBe('TLS-certificate-error');
  const fixture = new Fixture([port], ['up.example', '127.0.0.1'], { ca });
  fixture.answers = [['127.0.0.1']];
  expect((await fixture.send(`up.example:${port}`, secure)).failure?.tag).toBe('TLS-certificate-error');
  const plain = await raw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  expect((await sendTo(plain, secure)).failure?.tag).toBe('TLS-protocol-error');
});
