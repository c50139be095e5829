/** Trailers of a guest's own request, on the wire of real servers. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { doorHeaders } from '../../src/wire/door.ts';
import { INITIAL_CREDIT_BYTES } from '../../src/wire/frames.ts';
import { makeCertificate } from '../support/certificate.ts';
import { closing, Fixture, Heard, listen, quiet, raw, serve, type Sent } from './http-fixture.ts';

const DONE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
const UPLOAD: Sent = { method: 'POST', hasBody: true };

/** Keeps every byte, and answers when it has this. */
async function keeping(until: string): Promise<{ readonly port: number; readonly seen: string[] }> {
  const seen: string[] = [];
  const server = net.createServer((socket) => {
    const at = seen.push('') - 1;
    let isAnswered = false;
    socket.on('data', (chunk: Buffer) => {
      seen[at] += chunk.toString('latin1');
      if (isAnswered || !seen[at]!.includes(until)) return;
      isAnswered = true;
      // Later than anything that would still come.
      void quiet().then(() => socket.end(DONE));
    });
  });
  return { port: await listen(server), seen };
}

const begin = (port: number, sent: Sent = {}, more = {}): Heard =>
  new Fixture([port], undefined, more).begin(`127.0.0.1:${port}`, { ...UPLOAD, ...sent });

async function bodyOf(sent: Sent, trailers: readonly string[], ...chunks: readonly string[]): Promise<string> {
  const { port, seen } = await keeping('\r\n\r\n');
  const heard = begin(port, sent);
  for (const chunk of chunks) heard.exchange!.push(Buffer.from(chunk, 'latin1'));
  heard.exchange!.endBody(trailers);
  await heard.over.promise;
  expect([heard.failure, heard.text]).toEqual([undefined, 'hi']);
  const [said] = seen;
  return said!.replace(`POST / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n`, '');
}

/** Tells what of a request has come. */
const telling: http.RequestListener = (request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => response.end(`${bytes} ${JSON.stringify(request.rawTrailers)}`));
};

describe('trailers', () => {
  test('stand behind the last chunk, as the guest wrote them', async () => {
    expect(await bodyOf({ headers: ['x-a', '1'] }, ['x-sum', '7', 'x-b', 'caf\xe9'], 'abc')).toBe(
      'x-a: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 7\r\nx-b: caf\xe9\r\n\r\n',
    );
  });

  test('stand behind no chunk at all where there is no body', async () => {
    expect(await bodyOf({}, ['x-sum', '7'])).toBe('transfer-encoding: chunked\r\n\r\n0\r\nx-sum: 7\r\n\r\n');
  });

  test('come as often as the guest says them', async () => {
    expect(await bodyOf({}, ['x-a', '1', 'x-b', '2', 'x-a', '3'], 'a')).toMatch(
      /\r\n0\r\nx-a: 1\r\nx-b: 2\r\nx-a: 3\r\n\r\n$/,
    );
  });

  test('are announced where the guest announces them, and where they can come', async () => {
    const announced: Sent = { headers: ['trailer', 'x-sum', 'x-a', '1', 'trailer', 'x-other'] };
    expect(await bodyOf(announced, ['x-sum', '7'], 'a')).toBe(
      'x-a: 1\r\ntrailer: x-sum\r\ntrailer: x-other\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\n\r\n',
    );
    expect(await bodyOf(announced, [])).toBe('x-a: 1\r\ncontent-length: 0\r\n\r\n');
    expect(await bodyOf({ headers: ['trailer', 'x-sum', 'content-length', '1'] }, [], 'a')).toBe(
      'content-length: 1\r\n\r\na',
    );
  });

  test('are read by a server, plain and over TLS, behind a body of many chunks', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-tls-'));
    closing.push(() => rmSync(folder, { recursive: true }));
    const { key, cert, caFile } = await makeCertificate(folder);
    const ca = readFileSync(caFile, 'utf8');
    const ports = { http: await serve(telling), https: await listen(https.createServer({ key, cert }, telling)) };
    for (const scheme of ['http', 'https'] as const) {
      const heard = begin(ports[scheme], { scheme }, { ca });
      for (let sent = 0; sent < 3; sent++) heard.exchange!.push(Buffer.alloc(64 * 1024));
      heard.exchange!.endBody(['x-sum', scheme]);
      await heard.over.promise;
      expect([heard.failure, heard.text]).toEqual([undefined, `${3 * 64 * 1024} ["x-sum","${scheme}"]`]);
    }
  });

  test('may be known long after the request has begun', async () => {
    const { port, seen } = await keeping('\r\n0\r\n');
    const heard = begin(port);
    heard.exchange!.push(Buffer.from('abc'));
    await expect.poll(() => seen[0]).toMatch(/3\r\nabc\r\n$/);
    heard.exchange!.endBody(['x-sum', '7']);
    await heard.over.promise;
    expect(seen[0]).toMatch(/3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n$/);
  });

  test('behind a declared length are refused, and the upstream gets nothing that looks whole', async () => {
    const { port, seen } = await keeping('never');
    const heard = begin(port, { headers: ['content-length', '3'] });
    heard.exchange!.push(Buffer.from('ab'));
    await expect.poll(() => seen[0]).toMatch(/ab$/);
    heard.exchange!.push(Buffer.from('c'));
    heard.exchange!.endBody(['x-sum', '7']);
    await heard.over.promise;
    expect(heard.failure).toEqual({ tag: 'HTTP-protocol-error' });
    expect(seen[0]).not.toContain('x-sum');
  });
});

describe('a body without an end', () => {
  test('gets none where the answer is there before it', async () => {
    let said = '';
    const port = await raw((socket, asked) => {
      said = asked;
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
      socket.write(DONE);
    });
    const heard = begin(port);
    heard.exchange!.push(Buffer.from('abc'));
    await heard.over.promise;
    heard.exchange!.push(Buffer.from('def'));
    heard.exchange!.endBody(['x-sum', '7']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([heard.text, said.slice(said.indexOf('\r\n\r\n'))]).toEqual(['hi', '\r\n\r\n3\r\nabc\r\n']);
  });

  test('gets none where the guest breaks it off, and none where the upstream goes away', async () => {
    const { port, seen } = await keeping('never');
    const heard = begin(port);
    heard.exchange!.push(Buffer.from('abc'));
    await expect.poll(() => seen[0]).toMatch(/abc\r\n$/);
    heard.exchange!.fail({ tag: 'connection-terminated' });
    heard.exchange!.endBody(['x-sum', '7']);
    const away = begin(await raw((socket) => socket.end()));
    away.exchange!.push(Buffer.from('abc'));
    await away.over.promise;
    away.exchange!.endBody(['x-sum', '7']);
    expect([away.failure?.tag, seen[0]!.endsWith('3\r\nabc\r\n')]).toEqual(['connection-terminated', true]);
  });

  test('keeps an answer that the guest has not read yet', async () => {
    const sockets: net.Socket[] = [];
    const port = await raw((socket) => {
      sockets.push(socket);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`);
    });
    const heard = new Heard();
    heard.reading = false;
    new Fixture([port]).begin(`127.0.0.1:${port}`, UPLOAD, heard);
    heard.exchange!.push(Buffer.from('abc'));
    await expect.poll(() => [heard.bytes, sockets[0]!.writableLength]).toEqual([INITIAL_CREDIT_BYTES, 0]);
    await quiet();
    sockets[0]!.resetAndDestroy();
    await quiet();
    heard.reading = true;
    heard.exchange!.addCredit(INITIAL_CREDIT_BYTES);
    await heard.over.promise;
    expect([heard.failure, heard.bytes]).toEqual([undefined, 300_000]);
  });
});

describe('time, behind a body with trailers', () => {
  const timeouts = { connectMs: 0, firstByteMs: 100, betweenBytesMs: 100 };
  const whole = async (port: number, more = {}): Promise<Heard> => {
    const heard = begin(port, { timeouts: { ...timeouts, ...more } });
    heard.exchange!.push(Buffer.from('abc'));
    heard.exchange!.endBody(['x-sum', '7']);
    await heard.over.promise;
    return heard;
  };

  test('to the first byte, between two, and to take what is sent', async () => {
    const silent = await raw(() => undefined);
    expect((await whole(silent)).failure?.tag).toBe('HTTP-response-timeout');
    const slow = await raw((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi'));
    const heard = await whole(slow, { firstByteMs: 30_000 });
    expect([heard.text, heard.failure?.tag]).toEqual(['hi', 'connection-read-timeout']);
    const deaf = await listen(net.createServer((socket) => socket.pause()));
    const waiting = begin(deaf, { timeouts });
    for (let sent = 0; sent < 4; sent++) waiting.exchange!.push(Buffer.alloc(64 * 1024));
    waiting.exchange!.endBody(['x-sum', '7']);
    await waiting.over.promise;
    expect(waiting.failure?.tag).toBe('HTTP-response-timeout');
  });
});

test('trailers to another entry are the guest’s, without what only the runtime says', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'headway-door-'));
  closing.push(() => rmSync(folder, { recursive: true }));
  const door = { path: path.join(folder, 'door'), token: 'abcd', cell: 3 };
  let said = '';
  const server = net.createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (said.includes('x-sum')) socket.end(DONE);
    });
  });
  closing.push(() => server.close());
  await once(server.listen(door.path), 'listening');
  const fixture = new Fixture([80], ['cart.shop.headway']);
  const headers = ['x-headway-caller', 'bank/vault', 'x-a', '1'];
  const heard = fixture.begin('cart.shop.headway', { ...UPLOAD, headers }, new Heard(), { door });
  heard.exchange!.endBody(['x-headway-caller', 'bank/vault', 'X-Headway-Door', 'abcd 1 1', 'x-sum', '7']);
  await heard.over.promise;
  const [, value] = doorHeaders('abcd', 3, 7);
  expect([heard.text, said]).toEqual([
    'hi',
    `POST / HTTP/1.1\r\nhost: cart.shop.headway\r\nx-headway-door: ${value}\r\nconnection: close\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 7\r\n\r\n`,
  ]);
});
