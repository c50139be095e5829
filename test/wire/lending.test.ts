/** Chunks whose memory is freed once nobody looks at it (R3). */
import { describe, expect, test } from 'vitest';
import type { GiveBack } from '../../src/kit/lent-memory.ts';
import { framerFromCell, framerToCell, type Framer } from '../../src/wire/framer.ts';
import { FromCell, HEADER_BYTES, ToCell } from '../../src/wire/frames.ts';

function encode(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + length, type);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(7, 4);
  bytes[8] = type;
  return bytes;
}

/** One read: memory of its own, as that of a socket. */
function chunkOf(...frames: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(frames);
  const chunk = Buffer.allocUnsafeSlow(whole.length);
  whole.copy(chunk);
  return chunk;
}

interface Seen {
  readonly framer: Framer;
  readonly kept: { readonly type: number; readonly bytes: Buffer }[];
  readonly giveBacks: (GiveBack | undefined)[];
}

/** Lends what comes of bodies, and keeps a view of everything else, as its owners may. */
function reading(bodyType: number = FromCell.Body): Seen {
  const kept: Seen['kept'] = [];
  const giveBacks: Seen['giveBacks'] = [];
  const make = bodyType === FromCell.Body ? framerFromCell : framerToCell;
  const framer = make((type, _id, bytes, start, end) => {
    if (type === bodyType) giveBacks.push(framer.lend());
    else kept.push({ type, bytes: bytes.subarray(start, end) });
    return true;
  });
  return { framer, kept, giveBacks };
}

describe('a chunk', () => {
  test('of bodies alone is freed with its last piece, and not before', () => {
    const { framer, giveBacks } = reading();
    const chunk = chunkOf(encode(FromCell.Body, 20_000), encode(FromCell.Body, 30_000));
    expect(framer.push(chunk)).toBe(true);
    expect(giveBacks).toHaveLength(2);
    giveBacks[0]!();
    expect(chunk.length).toBe(50_000 + 2 * HEADER_BYTES);
    giveBacks[1]!();
    expect(chunk.length).toBe(0);
  });

  test('in the middle of a frame is one of its pieces; the header that is cut is no part of it', () => {
    const { framer, giveBacks } = reading();
    const whole = Buffer.concat([encode(FromCell.Body, 60_000), encode(FromCell.Body, 60_000)]);
    const cuts = [0, 30_000, 60_000 + HEADER_BYTES + 4, 90_000, whole.length];
    const chunks = cuts.slice(1).map((cut, index) => chunkOf(whole.subarray(cuts[index], cut)));
    for (const chunk of chunks) framer.push(chunk);
    for (const giveBack of giveBacks) giveBack?.();
    expect(chunks.map(({ length }) => length)).toEqual([0, 0, 0, 0]);
    expect(framer.idle).toBe(true);
  });

  test.each([
    ['a response, which is copied', 600, 0],
    ['one that is too long for that', 20_000, 20_000],
  ])('with %s: what was kept of it stays as it was', (_what, length, added) => {
    const { framer, kept, giveBacks } = reading();
    const chunk = chunkOf(encode(FromCell.Response, length), encode(FromCell.Body, 40_000));
    framer.push(chunk);
    for (const giveBack of giveBacks) giveBack?.();
    expect(chunk.length).toBe(added === 0 ? 0 : 40_000 + length + 2 * HEADER_BYTES);
    expect(kept[0]!.bytes.equals(Buffer.alloc(length, FromCell.Response))).toBe(true);
  });

  test('with frames that nobody keeps is freed all the same', () => {
    const { framer, giveBacks } = reading();
    const passing = [FromCell.BodyEnd, FromCell.Done, FromCell.Credit].map((type) => encode(type, 4));
    const chunk = chunkOf(encode(FromCell.Body, 40_000), ...passing);
    framer.push(chunk);
    giveBacks[0]!();
    expect(chunk.length).toBe(0);
  });

  test('whose body nobody lent is kept', () => {
    const framer = framerFromCell(() => true);
    const chunk = chunkOf(encode(FromCell.Body, 40_000));
    framer.push(chunk);
    expect(chunk.length).toBe(40_000 + HEADER_BYTES);
  });

  test('to a cell: requests are kept, bodies lent', () => {
    const { framer, kept, giveBacks } = reading(ToCell.Body);
    const chunk = chunkOf(encode(ToCell.Request, 500), encode(ToCell.Body, 40_000), encode(ToCell.Credit, 4));
    framer.push(chunk);
    giveBacks[0]!();
    expect(chunk.length).toBe(0);
    expect(kept[0]!.bytes.equals(Buffer.alloc(500, ToCell.Request))).toBe(true);
    // A credit is a number, which nobody keeps the bytes of.
    expect(kept[1]!.bytes.length).toBe(0);
  });
});
