/** The payload of a `Request` of `wire/http-frames.ts`, from hostile bytes. */
import { declaredLength } from '../../wire/content-length.ts';
import { MAX_HEADERS } from '../../wire/frames.ts';
import { HeadReader } from '../../wire/head-reader.ts';
import { isFieldValue, isOfTheConnection, isToken } from '../../wire/header-text.ts';
import { HTTP_HAS_BODY } from '../../wire/http-frames.ts';
import type { AskedTarget } from './target.ts';

export interface HttpTimeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly betweenBytesMs: number;
}

export interface HttpRequest {
  /** Of `Ask`, and `HTTP_HAS_BODY`. */
  readonly flags: number;
  readonly seat: number;
  /** The engine's id of the call that it is made for, as the cell says it; 0: none. */
  readonly call: number;
  /** As asked; 0 where nothing was. */
  readonly timeouts: HttpTimeouts;
  readonly asked: AskedTarget;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  readonly hasBody: boolean;
}

/**
 * A string says what is wrong: no cell of ours sends it, since `Fields` refuses it to the guest. What frames the message,
 * or belongs to the connection, is said by nobody but the client that sends it.
 */
export function readHttpRequest(bytes: Buffer, start: number, end: number): HttpRequest | string {
  const reader = new HeadReader(bytes, start, end);
  const flags = reader.u16();
  const seat = reader.u32();
  const call = reader.u32();
  const timeouts = { connectMs: reader.u32(), firstByteMs: reader.u32(), betweenBytesMs: reader.u32() };
  const asked = { method: reader.text(), scheme: reader.text(), authority: reader.text(), path: reader.text() };
  const count = reader.u16();
  if (count > MAX_HEADERS) return `a request with ${count} headers`;
  const headers: string[] = [];
  for (let index = 0; index < count && !reader.broken; index++) {
    const nameLength = reader.skipText();
    const nameEnd = reader.at;
    const valueLength = reader.skipText();
    if (reader.broken) break;
    if (!isToken(bytes, nameEnd - nameLength, nameEnd)) return 'a request with an invalid name of a header';
    if (!isFieldValue(bytes, reader.at - valueLength, reader.at)) return 'a request with an invalid header';
    const name = bytes.toString('latin1', nameEnd - nameLength, nameEnd).toLowerCase();
    if (isOfTheConnection(name)) return `a request with a header of its own for the connection (${name})`;
    headers.push(name, bytes.toString('latin1', reader.at - valueLength, reader.at));
  }
  if (reader.broken || reader.at !== end) return 'a request that ends too early or too late';
  if (declaredLength(headers) === 'Invalid') return 'a request whose content-length is not one number';
  return { flags, seat, call, timeouts, asked, headers, hasBody: (flags & HTTP_HAS_BODY) !== 0 };
}
