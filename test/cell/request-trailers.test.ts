/** Trailers of a guest's own request: a real guest in a real cell, the real broker, a server that keeps every byte. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { MAX_TRAILERS } from '../../src/wire/trailers.ts';
import { TestBroker } from '../broker/support.ts';
import { RawUpstream } from '../escape/kit.ts';
import { coreImportsOf } from '../wasi/kit/functions.ts';
import { guestOf } from '../wasi/kit/guest.ts';
import { ANSWER } from '../wasi/kit/row.ts';
import { call, drop, get, is, put, R, text, times, u32, u8 } from '../wasi/kit/wat.ts';
import { assignmentOf, bundleOf } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const CONCURRENCY = 4;
/** Places in the variant error-code. */
const REQUEST_DENIED = 15;
const REQUEST_BODY_SIZE = 17;
const REQUEST_TRAILER_SECTION_SIZE = 23;
const PROTOCOL_ERROR = 35;
const FORBIDDEN = 1;

interface Guest {
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Puts trailers into `$f`. */
  readonly trailers: string;
  /** Of `finish`; absent: it is well. */
  readonly fails?: number;
  /** It finishes the body, and then gives the request away. */
  readonly first?: true;
  /** It finishes the body when there is an answer. */
  readonly waits?: true;
  /** Of the request as a whole; absent: there is a response. */
  readonly ends?: number;
  readonly to?: string;
}

const append = (to: string, name: string, value: string): string =>
  call('fields.append', get(to), text(name), text(value), R);
const some = (...pairs: readonly (readonly [string, string])[]): string =>
  `${put('f', call('fields.new'))} ${pairs.map(([name, value]) => `${append('f', name, value)} ${is(u8(0), 0)}`).join(' ')}`;
/** The counter of `times` is `$f`. */
const so = (count: number): string =>
  `${put('b', call('fields.new'))} ${times(count, append('b', 'x-a', '1'))} ${put('f', get('b'))}`;
const ONE = some(['x-sum', '7']);

const GUESTS = {
  one: { trailers: ONE, body: 'abc' },
  none: { trailers: some(), body: 'abc' },
  'behind no byte': { trailers: ONE },
  'before the request is sent': { trailers: ONE, body: 'abc', first: true },
  announced: { headers: [['trailer', 'x-sum']], trailers: ONE, body: 'abc' },
  'that may not stand there': {
    trailers: `${some(['content-length', '9'], ['authorization', 'b'], ['trailer', 'c'], ['x-sum', '7'])}
      ${append('f', 'transfer-encoding', 'gzip')} ${is(u8(4), FORBIDDEN)} ${append('f', 'host', 'evil.example')} ${is(u8(4), FORBIDDEN)}`,
    body: 'abc',
  },
  'as many as may be': { trailers: so(MAX_TRAILERS), body: 'abc' },
  'one more': {
    trailers: so(MAX_TRAILERS + 1),
    body: 'abc',
    fails: REQUEST_TRAILER_SECTION_SIZE,
    ends: REQUEST_TRAILER_SECTION_SIZE,
  },
  'behind a declared length': {
    headers: [['content-length', '3']],
    trailers: ONE,
    body: 'abc',
    fails: PROTOCOL_ERROR,
    ends: PROTOCOL_ERROR,
  },
  'behind a declared length, before the request is sent': {
    headers: [['content-length', '3']],
    trailers: ONE,
    body: 'abc',
    first: true,
    fails: PROTOCOL_ERROR,
    ends: PROTOCOL_ERROR,
  },
  'behind a declared length, when the answer is there': {
    headers: [['content-length', '3']],
    trailers: ONE,
    body: 'abc',
    waits: true,
    fails: PROTOCOL_ERROR,
  },
  'behind less than the declared length': {
    headers: [['content-length', '4']],
    trailers: some(),
    body: 'abc',
    fails: REQUEST_BODY_SIZE,
    ends: REQUEST_BODY_SIZE,
  },
  'to where nothing is granted': { trailers: ONE, body: 'abc', to: 'other.example', ends: REQUEST_DENIED },
} satisfies Record<string, Guest>;
type Name = keyof typeof GUESTS;
const NAMES = Object.keys(GUESTS) as Name[];

function handleOf(guest: Guest, port: number): string {
  const { headers = [], body, trailers, fails, first, waits, ends, to = `127.0.0.1:${port}` } = guest;
  const written =
    body === undefined
      ? ''
      : `${call('outgoing-body.write', get('c'), R)} ${put('e', u32(4))}
         ${call('output-stream.blocking-write-and-flush', get('e'), text(body), R)} ${call('output-stream.drop', get('e'))}`;
  const block = call('pollable.block', call('future-incoming-response.subscribe', get('d')));
  const finished = `${waits ? '' : written} ${trailers} ${call('outgoing-body.finish', get('c'), 1, get('f'), R)}
    ${is(u8(0), fails === undefined ? 0 : 1)} ${fails === undefined ? '' : is(u8(8), fails)}`;
  const sent = `${call('outgoing-handler.handle', get('a'), 0, 0, R)} ${is(u8(0), 0)} ${put('d', u32(8))}`;
  return `${put('f', call('fields.new'))}
    ${headers.map(([name, value]) => `${append('f', name, value)} ${is(u8(0), 0)}`).join(' ')}
    ${put('a', call('outgoing-request.new', get('f')))}
    ${drop('outgoing-request.set-method', get('a'), 2, 0, 0)} ${drop('outgoing-request.set-scheme', get('a'), 1, 0, 0, 0)}
    ${drop('outgoing-request.set-authority', get('a'), 1, text(to))} ${drop('outgoing-request.set-path-with-query', get('a'), 1, text('/'))}
    ${call('outgoing-request.body', get('a'), R)} ${put('c', u32(4))}
    ${waits ? `${sent} ${written} ${block} ${finished}` : first ? `${finished} ${sent}` : `${sent} ${finished}`}
    ${block}
    ${call('future-incoming-response.get', get('d'), R)} ${is(u8(0), 1)} ${is(u8(8), 0)} ${is(u8(16), ends === undefined ? 0 : 1)}
    ${ends === undefined ? '' : is(u8(24), ends)} ${ANSWER}`;
}

let upstream: RawUpstream;
let peer: Peer;
let broker: TestBroker;

beforeAll(async () => {
  // A guest that goes on once its request has left in full does so before the answer is there.
  upstream = await RawUpstream.open('127.0.0.1', 0, 500);
  broker = new TestBroker();
  const all = await coreImportsOf(['io', 'http']);
  const handles = NAMES.map((name) => handleOf(GUESTS[name], upstream.port));
  const bundle = await bundleOf(await guestOf(handles, all));
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY }), bundle);
  const settings = { hosts: ['127.0.0.1'], schemes: ['http'], ports: [upstream.port] };
  const grants: Grant[] = [{ name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' }];
  attachBroker(broker, peer, { component: 'shop/caller', concurrency: CONCURRENCY, grants });
});
afterAll(async () => {
  await peer.close();
  broker.close();
  upstream.close();
});
afterEach(() => {
  upstream.seen.length = 0;
});

/** What the upstream got, without the head that is always the same. */
async function said(name: Name): Promise<string[]> {
  expect(await peer.ask(1, { path: `/${NAMES.indexOf(name)}` })).toMatchObject({ outcome: 'Ok', status: 200 });
  const head = `POST / HTTP/1.1\r\nhost: 127.0.0.1:${upstream.port}\r\nconnection: close\r\n`;
  return upstream.seen.filter((bytes) => bytes !== '').map((bytes) => bytes.replace(head, ''));
}

const CHUNKED = 'transfer-encoding: chunked\r\n\r\n';

describe('trailers of a request', () => {
  test.each<readonly [Name, string]>([
    ['one', `${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n`],
    ['none', `${CHUNKED}3\r\nabc\r\n0\r\n\r\n`],
    ['behind no byte', `${CHUNKED}0\r\nx-sum: 7\r\n\r\n`],
    ['before the request is sent', `${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n`],
    ['announced', `trailer: x-sum\r\n${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n`],
    ['that may not stand there', `${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 7\r\n\r\n`],
    ['as many as may be', `${CHUNKED}3\r\nabc\r\n0\r\n${'x-a: 1\r\n'.repeat(MAX_TRAILERS)}\r\n`],
  ])('%s', async (name, expected) => {
    expect(await said(name)).toEqual([expected]);
  });

  test.each<Name>([
    'one more',
    'behind a declared length',
    'behind a declared length, before the request is sent',
    'behind less than the declared length',
  ])('%s: finish and the response say why, and no trailers and no end of chunks are sent', async (name) => {
    for (const bytes of await said(name)) expect(bytes).not.toMatch(/\r\n0\r\n|x-/);
  });

  test('behind a declared length that has left are an error of finish: the answer that is there stays', async () => {
    const name = 'behind a declared length, when the answer is there';
    expect(await said(name)).toEqual(['content-length: 3\r\n\r\nabc']);
  });

  test('to where nothing is granted: denied, recorded, not sent', async () => {
    broker.records();
    expect(await said('to where nothing is granted')).toEqual([]);
    expect(broker.records()).toEqual(['Denied - POST http://other.example:80 ×1: no grant names other.example']);
  });
});
