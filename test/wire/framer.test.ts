import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Framer } from '../../src/wire/framer.ts';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from '../../src/wire/frames.ts';

interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

function encode(frame: Frame): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(frame.payload.length, 0);
  header.writeUInt32LE(frame.id, 4);
  header[8] = frame.type;
  return Buffer.concat([header, frame.payload]);
}

function collect(maxPayloadBytes?: number): { framer: Framer; frames: Frame[] } {
  const frames: Frame[] = [];
  const framer = new Framer((type, id, bytes, start, end) => {
    frames.push({ type, id, payload: Uint8Array.from(bytes.subarray(start, end)) });
    return true;
  }, maxPayloadBytes);
  return { framer, frames };
}

const anyFrame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 0xffff_ffff }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

describe('Framer', () => {
  test('gives the same frames wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(400), { maxLength: 60 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(encode));
        const { framer, frames } = collect();
        let offset = 0;
        for (const cut of cuts) {
          expect(framer.push(bytes.subarray(offset, offset + cut))).toBe(true);
          offset = Math.min(bytes.length, offset + cut);
        }
        expect(framer.push(bytes.subarray(offset))).toBe(true);
        expect(framer.idle).toBe(true);
        expect(frames).toEqual(sent.map((frame) => ({ ...frame, payload: Uint8Array.from(frame.payload) })));
      }),
    );
  });

  test('gives the same frames byte by byte', () => {
    const sent = [
      { type: 1, id: 7, payload: new Uint8Array(0) },
      { type: 2, id: 0, payload: Uint8Array.of(1, 2, 3) },
      { type: 3, id: 9, payload: new Uint8Array(0) },
    ];
    const { framer, frames } = collect();
    for (const byte of Buffer.concat(sent.map(encode))) framer.push(Buffer.of(byte));
    expect(frames).toEqual(sent);
  });

  test.each([
    ['whole', (bytes: Buffer) => [bytes]],
    ['split in its header', (bytes: Buffer) => [bytes.subarray(0, 5), bytes.subarray(5)]],
    ['split in its payload', (bytes: Buffer) => [bytes.subarray(0, 12), bytes.subarray(12)]],
  ])('takes a payload at the bound and refuses one byte more: %s', (_name, split) => {
    const at = collect();
    const exact = encode({ type: 1, id: 1, payload: new Uint8Array(MAX_PAYLOAD_BYTES) });
    for (const part of split(exact)) expect(at.framer.push(part)).toBe(true);
    expect(at.frames.map((frame) => frame.payload.length)).toEqual([MAX_PAYLOAD_BYTES]);

    const over = collect();
    const longer = encode({ type: 1, id: 1, payload: new Uint8Array(MAX_PAYLOAD_BYTES + 1) });
    expect(
      split(longer)
        .map((part) => over.framer.push(part))
        .at(-1),
    ).toBe(false);
    expect(over.frames).toEqual([]);
    expect(over.framer.violation).toContain(`${MAX_PAYLOAD_BYTES + 1} bytes`);
  });

  test('holds nothing of what a peer announces beyond the bound, and reads nothing more after a violation', () => {
    const { framer, frames } = collect(16);
    const good = encode({ type: 1, id: 1, payload: new Uint8Array(16) });
    const bad = encode({ type: 1, id: 1, payload: new Uint8Array(17) });
    expect(framer.push(Buffer.concat([good, bad, good]))).toBe(false);
    expect(framer.push(good)).toBe(false);
    expect(frames).toHaveLength(1);
  });

  test('stops at once when the handler says so, in the middle of a chunk', () => {
    let seen = 0;
    const framer = new Framer(() => ++seen < 2);
    const frame = encode({ type: 1, id: 1, payload: Uint8Array.of(1) });
    expect(framer.push(Buffer.concat([frame, frame, frame]))).toBe(false);
    expect(framer.push(frame)).toBe(false);
    expect(seen).toBe(2);
    expect(framer.violation).toBeUndefined();
  });

  test('never writes again to bytes that it has given away', () => {
    const kept: Buffer[] = [];
    const framer = new Framer((_type, _id, bytes, start, end) => kept.push(bytes.subarray(start, end)) > 0);
    const sent = Array.from({ length: 20 }, (_, index) => encode({ type: 1, id: 1, payload: Buffer.alloc(50, index) }));
    for (const chunk of chunksOf(Buffer.concat(sent), 37)) framer.push(chunk);
    expect(kept.map((bytes) => [...new Set(bytes)])).toEqual(sent.map((_, index) => [index]));
  });
});

describe('a frame that is given in pieces', () => {
  const BODY = 0x21;
  const FILE = 0x22;
  const MAX_BYTES = 200;

  function collectPieces(): { framer: Framer; frames: Frame[] } {
    const frames: Frame[] = [];
    const framer = new Framer(
      (type, id, bytes, start, end) =>
        frames.push({ type, id, payload: Uint8Array.from(bytes.subarray(start, end)) }) > 0,
      MAX_PAYLOAD_BYTES,
      [
        { type: BODY, maxBytes: MAX_BYTES },
        { type: FILE, maxBytes: 2 * MAX_BYTES },
      ],
    );
    return { framer, frames };
  }

  test('has the same bytes wherever it is cut, none of them late, and no empty piece', () => {
    const anyBody = fc.record({
      type: fc.constantFrom(BODY, FILE, 1),
      id: fc.nat(3),
      payload: fc.uint8Array({ maxLength: MAX_BYTES }),
    });
    fc.assert(
      fc.property(fc.array(anyBody, { maxLength: 12 }), fc.array(fc.nat(400), { maxLength: 60 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(encode));
        const { framer, frames } = collectPieces();
        let offset = 0;
        for (const cut of [...cuts, bytes.length]) {
          expect(framer.push(bytes.subarray(offset, offset + cut))).toBe(true);
          offset = Math.min(bytes.length, offset + cut);
        }
        expect(framer.idle).toBe(true);
        let next = 0;
        for (const { type, id, payload } of sent) {
          const pieces: Uint8Array[] = [];
          let left = payload.length;
          do {
            const piece = frames[next++]!;
            expect(piece).toMatchObject({ type, id });
            if (payload.length > 0) expect(piece.payload.length).toBeGreaterThan(0);
            pieces.push(piece.payload);
            left -= piece.payload.length;
          } while (left > 0);
          expect(Buffer.concat(pieces).equals(payload)).toBe(true);
        }
        expect(next).toBe(frames.length);
      }),
    );
  });

  test('is at most as long as its bound, which is looked at before the first piece', () => {
    const at = collectPieces();
    const exact = encode({ type: BODY, id: 1, payload: new Uint8Array(MAX_BYTES) });
    for (const part of [exact.subarray(0, 20), exact.subarray(20)]) expect(at.framer.push(part)).toBe(true);
    expect(at.frames.map(({ payload }) => payload.length)).toEqual([11, MAX_BYTES - 11]);

    for (const cut of [5, 20]) {
      const over = collectPieces();
      const longer = encode({ type: BODY, id: 1, payload: new Uint8Array(MAX_BYTES + 1) });
      over.framer.push(longer.subarray(0, cut));
      expect(over.framer.push(longer.subarray(cut))).toBe(false);
      expect(over.frames).toEqual([]);
      expect(over.framer.violation).toBe(`a chunk of ${MAX_BYTES + 1} bytes`);
    }
  });

  test('ends with its first piece where the handler wants no more', () => {
    let seen = 0;
    const framer = new Framer(() => ++seen < 1, MAX_PAYLOAD_BYTES, [{ type: BODY, maxBytes: MAX_BYTES }]);
    const bytes = encode({ type: BODY, id: 1, payload: new Uint8Array(MAX_BYTES) });
    expect(framer.push(bytes.subarray(0, 20))).toBe(false);
    expect(framer.push(bytes.subarray(20))).toBe(false);
    expect(seen).toBe(1);
  });

  test('is unfinished until its last piece', () => {
    const { framer } = collectPieces();
    const bytes = encode({ type: BODY, id: 1, payload: new Uint8Array(MAX_BYTES) });
    framer.push(bytes.subarray(0, 20));
    expect(framer.idle).toBe(false);
    framer.push(bytes.subarray(20));
    expect(framer.idle).toBe(true);
  });
});

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(Buffer.from(bytes.subarray(at, at + size)));
  return chunks;
}
