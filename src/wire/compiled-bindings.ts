/**
 * What V8 has compiled of the bindings of each member, in their order: the payload of `Compiled`, both ways. `u32le length` + bytes for each;
 * a length of 0 where there is nothing.
 */
import { MAX_PAYLOAD_BYTES } from './frames.ts';

const LENGTH_BYTES = 4;

/** Empty pieces for all where they are too long for a frame together. */
export function packCompiled(pieces: readonly Uint8Array[]): Buffer {
  const bytes = pieces.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0);
  if (bytes > MAX_PAYLOAD_BYTES) return packCompiled(pieces.map(() => new Uint8Array(0)));
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const piece of pieces) {
    at = packed.writeUInt32LE(piece.length, at);
    packed.set(piece, at);
    at += piece.length;
  }
  return packed;
}

/** Views of `bytes[start, end)`, one for each of so many members; `undefined` where it is not that. */
export function unpackCompiled(bytes: Buffer, start: number, end: number, members: number): Buffer[] | undefined {
  const pieces: Buffer[] = [];
  let at = start;
  while (pieces.length < members) {
    if (end - at < LENGTH_BYTES) return undefined;
    const length = bytes.readUInt32LE(at);
    at += LENGTH_BYTES;
    if (length > end - at) return undefined;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return at === end ? pieces : undefined;
}
