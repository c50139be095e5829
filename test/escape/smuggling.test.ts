/** Guests that try to say two requests in one, towards a server that keeps every byte. In both isolations, with the real broker. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../../src/model/engine.ts';
import { Outcome } from '../../src/wire/frames.ts';
import { bundleOf } from '../cell/kit/bundle.ts';
import { cellOf, get as ask, MIB, RunningHost } from '../host/running.ts';
import { coreImportsOf } from '../wasi/kit/functions.ts';
import { guestOf } from '../wasi/kit/guest.ts';
import { ANSWER } from '../wasi/kit/row.ts';
import { call, drop, get, put, R, text, times, u32, u8 } from '../wasi/kit/wat.ts';
import { RawUpstream, storedBundle } from './kit.ts';

interface Attempt {
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly path?: string;
  readonly method?: string;
  readonly authority?: string;
  readonly body?: string;
  /** Behind the body; where one is refused by the interface, the guest goes on without it. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** Those of them that arrive. */
  readonly arrive?: string;
  /** More of the handler, once the fields are in `$f`. */
  readonly also?: string;
  /** `Refused`: no connection is made at all, or nothing is said on it. */
  readonly then: 'Sent' | 'Refused';
}

const one = (name: string, value: string, then: Attempt['then'] = 'Sent', body?: string): Attempt => ({
  headers: [[name, value]],
  then,
  ...(body === undefined ? {} : { body }),
});

const behind = (name: string, value: string, arrive = '', more: Partial<Attempt> = {}): Attempt => ({
  method: 'POST',
  body: 'abc',
  trailers: [
    [name, value],
    ['x-sum', '7'],
  ],
  arrive: `${arrive}x-sum: 7\r\n`,
  then: 'Sent',
  ...more,
});

/** Where a header is refused by the interface, the guest sends the request without it. */
const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'nothing special': { then: 'Sent' },
  'a body': { method: 'POST', body: 'abc', then: 'Sent' },
  'another host': one('host', 'evil.example'),
  'two hosts': {
    headers: [
      ['host', 'a.example'],
      ['Host', 'b.example'],
    ],
    then: 'Sent',
  },
  'a length that is not there': one('content-length', '5', 'Refused'),
  'a length below the body': one('content-length', '1', 'Refused', 'abc'),
  'two lengths': {
    headers: [
      ['content-length', '1'],
      ['content-length', '3'],
    ],
    body: 'abc',
    then: 'Refused',
  },
  'a list of lengths': one('content-length', '3, 3', 'Refused', 'abc'),
  'a length with a sign': one('content-length', '+3', 'Refused', 'abc'),
  'a length in hexadecimal': one('content-length', '0x3', 'Refused', 'abc'),
  'transfer-encoding': one('transfer-encoding', 'chunked', 'Sent', 'abc'),
  'transfer-encoding with a space': one('transfer-encoding ', 'chunked'),
  'transfer-encoding with a tab': one('transfer-encoding\t', 'chunked'),
  'both framings': {
    headers: [
      ['transfer-encoding', 'chunked'],
      ['content-length', '3'],
    ],
    body: 'abc',
    then: 'Sent',
  },
  upgrade: {
    headers: [
      ['upgrade', 'h2c'],
      ['connection', 'upgrade'],
    ],
    then: 'Sent',
  },
  'http2-settings': one('http2-settings', 'AAMAAABkAAQCAAAAAAIAAAAA'),
  'keep-alive': {
    headers: [
      ['connection', 'keep-alive'],
      ['keep-alive', 'timeout=99'],
    ],
    then: 'Sent',
  },
  'proxy-connection': one('proxy-connection', 'keep-alive'),
  te: one('te', 'trailers'),
  trailer: one('trailer', 'host'),
  expect: one('expect', '100-continue', 'Refused', 'abc'),
  'a line break in a value': one('x-a', 'b\r\nhost: evil.example'),
  'a bare line feed in a value': one('x-a', 'b\nhost: evil.example'),
  'a bare carriage return in a value': one('x-a', 'b\rhost: evil.example'),
  'a whole request in a value': one('x-a', 'b\r\n\r\nGET /second HTTP/1.1\r\nhost: evil.example\r\n\r\n'),
  'a folded value': one('x-a', 'b\r\n evil: yes'),
  'a NUL in a value': one('x-a', 'b\0c'),
  'a line break in a name': one('x-a\r\nhost: evil.example\r\nx-b', 'c'),
  'a colon in a name': one('host: evil.example\r\nx', 'c'),
  'names that objects have': {
    headers: [
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['tostring', 'c'],
    ],
    then: 'Sent',
  },
  'a line break in the path': { path: '/a\r\nhost: evil.example', then: 'Sent' },
  'a space in the path': { path: '/a HTTP/1.1\r\nx: y', then: 'Sent' },
  'another server as the path': { path: 'http://evil.example/', then: 'Refused' },
  'a path of two slashes': { path: '//evil.example/', then: 'Sent' },
  'an asterisk': { path: '*', method: 'OPTIONS', then: 'Refused' },
  'a path without a slash': { path: 'a', then: 'Refused' },
  'a fragment': { path: '/a#b', then: 'Refused' },
  'an encoded line break': { path: '/%0d%0ahost:%20evil.example', then: 'Sent' },
  'a method with a line break': { method: 'GET / HTTP/1.1\r\nx', then: 'Sent' },
  'a tunnel': { method: 'CONNECT', then: 'Refused' },
  'one’s own headers back': { method: 'TRACE', then: 'Refused' },
  'a user in the authority': { authority: 'a@UP', then: 'Refused' },
  'a path in the authority': { authority: 'UP/a?', then: 'Refused' },
  'a line break in the authority': { authority: 'UP\r\nx: y', then: 'Refused' },
  'a trailer': behind('x-a', 'b', 'x-a: b\r\n'),
  'a trailer without a body': behind('x-a', 'b', 'x-a: b\r\n', { body: '' }),
  'a trailer that is announced': behind('x-a', 'b', 'x-a: b\r\n', { headers: [['trailer', 'x-a, x-sum']] }),
  'a length as a trailer': behind('content-length', '9'),
  'a framing as a trailer': behind('transfer-encoding', 'chunked'),
  'another host as a trailer': behind('host', 'evil.example'),
  'who asks as a trailer': behind('authorization', 'Basic YTpi'),
  'an announcement as a trailer': behind('trailer', 'host'),
  'a line break in a trailer': behind('x-a', 'b\r\nhost: evil.example'),
  'a bare line feed in a trailer': behind('x-a', 'b\nhost: evil.example'),
  'a whole request in a trailer': behind('x-a', 'b\r\n\r\nGET /second HTTP/1.1\r\nhost: evil.example\r\n\r\n'),
  'a line break in the name of a trailer': behind('x-a\r\nhost: evil.example\r\nx-b', 'c'),
  'a space behind the name of a trailer': behind('content-length ', '9'),
  'the end of the message as the name of a trailer': behind('\r\n\r\nGET /second HTTP/1.1\r\nx-a', 'b'),
  'chunks in a body with trailers': behind('x-a', 'b', 'x-a: b\r\n', { body: '0\r\n\r\nGET /second HTTP/1.1\r\n\r\n' }),
  'trailers behind a length': behind('x-a', 'b', '', { headers: [['content-length', '3']], then: 'Refused' }),
  'too many trailers': behind('x-a', 'b', '', {
    trailers: Array.from({ length: 33 }, () => ['x-a', 'b'] as const),
    then: 'Refused',
  }),
  'many headers': {
    also: times(100, call('fields.append', get('a'), text('x-many'), text('v'), R)),
    then: 'Sent',
  },
  'a header of 60,000 bytes': {
    also: `(memory.fill (i32.const 131072) (i32.const 97) (i32.const 60000))
      ${call('fields.append', get('a'), text('x-large'), 131_072, 60_000, R)}`,
    then: 'Sent',
  },
};
const NAMES = Object.keys(ATTEMPTS);
const KNOWN = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

let upstream: RawUpstream;
let host: RunningHost;
let bundle: Bundle;

function handleOf(attempt: Attempt): string {
  const { headers = [], path = '/', method = 'GET', authority = 'UP', body, trailers = [], also = '' } = attempt;
  const to = authority.replace('UP', `127.0.0.1:${upstream.port}`);
  const tag = [...KNOWN].indexOf(method);
  const set = [
    drop('outgoing-request.set-scheme', get('b'), 1, 0, 0, 0),
    drop('outgoing-request.set-authority', get('b'), 1, text(to)),
    drop('outgoing-request.set-path-with-query', get('b'), 1, text(path)),
    drop(
      'outgoing-request.set-method',
      get('b'),
      tag === -1 ? 9 : tag,
      tag === -1 ? text(method) : '(i32.const 0) (i32.const 0)',
    ),
  ];
  const opened = body === undefined ? '' : `${call('outgoing-request.body', get('b'), R)} ${put('c', u32(4))}`;
  const written =
    body === undefined
      ? ''
      : `${call('outgoing-body.write', get('c'), R)} ${put('e', u32(4))}
         ${call('output-stream.blocking-write-and-flush', get('e'), text(body), R)} ${call('output-stream.drop', get('e'))}
         ${put('e', call('fields.new'))}
         ${trailers.map(([name, of]) => call('fields.append', get('e'), text(name), text(of), R)).join(' ')}
         ${call('outgoing-body.finish', get('c'), trailers.length > 0 ? 1 : 0, get('e'), R)}`;
  return `${put('a', call('fields.new'))}
    ${headers.map(([name, of]) => call('fields.append', get('a'), text(name), text(of), R)).join(' ')} ${also}
    ${put('b', call('outgoing-request.new', get('a')))} ${set.join(' ')} ${opened}
    ${call('outgoing-handler.handle', get('b'), 0, 0, R)}
    (if (i32.eqz ${u8(0)}) (then ${put('d', u32(8))} ${written}
      ${call('pollable.block', call('future-incoming-response.subscribe', get('d')))}))
    ${ANSWER}`;
}

beforeAll(async () => {
  upstream = await RawUpstream.open('127.0.0.1');
  host = new RunningHost({ poolSize: 0 });
  const all = await coreImportsOf(['io', 'http']);
  const guest = await guestOf(
    NAMES.map((name) => handleOf(ATTEMPTS[name]!)),
    all,
  );
  bundle = storedBundle(await bundleOf(guest), host.storeFolder);
  for (const isolation of ['Process', 'Strict'] as const) {
    const group = `shop/${isolation.toLowerCase()}@b0b0c3d4e5f6` as const;
    const cell = cellOf(bundle, { isolation, group, instancePolicy: 'PerRequest', limits: { memoryBytes: 64 * MIB } });
    const web = {
      name: 'web',
      capability: 'outboundHttp',
      settings: { hosts: ['127.0.0.1'], schemes: ['http'], ports: [upstream.port] },
      enforcement: 'Enforce',
    } as const;
    const members = cell.members.map((each) => ({ ...each, member: { ...each.member, capabilities: [web] } }));
    await host.ready(isolation, { ...cell, members });
  }
});
afterAll(async () => {
  await host.stop();
  upstream.close();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

describe.each(['Process', 'Strict'] as const)('a guest in a cell as %s', (isolation) => {
  it.each(NAMES)('says one request, whatever it tries: %s', async (name) => {
    const caller = host.readyOf(`shop/${isolation.toLowerCase()}@b0b0c3d4e5f6` as const)[0]!;
    expect(await ask(caller, `/${NAMES.indexOf(name)}`, 30_000)).toMatchObject({ end: Outcome.Ok, status: 200 });
    const said = upstream.seen.filter((bytes) => bytes !== '');
    expect(said.length).toBe(ATTEMPTS[name]!.then === 'Sent' ? 1 : 0);
    for (const bytes of said) expectOneRequest(bytes, ATTEMPTS[name]!);
  });
});

function expectOneRequest(bytes: string, { body = '', headers = [], arrive = '' }: Attempt): void {
  const end = bytes.indexOf('\r\n\r\n');
  const [line, ...fields] = bytes.slice(0, end).split('\r\n');
  expect(line).toMatch(/^[A-Z]+ \/[!-~]* HTTP\/1\.1$/);
  const pairs = fields.map(
    (field) => /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\t -~\x80-\xff]*)$/.exec(field)?.slice(1) ?? [field],
  );
  expect(pairs.filter((pair) => pair.length !== 2)).toEqual([]);
  const valuesOf = (name: string) => pairs.filter(([key]) => key!.toLowerCase() === name).map(([, of]) => of);
  expect(valuesOf('host')).toEqual([`127.0.0.1:${upstream.port}`]);
  expect(valuesOf('connection')).toEqual(['close']);
  for (const name of ['upgrade', 'keep-alive', 'proxy-connection', 'te', 'expect', 'evil']) {
    expect([name, valuesOf(name)]).toEqual([name, []]);
  }
  // Where there are trailers to announce, and in no other message.
  const announced = headers.filter(([name]) => arrive !== '' && name === 'trailer').map(([, value]) => value);
  expect(valuesOf('trailer')).toEqual(announced);
  const framings = [...valuesOf('content-length'), ...valuesOf('transfer-encoding')];
  expect(framings.length).toBeLessThanOrEqual(1);
  const rest = bytes.slice(end + 4);
  if (valuesOf('transfer-encoding').length === 1)
    expect(rest).toBe(`${body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\n${arrive}\r\n`);
  else expect(rest).toBe(body);
}
