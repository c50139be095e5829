/** A reader that remembers says of every payload what one says that does not. */
import { PassThrough } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { HEADER_BYTES, RESPONSE_DONE, RESPONSE_HAS_BODY_FRAMES } from '../../src/wire/frames.ts';
import { readResponse, writeResponse } from '../../src/wire/response-head.ts';
import { MAX_REMEMBERED_BYTES, ResponseReader } from '../../src/wire/response-reader.ts';

function payloadOf(flags: number, headers: readonly string[], body?: Uint8Array): Buffer {
  const sink = new PassThrough();
  const writer = new FrameWriter(sink);
  writeResponse(writer, 1, flags, 200, headers, body);
  writer.flush();
  return (sink.read() as Buffer).subarray(HEADER_BYTES);
}

const HEADERS = ['content-type', 'text/plain', 'content-length', '5', 'x-a', 'b'];
const WHOLE = payloadOf(RESPONSE_DONE, HEADERS, Buffer.from('hello'));
const STREAMED = payloadOf(RESPONSE_HAS_BODY_FRAMES, HEADERS);

/** A good payload, one that is cut, one with other bytes behind it, one with another byte somewhere in it. */
const payload = fc.tuple(
  fc.constantFrom(WHOLE, STREAMED, payloadOf(RESPONSE_DONE, []), payloadOf(0, ['x-a', 'b'], Buffer.from('hello'))),
  fc.oneof(
    fc.constant((bytes: Buffer) => bytes),
    fc.nat(WHOLE.length).map((length) => (bytes: Buffer) => bytes.subarray(0, length)),
    fc.uint8Array({ maxLength: 20 }).map((more) => (bytes: Buffer) => Buffer.concat([bytes, more])),
    fc.tuple(fc.nat(WHOLE.length - 1), fc.nat(255)).map(([at, byte]) => (bytes: Buffer) => {
      const changed = Buffer.from(bytes);
      if (at < changed.length) changed[at] = byte;
      return changed;
    }),
  ),
);

test('whatever comes after whatever', () => {
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 12 }), fc.nat(9), (payloads, before) => {
      const reader = new ResponseReader();
      for (const [good, change] of payloads) {
        const bytes = Buffer.concat([Buffer.alloc(before, 0xff), change(good)]);
        expect(reader.read(bytes, before, bytes.length)).toEqual(readResponse(bytes, before, bytes.length));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what a reader of a head adds to it is not in the next', () => {
  const reader = new ResponseReader();
  for (let time = 0; time < 3; time++) {
    const head = reader.read(WHOLE, 0, WHOLE.length);
    if (typeof head === 'string') throw new Error(head);
    expect(head.headers).toEqual(['content-type', 'text/plain', 'x-a', 'b']);
    head.headers.push('set-cookie', 'session=1');
  }
});

test.each([MAX_REMEMBERED_BYTES, MAX_REMEMBERED_BYTES + 1])('a head of %d bytes is the same each time', (length) => {
  const empty = payloadOf(RESPONSE_DONE, ['x-a', '']).length;
  const bytes = payloadOf(RESPONSE_DONE, ['x-a', 'v'.repeat(length - empty)]);
  const reader = new ResponseReader();
  const heads = [1, 2].map(() => reader.read(bytes, 0, bytes.length));
  expect(bytes).toHaveLength(length);
  expect(heads).toEqual([readResponse(bytes, 0, length), readResponse(bytes, 0, length)]);
});
