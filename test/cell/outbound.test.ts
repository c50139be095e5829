/** `wasi:http/outgoing-handler` of a real cell against a real broker and real servers. */
import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { Abort, REQUEST_IS_MIRRORED, ToCell, type Assignment } from '../../src/wire/frames.ts';
import { MAX_EXCHANGES } from '../../src/wire/http-frames.ts';
import { TestBroker } from '../broker/support.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const CONCURRENCY = 4;
const MEBIBYTE = 1024 * 1024;
/** Places in the variant error-code. */
const CONNECTION_TERMINATED = 7;
const CONNECTION_LIMIT_REACHED = 11;
const REQUEST_DENIED = 15;
const REQUEST_BODY_SIZE = 17;
const RESPONSE_INCOMPLETE = 25;
const RESPONSE_TIMEOUT = 33;

let bundle: TestBundle;
let peer: Peer;
let broker: TestBroker;
let server: http.Server;
let port: number;
const seen: { method: string; bytes: number; complete: boolean }[] = [];

beforeAll(async () => {
  bundle = await exampleBundle('testbed-outbound');
});
beforeEach(async () => {
  seen.length = 0;
  broker = new TestBroker();
  server = http.createServer((request, response) => {
    const one = { method: request.method ?? '', bytes: 0, complete: false };
    seen.push(one);
    request.on('data', (chunk: Buffer) => (one.bytes += chunk.length));
    request.on('error', () => undefined);
    request.on('end', () => {
      one.complete = true;
      if (request.url === '/never') return;
      if (request.url === '/large') return response.end(Buffer.alloc(MEBIBYTE, 'x'));
      if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': '10' });
        // What arrives with the cut may be lost with it: first the one, then the other.
        return response.write('hi', () => setTimeout(() => response.destroy(), 2_000));
      }
      const { 'x-sum': sum } = request.trailers;
      const more = request.url === '/trailers' ? (sum ? `x-sum: ${sum}` : 'none') : (request.headers['x-mine'] ?? '-');
      response.writeHead(201, { date: 'now', trailer: 'x-sum' });
      response.write(`${one.method} ${request.url} ${one.bytes} ${String(more)}`);
      response.addTrailers({ 'x-sum': '7' });
      return response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as net.AddressInfo);
});
afterEach(async () => {
  await peer.close();
  broker.close();
  server.closeAllConnections();
  server.close();
});

const web = (settings: object = {}): Grant => ({
  name: 'web',
  capability: 'outboundHttp',
  settings: { hosts: ['127.0.0.1'], schemes: ['http'], ports: [port], ...settings },
  enforcement: 'Enforce',
});

async function start(grants: readonly Grant[], changes: Partial<Assignment> = {}, attach = true): Promise<void> {
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY, ...changes }), bundle);
  if (attach) seat(grants);
}

function seat(grants: readonly Grant[]): void {
  attachBroker(broker, peer, { component: 'shop/caller', concurrency: CONCURRENCY, grants });
}

async function ask(path: string, flags = 0): Promise<string> {
  const answer = await peer.ask(1, { path: path.replace('TO', `to=127.0.0.1:${port}`), flags });
  expect(answer).toMatchObject({ outcome: 'Ok', status: 200 });
  return answer.body.toString();
}

describe('a request', () => {
  test('comes back with status, headers, body and trailers', async () => {
    await start([web()]);
    expect(await ask('/send?TO&path=/a?b&method=PATCH&header=x-mine&value=1')).toBe(
      '201\ndate: now\n\nPATCH /a?b 0 1\ntrailer x-sum: 7',
    );
    expect(broker.records()).toEqual([`Allowed web PATCH http://127.0.0.1:${port} ×1`]);
  });

  test('1 MB streams up and down, many times on one instance', async () => {
    await start([web()]);
    for (let round = 0; round < 3; round++) {
      expect(await ask(`/send?TO&method=POST&bytes=${MEBIBYTE}`)).toContain(`POST / ${MEBIBYTE} -`);
      expect(await ask('/send?TO&path=/large&raw=1')).toHaveLength(MEBIBYTE);
    }
  });

  test('the errors of the interface: what is not granted, what is late, what is cut', async () => {
    await start([web()]);
    const unlike: string[] = [];
    const rows: readonly (readonly [string, string])[] = [
      ['/send?to=other.example', `error ${REQUEST_DENIED} `],
      ['/send?to=127.0.0.1:1', `error ${REQUEST_DENIED} `],
      ['/send?TO&scheme=https', `error ${REQUEST_DENIED} `],
      ['/send?TO&path=/never&first=50', `error ${RESPONSE_TIMEOUT} `],
      ['/send?TO&path=/cut', `200\nDATE\n\nhi\nbroken ${RESPONSE_INCOMPLETE}`],
      ['/send?TO&header=content-length&value=5', `error ${REQUEST_BODY_SIZE} `],
      ['/send?TO&header=host&value=other.example', '201\ndate: now\n\nGET / 0 -\ntrailer x-sum: 7'],
      ['/send?TO&method=POST&bytes=10&unfinished=1', `error ${CONNECTION_TERMINATED} `],
      ['/send?TO&method=CONNECT', 'error 18 '],
    ];
    for (const [path, wanted] of rows) {
      const answer = (await ask(path))
        .replace(/content-length: 10\ndate: [^\n]+/, 'DATE')
        .replace(/date: [A-Z][^\n]+\ncontent-length: 10/, 'DATE');
      if (answer !== wanted) unlike.push(`${path}: ${answer}`);
    }
    expect(unlike).toEqual([]);
    expect(seen.filter(({ method }) => method === 'POST').map(({ complete }) => complete)).not.toContain(true);
  });

  test('ends with trailers', async () => {
    await start([web()]);
    expect(await ask('/send?TO&path=/trailers&method=POST&bytes=10&trailers=1')).toContain(
      'POST /trailers 10 x-sum: 1',
    );
    expect(await ask('/send?TO&path=/trailers&method=POST&bytes=10')).toContain('POST /trailers 10 none');
  });

  test('of a mirrored call is denied, whatever its method', async () => {
    await start([web()]);
    expect(await ask('/send?TO', REQUEST_IS_MIRRORED)).toBe(`error ${REQUEST_DENIED} `);
    expect(broker.records()).toEqual([`Denied web GET http://127.0.0.1:${port} ×1: a mirrored call sends nothing`]);
    expect(await ask('/send?TO')).toMatch(/^201/);
    expect(seen).toHaveLength(1);
  });
});

describe('what is open', () => {
  const held = (count: number, more = ''): Promise<string> => ask(`/hold?TO&path=/never&count=${count}${more}`);

  test('is bounded, and ends with the call', async () => {
    await start([web()]);
    expect(await held(MAX_EXCHANGES)).toBe(`${MAX_EXCHANGES} begun, refused by 0`);
    // Their numbers come back when the broker has said that they are over.
    await expect.poll(() => held(MAX_EXCHANGES)).toBe(`${MAX_EXCHANGES} begun, refused by 0`);
    await expect
      .poll(() => held(MAX_EXCHANGES + 1))
      .toBe(`${MAX_EXCHANGES} begun, refused by ${CONNECTION_LIMIT_REACHED}`);
    await expect.poll(() => openConnections()).toBe(0);
  });

  test('ends when the guest lets go of it', async () => {
    await start([web()]);
    expect(await held(5, '&drop=1')).toBe('5 begun, refused by 0');
    await expect.poll(() => openConnections()).toBe(0);
  });

  test('look-ups are bounded too, also those of requests that were dropped', async () => {
    broker.close();
    broker = new TestBroker({ http: { maxBodyBytes: MEBIBYTE }, resolve: () => new Promise(() => undefined) });
    await start([web({ hosts: ['slow.example'], ports: [80] })]);
    expect(await ask('/send?to=slow.example&connect=50')).toBe('error 8 ');
    expect(await ask(`/hold?to=slow.example&count=${MAX_EXCHANGES - 1}&drop=1`)).toContain(
      `${MAX_EXCHANGES - 1} begun`,
    );
    expect(await ask('/send?to=slow.example&connect=50')).toBe(`error ${CONNECTION_LIMIT_REACHED} `);
  });

  test('ends with the deadline of the call, and with the cell', async () => {
    await start([web()]);
    for (const end of ['deadline', 'cell'] as const) {
      const answer = peer.ask(2, { path: `/send?to=127.0.0.1:${port}&path=/never` }).catch(() => undefined);
      await expect.poll(() => openConnections()).toBe(1);
      if (end === 'deadline') peer.writer.numberFrame(ToCell.Cancel, 2, Abort.Deadline, 1);
      else await peer.close();
      await answer;
      await expect.poll(() => openConnections()).toBe(0);
    }
  });

  function openConnections(): Promise<number> {
    return new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }
});

describe('the broker', () => {
  test('that comes late is waited for, for two seconds', async () => {
    await start([], {}, false);
    const answer = ask('/send?TO');
    await new Promise((resolve) => setTimeout(resolve, 200));
    seat([web()]);
    expect(await answer).toMatch(/^201/);
  });

  test('that is not there is an error', async () => {
    await start([], {}, false);
    expect(await ask('/send?TO')).toBe('error 38 the broker is not there');
  });

  test('that ends leaves nobody waiting', async () => {
    await start([web()]);
    const answer = ask('/send?TO&path=/never');
    await expect.poll(() => seen.length).toBe(1);
    peer.writer.frame(ToCell.Broker, 0, new Uint8Array(0));
    expect(await answer).toBe('error 38 the broker ended meanwhile: it may have been sent, or not');
  });
});
