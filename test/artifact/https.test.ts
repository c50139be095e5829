import type { ServerResponse } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HostSettings } from '../../src/artifact/hosts.ts';
import { endless, HostileServer } from '../support/hostile-server.ts';
import { startNginxFiles, type NginxFiles } from '../support/nginx-files.ts';
import { fileAt, HURRIED, NEVER, place, supplyIn, TIGHT } from './support.ts';

const LOGIN = { username: 'deploy', password: 'p@ss:wörd-secret' };
const BYTES = Uint8Array.from({ length: 50_000 }, (_, index) => index % 251);
const there = place();

describe('a file behind nginx', () => {
  let server: NginxFiles;
  let host: HostSettings;
  beforeAll(async () => {
    const { folder, certificate } = there();
    const root = path.join(folder, 'files');
    await mkdir(path.join(root, 'open'), { recursive: true });
    await writeFile(path.join(root, 'cart.wasm'), BYTES);
    await writeFile(path.join(root, 'open/cart.wasm'), BYTES);
    const tls = { certificate: certificate.certFile, key: certificate.keyFile };
    server = await startNginxFiles(root, path.join(folder, 'nginx'), LOGIN, tls);
    host = { host: server.host, caFile: certificate.caFile };
  });
  afterAll(() => server?.stop());

  const fetchFrom = (file: string, hosts: readonly HostSettings[], bytes = BYTES) => {
    const { supply, store } = supplyIn(there().folder, { hosts });
    const member = fileAt(server.url(file), bytes);
    return { member, store, supply, outcome: supply.fetch(member, NEVER) };
  };

  it('comes into the store under its digest, and is not fetched twice', async () => {
    const { outcome, store, member, supply } = fetchFrom('open/cart.wasm', [host]);
    expect(await outcome).toEqual({ ok: true, value: undefined });
    expect(await store.read(member.artifact)).toMatchObject({ ok: true });
    expect(await supply.component(member)).toEqual({ ok: true, value: Buffer.from(BYTES) });
    expect(await supply.parts(member)).toEqual([member.artifact]);
    const away = { ...member, source: { ...member.source, url: 'https://127.0.0.1:1/gone' } as never };
    expect(await supply.fetch(away, NEVER)).toEqual({ ok: true, value: undefined });
  });

  it('comes with the credentials that the host has for the server, whatever they are at that moment', async () => {
    let password = 'wrong';
    const credentials = () => ({ type: 'basic', username: LOGIN.username, password }) as const;
    expect(await fetchFrom('cart.wasm', [{ ...host, credentials }]).outcome).toMatchObject({
      error: { code: 'HW2403' },
    });
    password = LOGIN.password;
    expect(await fetchFrom('cart.wasm', [{ ...host, credentials }]).outcome).toMatchObject({ ok: true });
  });

  it.each([
    ['no login', 'cart.wasm', 'HW2403', 'Waiting'],
    ['no such file', 'open/none.wasm', 'HW2404', 'Waiting'],
    ['a redirect to another server', 'away/cart.wasm', 'HW2407', 'Waiting'],
  ])('%s: not fetched, tried again', async (_why, file, code, policy) => {
    expect(await fetchFrom(file, [host]).outcome).toMatchObject({ ok: false, error: { code, policy } });
  });

  it('redirects on the same server are followed', async () => {
    expect(await fetchFrom('moved/open/cart.wasm', [host]).outcome).toMatchObject({ ok: true });
  });

  it('other bytes than those of the digest are refused and not stored', async () => {
    const { outcome, store, member } = fetchFrom('open/cart.wasm', [host], BYTES.slice(1));
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'HW2406', policy: 'Terminal' } });
    expect(await store.has(member.artifact)).toBe(false);
  });

  it('an authority that is not ours is not believed', async () => {
    const outcome = await fetchFrom('open/cart.wasm', [{ host: server.host }]).outcome;
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2408', policy: 'Waiting' } });
    const missing = await fetchFrom('open/cart.wasm', [{ ...host, caFile: '/nowhere/ca.pem' }]).outcome;
    expect(missing).toMatchObject({ ok: false, error: { code: 'HW2408' } });
  });

  it('a server inside is not asked unless the host names it', async () => {
    const outcome = await fetchFrom('open/cart.wasm', []).outcome;
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2410', policy: 'Waiting' } });
  });

  it('a name that leads inside is not asked either', async () => {
    const { supply } = supplyIn(there().folder);
    const url = server.url('open/cart.wasm').replace('127.0.0.1', 'localhost');
    expect(await supply.fetch(fileAt(url, BYTES), NEVER)).toMatchObject({ ok: false, error: { code: 'HW2410' } });
  });
});

describe('a hostile server', () => {
  let server: HostileServer;
  let hosts: readonly HostSettings[];
  beforeAll(async () => {
    server = await HostileServer.start(there().certificate);
    const token = 'the-token-of-the-host';
    hosts = [{ host: server.host, caFile: there().certificate.caFile, credentials: () => ({ type: 'token', token }) }];
  });
  afterAll(() => server?.stop());
  beforeEach(() => server.answer((_request, response) => void response.end(BYTES)));

  const fetched = (file: string, bytes: Uint8Array = BYTES, limits = TIGHT, signal: AbortSignal = NEVER) =>
    supplyIn(there().folder, { hosts, limits }).supply.fetch(fileAt(server.url(file), bytes), signal);

  it('gets the token, no wish for compression, and leaves nothing open', async () => {
    expect(await fetched('a')).toMatchObject({ ok: true });
    expect(server.seen).toMatchObject([{ authorization: 'Bearer the-token-of-the-host', acceptEncoding: 'identity' }]);
    await expect.poll(() => server.open).toBe(0);
  });

  it(`may send ${TIGHT.artifactBytes} bytes and not one more`, async () => {
    const most = new Uint8Array(TIGHT.artifactBytes).fill(7);
    for (const announced of [true, false]) {
      const send = (bytes: Uint8Array) =>
        server.answer((_request, response) => {
          if (announced) response.setHeader('content-length', bytes.length);
          response.write(bytes.slice(0, 1));
          response.end(bytes.slice(1));
        });
      send(most);
      expect(await fetched('a', most)).toMatchObject({ ok: true });
      const more = new Uint8Array(TIGHT.artifactBytes + 1).fill(7);
      send(more);
      expect(await fetched('a', more)).toMatchObject({ ok: false, error: { code: 'HW2002' } });
    }
  });

  it.each<[string, string, (response: ServerResponse) => void]>([
    ['never begins', 'HW2405', () => undefined],
    [
      'drips its head',
      'HW2405',
      (response) => {
        const drip = setInterval(() => response.socket?.write('x'), 50);
        response.socket?.write('HTTP/1.1 200 OK\r\nx-slow: ').valueOf();
        response.socket?.on('close', () => clearInterval(drip));
      },
    ],
    ['drips its body', 'HW2405', (response) => endless(response, new Uint8Array(1), 20)],
    ['stops in the middle', 'HW2405', (response) => void response.write(BYTES.slice(0, 1_000))],
    ['never ends', 'HW2002', (response) => endless(response, new Uint8Array(64 * 1024))],
    [
      'cuts the connection',
      'HW2402',
      (response) => {
        response.writeHead(200, { 'content-length': BYTES.length });
        response.write(BYTES.slice(0, 1_000), () => void setTimeout(() => response.socket?.destroy(), 20));
      },
    ],
    [
      'announces other bytes than it sends',
      'HW2409',
      (response) => {
        response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab');
      },
    ],
    ['does not speak http', 'HW2409', (response) => void response.socket?.end('hello there\r\n\r\n')],
    [
      'sends a bomb',
      'HW2409',
      (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(new Uint8Array(10_000_000)));
      },
    ],
    ['is in trouble', 'HW2402', (response) => void response.writeHead(503).end()],
    ['answers with a part', 'HW2409', (response) => void response.writeHead(206).end(BYTES)],
    ['redirects in a circle', 'HW2407', (response) => void response.writeHead(302, { location: '/again' }).end()],
    ['redirects to nowhere', 'HW2409', (response) => void response.writeHead(302).end()],
    [
      'redirects to http',
      'HW2407',
      (response) => {
        response.writeHead(302, { location: `http://${server.host}/cart.wasm` }).end();
      },
    ],
    [
      'redirects to itself with credentials',
      'HW2401',
      (response) => {
        response.writeHead(302, { location: `https://a:b@${server.host}/cart.wasm` }).end();
      },
    ],
    ['sends a page instead', 'HW2406', (response) => void response.end('<!doctype html><title>Sign in</title>')],
  ])('that %s is given up: %s', async (_what, code, handler) => {
    server.answer((_request, response) => handler(response));
    const limits = code === 'HW2405' ? HURRIED : TIGHT;
    const startMs = performance.now();
    const outcome = await fetched('cart.wasm?signature=secret', BYTES, limits);
    expect(outcome, JSON.stringify(outcome)).toMatchObject({ ok: false, error: { code } });
    expect(performance.now() - startMs).toBeLessThan(limits.answerMs + 10_000);
    expect(JSON.stringify(outcome)).not.toMatch(/signature|secret|the-token/);
    await expect.poll(() => server.open, { timeout: 5_000 }).toBe(0);
  });

  it('that stays above the least rate meets the deadline', async () => {
    server.answer((_request, response) => endless(response, new Uint8Array(200), 50));
    const limits = { ...TIGHT, rateSpanMs: 3_000, answerMs: 7_000 };
    const outcome = await fetched('a', BYTES, limits);
    expect(outcome).toMatchObject({ ok: false, error: { code: 'HW2405', message: /not done within 7000 ms/ } });
  });

  it('is left at once when nobody waits any more', async () => {
    server.answer(() => undefined);
    const stop = new AbortController();
    const outcome = fetched('a', BYTES, TIGHT, stop.signal);
    await expect.poll(() => server.seen.length).toBe(1);
    stop.abort();
    expect(await outcome).toMatchObject({ ok: false, error: { code: 'HW2405', message: /stopped/ } });
    await expect.poll(() => server.open).toBe(0);
  });
});
