/** Requests of guests against real servers: well-behaved ones, and raw sockets that are not. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { HttpAuthority } from '../../src/broker/http/authority.ts';
import type { CheckedAddress, HttpExchange } from '../../src/broker/http/exchange.ts';
import type { HttpRequest } from '../../src/broker/http/request.ts';
import { HttpService, type HttpServiceOptions } from '../../src/broker/http/service.ts';
import { Records } from '../../src/broker/records.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import type { HttpFailure } from '../../src/wire/http-frames.ts';
import { makeCertificate } from '../support/certificate.ts';
import { lineOf } from './support.ts';

const MEBIBYTE = 1024 * 1024;
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

const serve = (handler: http.RequestListener): Promise<number> => listen(http.createServer(handler));
/** A server that says this to whoever has said something. */
const raw = (say: (socket: net.Socket, asked: string) => void): Promise<number> =>
  listen(net.createServer((socket) => socket.once('data', (asked: Buffer) => say(socket, asked.toString('latin1')))));

/** What the cell would hear, and gives credit for at once unless told otherwise. */
class Heard {
  status: number | undefined;
  headers: readonly string[] = [];
  readonly chunks: Buffer[] = [];
  trailers: readonly string[] | undefined;
  failure: HttpFailure | undefined;
  creditBytes = 0;
  reading = true;
  exchange: HttpExchange | undefined;
  readonly over = Promise.withResolvers<void>();

  head(status: number, headers: readonly string[]): void {
    this.status = status;
    this.headers = headers;
  }
  body(bytes: Buffer): void {
    this.chunks.push(Buffer.from(bytes));
    if (this.reading) setImmediate(() => this.exchange?.addCredit(bytes.length));
  }
  end(trailers: readonly string[]): void {
    this.trailers = trailers;
    this.over.resolve();
  }
  failed(failure: HttpFailure): void {
    this.failure = failure;
    this.over.resolve();
  }
  credit(bytes: number): void {
    this.creditBytes += bytes;
  }
  started(): void {}
  mayWrite(): boolean {
    return true;
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
}

interface Sent extends Partial<Omit<HttpRequest, 'asked'>> {
  readonly method?: string;
  readonly scheme?: string;
  readonly path?: string;
}

class Fixture {
  readonly records = new Records(() => undefined);
  readonly resolved: string[] = [];
  answers: readonly (readonly string[])[] = [];
  readonly service: HttpService;
  readonly hosts: readonly string[];
  readonly ports: readonly number[];

  constructor(ports: readonly number[], hosts = ['127.0.0.1'], more: Partial<HttpServiceOptions> = {}) {
    this.ports = ports;
    this.hosts = hosts;
    this.service = new HttpService({
      records: this.records,
      wallMs: () => Date.parse('2026-11-28T12:00:00Z'),
      maxBodyBytes: 16 * MEBIBYTE,
      resolve: (name) => {
        const answer = this.answers[this.resolved.length] ?? [];
        this.resolved.push(name);
        return Promise.resolve(answer.map((address): CheckedAddress => ({ address, family: net.isIP(address) })));
      },
      ...more,
    });
  }

  begin(authority: string, sent: Sent = {}, heard = new Heard()): Heard {
    const settings = { hosts: this.hosts, ports: this.ports, schemes: ['http', 'https'] };
    const grant = { name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' } as const;
    const { method = 'GET', scheme = 'http', path: target = '/', ...request } = sent;
    heard.exchange = this.service.begin(
      {
        actor: { component: 'shop/cart', group: 'shop/cart@1' },
        http: new HttpAuthority('shop', [grant], []),
        mirrored: false,
      },
      {
        flags: 0,
        seat: 1,
        call: 7,
        timeouts: { connectMs: 0, firstByteMs: 0, betweenBytesMs: 0 },
        headers: [],
        hasBody: false,
        ...request,
        asked: { method, scheme, authority, path: target },
      },
      heard,
    );
    return heard;
  }

  async send(authority: string, sent: Sent = {}): Promise<Heard> {
    const heard = this.begin(authority, sent);
    await heard.over.promise;
    return heard;
  }

  lines(): string[] {
    return this.records.drain(0, true).map(lineOf);
  }
}

async function sendTo(port: number, sent: Sent = {}, more: Partial<HttpServiceOptions> = {}): Promise<Heard> {
  return new Fixture([port], undefined, more).send(`127.0.0.1:${port}`, sent);
}

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
    const heard = await sendTo(slow, { timeouts });
    expect([heard.text, heard.failure?.tag]).toEqual(['hi', 'connection-read-timeout']);
  });

  test('a drip is slow and not late', async () => {
    const port = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
      let sent = 0;
      const timer = setInterval(() => {
        socket.write('x');
        if (++sent === 8) clearInterval(timer);
      }, 40);
    });
    const timeouts = { connectMs: 0, firstByteMs: 0, betweenBytesMs: 200 };
    expect((await sendTo(port, { timeouts })).text).toBe('xxxxxxxx');
  });

  test('to connect begins with the look-up', async () => {
    const fixture = new Fixture([80], ['slow.example'], { resolve: () => new Promise(() => undefined) });
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
  const { readFileSync } = await import('node:fs');
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
