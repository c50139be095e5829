import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameWriter } from '../../src/wire/encoder.ts';
import {
  HEADER_BYTES,
  MAX_HEAD_BYTES,
  MAX_HEADERS,
  RESPONSE_DONE,
  RESPONSE_HAS_BODY_FRAMES,
} from '../../src/wire/frames.ts';
import {
  readRequest,
  RecentTexts,
  requestHeadBytes,
  requestHeadFits,
  writeRequest,
  type RequestHead,
} from '../../src/wire/request-head.ts';
import { readResponse, writeResponse } from '../../src/wire/response-head.ts';

/** The payload that `write` makes. */
function payloadOf(write: (writer: FrameWriter) => void): Buffer {
  const sink = new PassThrough();
  const writer = new FrameWriter(sink);
  write(writer);
  writer.flush();
  return (sink.read() as Buffer).subarray(HEADER_BYTES);
}

function requestHead(headers: string[], more: Partial<RequestHead> = {}): RequestHead {
  return {
    flags: 0,
    deadlineMs: 2000,
    method: 'GET',
    path: '/a?b=c',
    authority: 'shop.example.com',
    scheme: 'http',
    headers,
    headerStrings: headers.length,
    ...more,
  };
}

const latin1 = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)) });

describe('the head of a request', () => {
  test('arrives as it was sent, with its inline body', () => {
    const body = fc.option(fc.uint8Array({ maxLength: 100 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.tuple(latin1, latin1), { maxLength: 20 }), latin1, body, (pairs, path, body) => {
        const head = requestHead(pairs.flat(), { path, flags: 2, deadlineMs: 4_000_000_000 });
        const payload = payloadOf((writer) => writeRequest(writer, 7, head, body));
        const received = readRequest(payload, 0, payload.length);
        if (typeof received === 'string') throw new Error(received);
        const { bodyStart, headers } = received;
        const { headerStrings: _, headers: sentHeaders, ...sent } = head;
        for (const name of new Set([...pairs.map(([name]) => name), 'none', ''])) {
          const values = pairs.filter(([of]) => of === name).map(([, value]) => value);
          expect(received.headerValues(name).map((value) => Buffer.from(value).toString('latin1'))).toEqual(values);
        }
        expect(received).toMatchObject(sent);
        expect(headers).toEqual(sentHeaders);
        expect(payload.length - bodyStart).toBe(body?.length ?? 0);
        expect(payload.subarray(bodyStart).equals(Buffer.from(body ?? []))).toBe(true);
      }),
    );
  });

  test('is read the same whatever the request before was', () => {
    const text = fc.oneof(fc.constantFrom('', 'GET', 'GEX', '/', '/a', 'https', 'é'.repeat(65)), latin1);
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text, text, text), { maxLength: 10 }), (requests) => {
        const recent = new RecentTexts();
        for (const [method, path, authority, scheme] of requests) {
          const sent = { method, path, authority, scheme };
          const payload = payloadOf((writer) => writeRequest(writer, 1, requestHead(['a', '1'], sent), undefined));
          expect(readRequest(payload, 0, payload.length, recent)).toMatchObject({ ...sent, headers: ['a', '1'] });
        }
      }),
    );
  });

  test('sends only the header strings that count', () => {
    const head = requestHead(['a', '1', 'left', 'over'], { headerStrings: 2 });
    const payload = payloadOf((writer) => writeRequest(writer, 1, head, undefined));
    expect(readRequest(payload, 0, payload.length)).toMatchObject({ headers: ['a', '1'] });
  });

  test('a name that no byte can spell has no values', () => {
    const payload = payloadOf((writer) => writeRequest(writer, 1, requestHead(['a', '1']), undefined));
    const received = readRequest(payload, 0, payload.length);
    if (typeof received === 'string') throw new Error(received);
    expect(received.headerValues('\u0161')).toEqual([]);
    expect(received.headerValues('a')).toHaveLength(1);
  });

  test('cut anywhere, it is refused and nothing is thrown', () => {
    const payload = payloadOf((writer) => writeRequest(writer, 1, requestHead(['name', 'value']), undefined));
    for (let end = 0; end < payload.length; end++) expect(readRequest(payload, 0, end)).toBeTypeOf('string');
  });

  test(`has at most ${MAX_HEADERS} headers`, () => {
    const at = requestHead(Array.from({ length: 2 * MAX_HEADERS }, () => 'x'));
    const over = requestHead(Array.from({ length: 2 * MAX_HEADERS + 2 }, () => 'x'));
    expect(requestHeadFits(at)).toBe(true);
    expect(requestHeadFits(over)).toBe(false);
    const payload = payloadOf((writer) => writeRequest(writer, 1, at, undefined));
    expect(readRequest(payload, 0, payload.length)).toMatchObject({ headers: at.headers });
    expect(() => payloadOf((writer) => writeRequest(writer, 1, over, undefined))).toThrow(RangeError);
  });

  test(`has at most ${MAX_HEAD_BYTES} bytes`, () => {
    const rest = requestHeadBytes(requestHead(['name', '', 'more', '']));
    const at = requestHead(['name', 'x'.repeat(40_000), 'more', 'x'.repeat(MAX_HEAD_BYTES - rest - 40_000)]);
    expect(requestHeadBytes(at)).toBe(MAX_HEAD_BYTES);
    const payload = payloadOf((writer) => writeRequest(writer, 1, at, Buffer.from('body')));
    expect(readRequest(payload, 0, payload.length)).toMatchObject({ bodyStart: MAX_HEAD_BYTES });
    const over = requestHead([...at.headers.slice(0, 3), `${at.headers[3]}x`]);
    expect(requestHeadFits(over)).toBe(false);
    expect(() => payloadOf((writer) => writeRequest(writer, 1, over, undefined))).toThrow(RangeError);
  });
});

/** A response as a hostile cell could write it: nothing is checked. */
function rawResponse(flags: number, status: number, pairs: readonly (readonly [string, string])[], rest = ''): Buffer {
  const parts = [Buffer.of(flags, status & 0xff, status >> 8, pairs.length & 0xff, pairs.length >> 8)];
  for (const text of pairs.flat()) {
    parts.push(Buffer.of(text.length & 0xff, text.length >> 8), Buffer.from(text, 'latin1'));
  }
  return Buffer.concat([...parts, Buffer.from(rest)]);
}

function read(payload: Buffer): ReturnType<typeof readResponse> {
  return readResponse(payload, 0, payload.length);
}

describe('the head of a response', () => {
  test('arrives as it was sent', () => {
    const headers = ['content-type', 'text/plain', 'X-Mixed', 'caf\u00e9'];
    const payload = payloadOf((writer) => writeResponse(writer, 3, RESPONSE_DONE, 201, headers, Buffer.from('hello')));
    const head = read(payload);
    if (typeof head === 'string') throw new Error(head);
    expect(head).toMatchObject({ flags: RESPONSE_DONE, status: 201, headers, contentLength: -1 });
    expect(payload.toString('latin1', head.bodyStart)).toBe('hello');
  });

  test.each([200, 204, 304, 599])('may have the status %i', (status) => {
    expect(read(rawResponse(0, status, []))).toMatchObject({ status });
  });

  test.each([
    ['status 199', rawResponse(0, 199, [])],
    ['status 101', rawResponse(0, 101, [])],
    ['status 0', rawResponse(0, 0, [])],
    ['status 600', rawResponse(0, 600, [])],
    ['an unknown flag', rawResponse(4, 200, [])],
    ['body frames after the end', rawResponse(RESPONSE_DONE | RESPONSE_HAS_BODY_FRAMES, 200, [])],
    ['bytes between head and body frames', rawResponse(RESPONSE_HAS_BODY_FRAMES, 200, [], 'x')],
    ['an empty name', rawResponse(0, 200, [['', 'x']])],
    ['a space in a name', rawResponse(0, 200, [['a b', 'x']])],
    ['a colon in a name', rawResponse(0, 200, [['a:', 'x']])],
    ['a line break in a name', rawResponse(0, 200, [['a\r\nb', 'x']])],
    ['a byte over 0x7f in a name', rawResponse(0, 200, [['caf\u00e9', 'x']])],
    ['a line feed in a value', rawResponse(0, 200, [['a', 'x\nset-cookie: y']])],
    ['a carriage return in a value', rawResponse(0, 200, [['a', 'x\ry']])],
    ['a zero in a value', rawResponse(0, 200, [['a', 'x\0']])],
    ['a delete in a value', rawResponse(0, 200, [['a', 'x\u007f']])],
    [
      'two lengths',
      rawResponse(0, 200, [
        ['content-length', '1'],
        ['Content-Length', '1'],
      ]),
    ],
    ['a negative length', rawResponse(0, 200, [['content-length', '-1']])],
    ['a length with a sign', rawResponse(0, 200, [['content-length', '+1']])],
    ['an empty length', rawResponse(0, 200, [['content-length', '']])],
    ['a length that no number holds', rawResponse(0, 200, [['content-length', '1'.repeat(16)]])],
  ])('is refused with %s', (_name, payload) => {
    expect(read(payload)).toBeTypeOf('string');
  });

  test.each([
    'connection',
    'Keep-Alive',
    'proxy-authenticate',
    'Proxy-Connection',
    'TE',
    'trailer',
    'Transfer-Encoding',
    'UPGRADE',
    'X-Headway-Release',
  ])('loses %s on the way', (name) => {
    expect(
      read(
        rawResponse(0, 200, [
          ['a', '1'],
          [name, 'x'],
          ['b', '2'],
        ]),
      ),
    ).toMatchObject({ headers: ['a', '1', 'b', '2'] });
  });

  test('says its length apart', () => {
    expect(read(rawResponse(0, 200, [['Content-Length', '12']]))).toMatchObject({ headers: [], contentLength: 12 });
  });

  test(`has at most ${MAX_HEADERS} headers and ${MAX_HEAD_BYTES} bytes`, () => {
    const pairs = (count: number): [string, string][] => Array.from({ length: count }, () => ['a', 'b']);
    expect(read(rawResponse(0, 200, pairs(MAX_HEADERS)))).toBeTypeOf('object');
    expect(read(rawResponse(0, 200, pairs(MAX_HEADERS + 1)))).toBeTypeOf('string');
    const half = 'x'.repeat(32_000);
    const rest = MAX_HEAD_BYTES - 5 - 2 * (2 + 1 + 2) - half.length;
    expect(
      read(
        rawResponse(0, 200, [
          ['a', half],
          ['b', 'x'.repeat(rest)],
        ]),
      ),
    ).toBeTypeOf('object');
    expect(
      read(
        rawResponse(0, 200, [
          ['a', half],
          ['b', 'x'.repeat(rest + 1)],
        ]),
      ),
    ).toBeTypeOf('string');
  });

  test('a name that no byte can spell has no values', () => {
    const payload = payloadOf((writer) => writeRequest(writer, 1, requestHead(['a', '1']), undefined));
    const received = readRequest(payload, 0, payload.length);
    if (typeof received === 'string') throw new Error(received);
    expect(received.headerValues('\u0161')).toEqual([]);
    expect(received.headerValues('a')).toHaveLength(1);
  });

  test('cut anywhere, it is refused and nothing is thrown', () => {
    const payload = rawResponse(0, 200, [['name', 'value']]);
    for (let end = 0; end < payload.length; end++) expect(readResponse(payload, 0, end)).toBeTypeOf('string');
  });

  test('whatever the bytes, the reading ends and what comes out is HTTP', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const head = read(Buffer.from(bytes));
        if (typeof head === 'string') return;
        expect(head.status).toBeGreaterThanOrEqual(200);
        expect(head.status).toBeLessThanOrEqual(599);
        for (let index = 0; index < head.headers.length; index += 2) {
          expect(head.headers[index]).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
          // oxlint-disable-next-line no-control-regex
          expect(head.headers[index + 1]).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f]/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
