import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { FrameWriter } from '../../src/wire/encoder.ts';
import { FromCell, HEADER_BYTES } from '../../src/wire/frames.ts';
import { MAX_TRAILER_BYTES, MAX_TRAILERS, readTrailers, trailerBytes, writeTrailers } from '../../src/wire/trailers.ts';

function written(trailers: readonly string[]): Buffer {
  const sink = new PassThrough();
  const writer = new FrameWriter(sink);
  writeTrailers(writer, FromCell.BodyEnd, 1, trailers);
  writer.flush();
  return (sink.read() as Buffer).subarray(HEADER_BYTES);
}

const read = (bytes: Buffer): string[] | string => readTrailers(bytes, 0, bytes.length);
const pairs = (count: number): string[] => Array.from({ length: count }, (_, at) => [`x-${at}`, 'v']).flat();
/** One trailer whose payload has so many bytes. */
const sized = (bytes: number): string[] => ['x', 'v'.repeat(bytes - trailerBytes(['x', '']))];
/** The same, with lengths and counts of one's own. */
function forged(count: number, texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    return [length, Buffer.from(text, 'latin1')];
  });
  const head = Buffer.alloc(2);
  head.writeUInt16LE(count);
  return Buffer.concat([head, ...parts]);
}

describe('trailers', () => {
  test('arrive as they were written', () => {
    const trailers = ['Server-Timing', 'db;dur=53', 'x-bytes', 'caf\u00e9', 'x-empty', ''];
    expect(read(written(trailers))).toEqual(trailers);
    expect(written(trailers)).toHaveLength(trailerBytes(trailers));
  });

  test(`are at most ${MAX_TRAILERS}, of at most ${MAX_TRAILER_BYTES} bytes, on both sides`, () => {
    expect(read(written(pairs(MAX_TRAILERS)))).toHaveLength(2 * MAX_TRAILERS);
    expect(() => written(pairs(MAX_TRAILERS + 1))).toThrow(RangeError);
    expect(read(forged(MAX_TRAILERS + 1, pairs(MAX_TRAILERS + 1)))).toBe('33 trailers, the most is 32');
    expect(read(written(sized(MAX_TRAILER_BYTES)))).toHaveLength(2);
    expect(() => written(sized(MAX_TRAILER_BYTES + 1))).toThrow(RangeError);
    expect(read(forged(1, sized(MAX_TRAILER_BYTES + 1)))).toMatch(/^trailers of 8193 bytes/);
  });

  test.each([
    ['content-length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['HOST', 'evil.example'],
    ['set-cookie', 'a=b'],
    ['content-type', 'text/html'],
    ['www-authenticate', 'Basic'],
    ['x-headway-release', 'another'],
    ['trailer', 'x'],
  ])('%s may not stand there and is left out', (name, value) => {
    expect(read(written(['x-a', '1', name, value, 'x-b', '2']))).toEqual(['x-a', '1', 'x-b', '2']);
  });

  test.each<readonly [string, Buffer, RegExp]>([
    ['a name that is no token', forged(1, ['x y', 'v']), /invalid name/],
    ['no name', forged(1, ['', 'v']), /invalid name/],
    ['a value that splits', forged(1, ['x', 'v\r\nSet-Cookie: a=b']), /invalid value/],
    ['a value with a NUL', forged(1, ['x', '\0']), /invalid value/],
    ['fewer than announced', forged(2, ['x', 'v']), /too early or too late/],
    ['more than announced', forged(0, ['x', 'v']), /too early or too late/],
    ['half a count', Buffer.of(1), /too early or too late/],
    ['a length that runs out', Buffer.of(1, 0, 255, 255, 120), /too early or too late/],
  ])('%s: the cell breaks the protocol', (_what, bytes, why) => {
    expect(read(bytes)).toMatch(why);
  });
});
