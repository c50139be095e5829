/**
 * Trailers of a request or response, between engine and cell and between cell and broker: the payload of its `BodyEnd` where it has
 * one. `u16le n`, n × (name, value). The reading side believes nothing, engine and broker least of all (W1, B1): what HTTP does not allow is a violation, what may not stand in a trailer
 * section is left out.
 */
import type { FrameWriter } from './encoder.ts';
import { HeadReader } from './head-reader.ts';
import { isFieldValue, isToken, pairsOf } from './header-text.ts';

export const MAX_TRAILERS = 32;
/** Of the whole payload. */
export const MAX_TRAILER_BYTES = 8 * 1024;

const COUNT_BYTES = 2;

/** Framing, routing, authentication, controls and the form of the content belong into the head (RFC 9110 §6.5.1). */
const NOT_FOR_TRAILERS = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expires',
  'host',
  'keep-alive',
  'location',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'www-authenticate',
  'x-headway-release',
]);

/** @param name in lower case. */
function mayBeTrailer(name: string): boolean {
  return !NOT_FOR_TRAILERS.has(name);
}

/** Of a section as it came over HTTP, names and values in turn: those that may stand there, their names in lower case. */
export function trailersFrom(raw: readonly string[]): readonly string[] {
  return pairsOf(raw)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => mayBeTrailer(name))
    .flat();
}

/** How many bytes the payload takes, for whoever has to know before it is written. */
export function trailerBytes(trailers: readonly string[]): number {
  let bytes = COUNT_BYTES;
  for (const text of trailers) bytes += 2 + text.length;
  return bytes;
}

export function trailersFit(trailers: readonly string[]): boolean {
  return trailers.length <= 2 * MAX_TRAILERS && trailerBytes(trailers) <= MAX_TRAILER_BYTES;
}

/**
 * @param type `BodyEnd` of the direction.
 * @throws RangeError over the bounds: whoever writes has looked whether they fit.
 */
export function writeTrailers(writer: FrameWriter, type: number, id: number, trailers: readonly string[]): void {
  const bytes = trailerBytes(trailers);
  if (!trailersFit(trailers)) throw new RangeError(`trailers of ${bytes} bytes, ${trailers.length / 2} of them`);
  writer.begin(type, id, bytes);
  writer.u16(trailers.length / 2);
  for (const text of trailers) writer.text(text);
  writer.end();
}

/** Names and values in turn, of those that may be sent; a string says what is wrong with the payload `bytes[start, end)`. */
export function readTrailers(bytes: Buffer, start: number, end: number): string[] | string {
  if (end - start > MAX_TRAILER_BYTES) return `trailers of ${end - start} bytes, the most is ${MAX_TRAILER_BYTES}`;
  const reader = new HeadReader(bytes, start, end);
  const count = reader.u16();
  if (count > MAX_TRAILERS) return `${count} trailers, the most is ${MAX_TRAILERS}`;
  const trailers: string[] = [];
  for (let index = 0; index < count; index++) {
    const nameLength = reader.skipText();
    const nameStart = reader.at - nameLength;
    const valueLength = reader.skipText();
    const valueStart = reader.at - valueLength;
    if (reader.broken) break;
    if (!isToken(bytes, nameStart, nameStart + nameLength)) return 'a trailer with an invalid name';
    if (!isFieldValue(bytes, valueStart, reader.at)) return 'a trailer with an invalid value';
    const name = bytes.toString('latin1', nameStart, nameStart + nameLength);
    if (!mayBeTrailer(name.toLowerCase())) continue;
    trailers.push(name, bytes.toString('latin1', valueStart, reader.at));
  }
  return reader.broken || reader.at !== end ? 'trailers that end too early or too late' : trailers;
}
