/** The `response` record of `headway:http/handler`, checked: the engine would end the cell for what HTTP does not allow. */
import { MAX_HEAD_BYTES, MAX_HEADERS } from '../../wire/frames.ts';
import { isFieldValue } from '../../wire/header-text.ts';
import { latin1 } from '../latin1.ts';
import { MAX_STATUS, MIN_STATUS } from '../wasi/http-outgoing.ts';

export interface PlainResponse {
  readonly status: number;
  /** Names in lower case and values, in turn, without `content-length`. */
  readonly headers: string[];
  readonly body: Uint8Array;
}

interface ResponseRecord {
  readonly status: number;
  readonly headers: readonly (readonly [string, Uint8Array])[];
  readonly body: Uint8Array;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const FRAMING_BYTES = 4;
const MAX_FIELDS_BYTES = MAX_HEAD_BYTES - 64;

/** A string says what is wrong with it. The bindings have made the record, so its types hold. */
export function readRecord(value: unknown): PlainResponse | string {
  const { status, headers, body } = value as ResponseRecord;
  if (status < MIN_STATUS || status > MAX_STATUS) return `a response with the status ${status}`;
  if (headers.length > MAX_HEADERS) return `a response with ${headers.length} headers, the most is ${MAX_HEADERS}`;
  const texts: string[] = [];
  let bytes = 0;
  for (const [name, value] of headers) {
    const lowerCase = name.toLowerCase();
    if (!NAME.test(lowerCase)) return 'a response with an invalid header name';
    if (!isFieldValue(value, 0, value.length)) return 'a response with an invalid header value';
    bytes += FRAMING_BYTES + lowerCase.length + value.length;
    if (bytes > MAX_FIELDS_BYTES) return `response headers of more than ${MAX_FIELDS_BYTES} bytes`;
    if (lowerCase === 'content-length') continue;
    texts.push(lowerCase, latin1(value));
  }
  return { status, headers: texts, body };
}
