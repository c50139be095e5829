import { HEADER_BYTES } from './frames.ts';

/** The header of a frame whose payload is so long. */
export function frameHeader(type: number, id: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(payloadBytes, 0);
  header.writeUInt32LE(id, 4);
  header[8] = type;
  return header;
}
