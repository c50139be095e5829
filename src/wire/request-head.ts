/** The payload of `ToCell.Request`, both ways. */
import { MAX_HEAD_BYTES, MAX_HEADERS, ToCell } from './frames.ts';
import type { FrameWriter } from './encoder.ts';
import { HeadReader } from './head-reader.ts';
import { standsAt } from './header-text.ts';

/** What the engine sends. One object may serve for many requests: nothing of it is kept. */
export interface RequestHead {
  /** `REQUEST_HAS_BODY_FRAMES`, `REQUEST_IS_INTERNAL`, `REQUEST_AWAITS_READ`, `REQUEST_IS_MIRRORED`. */
  flags: number;
  deadlineMs: number;
  method: string;
  /** Normalised, with the query. */
  path: string;
  authority: string;
  scheme: string;
  /** Names in lower case and values, in turn. Only the first `headerStrings` count. */
  headers: string[];
  headerStrings: number;
}

/** What the cell reads. An inline body is `bytes[bodyStart, end)`. */
export interface ReceivedRequest {
  readonly flags: number;
  readonly deadlineMs: number;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  readonly bodyStart: number;
  /** The values of the headers with this name (lower case), as views of the bytes that it was read from. */
  headerValues(name: string): Uint8Array[];
}

/** flags, deadline, the lengths of four texts, the number of headers. */
const FIXED_BYTES = 1 + 4 + 4 * 2 + 2;

/** The length of the head on the wire. More than `MAX_HEAD_BYTES` must not be sent. */
export function requestHeadBytes(head: RequestHead): number {
  let bytes = FIXED_BYTES + head.method.length + head.path.length + head.authority.length + head.scheme.length;
  for (let index = 0; index < head.headerStrings; index++) bytes += 2 + head.headers[index]!.length;
  return bytes;
}

/** True where the wire can carry it: at most `MAX_HEADERS` headers in at most `MAX_HEAD_BYTES`. */
export function requestHeadFits(head: RequestHead): boolean {
  return head.headerStrings <= 2 * MAX_HEADERS && requestHeadBytes(head) <= MAX_HEAD_BYTES;
}

/** @throws RangeError where the head does not fit (see `requestHeadFits`) or the body is over `MAX_INLINE_BODY_BYTES`. */
export function writeRequest(writer: FrameWriter, id: number, head: RequestHead, body: Uint8Array | undefined): void {
  const headBytes = requestHeadBytes(head);
  if (headBytes > MAX_HEAD_BYTES || head.headerStrings > 2 * MAX_HEADERS) {
    throw new RangeError(`a head of ${headBytes} bytes and ${head.headerStrings / 2} headers`);
  }
  writer.begin(ToCell.Request, id, headBytes + (body?.length ?? 0));
  writer.u8(head.flags);
  writer.u32(head.deadlineMs);
  writer.text(head.method);
  writer.text(head.path);
  writer.text(head.authority);
  writer.text(head.scheme);
  writer.u16(head.headerStrings / 2);
  for (let index = 0; index < head.headerStrings; index++) writer.text(head.headers[index]!);
  if (body !== undefined) writer.bytes(body);
  writer.end();
}

/** Reads the payload `bytes[start, end)`, which must not change afterwards; a string says why it is not one. */
export function readRequest(
  bytes: Buffer,
  start: number,
  end: number,
  recent = new RecentTexts(),
): ReceivedRequest | string {
  const reader = new HeadReader(bytes, start, end);
  const received = new Received(reader, bytes, recent);
  if (received.headerCount > MAX_HEADERS) return `${received.headerCount} headers, the most is ${MAX_HEADERS}`;
  for (let left = 2 * received.headerCount; left > 0; left--) reader.skipText();
  received.bodyStart = reader.at;
  if (reader.broken) return 'a request head that ends early';
  if (reader.at - start > MAX_HEAD_BYTES) return `a request head over ${MAX_HEAD_BYTES} bytes`;
  return received;
}

/** Of the request before: most are like it. Texts alone, so that nothing of its chunk is held. */
export class RecentTexts {
  method = 'GET';
  path = '/';
  authority = '';
  scheme = 'http';
}

/** Most guests look at few headers or at none: texts are made when somebody asks for all of them. */
class Received implements ReceivedRequest {
  readonly flags: number;
  readonly deadlineMs: number;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  readonly headerCount: number;
  bodyStart = 0;
  readonly #bytes: Buffer;
  readonly #headersStart: number;
  #headers: readonly string[] | undefined;

  constructor(reader: HeadReader, bytes: Buffer, recent: RecentTexts) {
    this.flags = reader.u8();
    this.deadlineMs = reader.u32();
    this.method = recent.method = reader.textLike(recent.method);
    this.path = recent.path = reader.textLike(recent.path);
    this.authority = recent.authority = reader.textLike(recent.authority);
    this.scheme = recent.scheme = reader.textLike(recent.scheme);
    this.headerCount = reader.u16();
    this.#bytes = bytes;
    this.#headersStart = reader.at;
  }

  get headers(): readonly string[] {
    if (this.#headers !== undefined) return this.#headers;
    const reader = new HeadReader(this.#bytes, this.#headersStart, this.bodyStart);
    const headers: string[] = [];
    for (let left = 2 * this.headerCount; left > 0; left--) headers.push(reader.text());
    return (this.#headers = headers);
  }

  headerValues(name: string): Uint8Array[] {
    const reader = new HeadReader(this.#bytes, this.#headersStart, this.bodyStart);
    const values: Uint8Array[] = [];
    for (let left = this.headerCount; left > 0; left--) {
      const isWanted = reader.skipText() === name.length && standsAt(this.#bytes, reader.at - name.length, name);
      const length = reader.skipText();
      if (isWanted) values.push(this.#bytes.subarray(reader.at - length, reader.at));
    }
    return values;
  }
}
