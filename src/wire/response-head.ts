/**
 * The payload of `FromCell.Response`, both ways. The reading side is the engine, which believes nothing: a status, a
 * name or a value that HTTP does not allow is a violation (W1); headers that belong to the connection, or to Headway,
 * are left out.
 */
import { FromCell, MAX_HEAD_BYTES, MAX_HEADERS, RESPONSE_DONE, RESPONSE_HAS_BODY_FRAMES } from './frames.ts';
import type { FrameWriter } from './encoder.ts';
import { HeadReader } from './head-reader.ts';
import { isFieldValue, isToken } from './header-text.ts';

export interface ResponseHead {
  readonly flags: number;
  /** 200 to 599. */
  readonly status: number;
  /** Names and values in turn, without `content-length` and what may not pass. */
  readonly headers: string[];
  /** What the guest declared; -1 where it did not. */
  readonly contentLength: number;
  /** An inline body is `bytes[bodyStart, end)`. */
  readonly bodyStart: number;
}

const FIXED_BYTES = 1 + 2 + 2;
const CONTENT_LENGTH = /^[0-9]{1,15}$/;
const KNOWN_FLAGS = RESPONSE_HAS_BODY_FRAMES | RESPONSE_DONE;

/** Hop-by-hop by RFC 9110 §7.6.1, and the one that tells which release has answered. */
const NOT_FOR_GUESTS = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-headway-release',
]);
/** Lengths of the names above and of `content-length`: a name of another length needs no look-up. */
const SPECIAL_LENGTHS = new Set([...NOT_FOR_GUESTS, 'content-length'].map((name) => name.length));

/** @throws RangeError where the head is over `MAX_HEAD_BYTES` or has more than `MAX_HEADERS` headers: the cell checks first. */
export function writeResponse(
  writer: FrameWriter,
  id: number,
  flags: number,
  status: number,
  headers: readonly string[],
  body: Uint8Array | undefined,
): void {
  let headBytes = FIXED_BYTES;
  for (const text of headers) headBytes += 2 + text.length;
  if (headBytes > MAX_HEAD_BYTES || headers.length > 2 * MAX_HEADERS) {
    throw new RangeError(`a head of ${headBytes} bytes and ${headers.length / 2} headers`);
  }
  writer.begin(FromCell.Response, id, headBytes + (body?.length ?? 0));
  writer.u8(flags);
  writer.u16(status);
  writer.u16(headers.length / 2);
  for (const text of headers) writer.text(text);
  if (body !== undefined) writer.bytes(body);
  writer.end();
}

/** Reads and checks the payload `bytes[start, end)`; a string says what is wrong with it. */
export function readResponse(bytes: Buffer, start: number, end: number): ResponseHead | string {
  const reader = new HeadReader(bytes, start, end);
  const flags = reader.u8();
  const status = reader.u16();
  const count = reader.u16();
  if (reader.broken) return 'a response head that ends early';
  if ((flags & ~KNOWN_FLAGS) !== 0 || flags === KNOWN_FLAGS) return `a response with the flags ${flags}`;
  if (status < 200 || status > 599) return `a response with the status ${status}`;
  if (count > MAX_HEADERS) return `a response with ${count} headers, the most is ${MAX_HEADERS}`;
  const headers: string[] = [];
  let contentLength = -1;
  for (let index = 0; index < count; index++) {
    const nameLength = reader.skipText();
    const nameStart = reader.at - nameLength;
    const valueLength = reader.skipText();
    if (reader.broken) return 'a response head that ends early';
    const valueStart = reader.at - valueLength;
    if (!isToken(bytes, nameStart, nameStart + nameLength)) return 'a response with an invalid header name';
    if (!isFieldValue(bytes, valueStart, reader.at)) return 'a response with an invalid header value';
    const name = bytes.toString('latin1', nameStart, nameStart + nameLength);
    if (SPECIAL_LENGTHS.has(nameLength)) {
      const lowerCase = name.toLowerCase();
      if (NOT_FOR_GUESTS.has(lowerCase)) continue;
      if (lowerCase === 'content-length') {
        const value = bytes.toString('latin1', valueStart, reader.at);
        if (contentLength !== -1 || !CONTENT_LENGTH.test(value)) return 'a response with an invalid content-length';
        contentLength = Number(value);
        continue;
      }
    }
    headers.push(name, bytes.toString('latin1', valueStart, reader.at));
  }
  if (reader.at - start > MAX_HEAD_BYTES) return `a response head over ${MAX_HEAD_BYTES} bytes`;
  if ((flags & RESPONSE_HAS_BODY_FRAMES) !== 0 && reader.at !== end) return 'a response with bytes behind its head';
  return { flags, status, headers, contentLength, bodyStart: reader.at };
}
