/**
 * Everything that the ingress wants to know of a request's head, read in one pass, and the head as the cell gets it.
 * One object serves all requests: it is read and used within one turn and nothing of it is kept.
 *
 * Invariants
 * F1 What belongs to the connection stops here: hop-by-hop headers and those that `Connection` names.
 * F2 Who asked is told by us: inbound `forwarded`, `x-forwarded-*`, `x-real-ip` and `x-headway-caller` are dropped, ours are set.
 * F3 A head that two readers could understand differently is refused.
 */
import { CALLER_HEADER, DOOR_HEADER } from '../wire/door.ts';
import { MAX_HEADERS } from '../wire/frames.ts';
import type { RequestHead } from '../wire/request-head.ts';
import { AuthorityCache } from './authority.ts';
import { KnownNames } from './known-names.ts';
import type { Request } from './request.ts';
import { RequestTarget } from './target.ts';

/** What the ingress adds: x-forwarded-for (or who the caller is), -proto, -host, x-request-id. */
const ADDED_HEADERS = 4;
const REQUEST_ID = /^[\u0021-\u007e]{1,128}$/;
/** Options of `Connection` that are no header names. */
const CONNECTION_OPTIONS: ReadonlySet<string> = new Set(['', 'close', 'keep-alive']);

type Special =
  | 'drop'
  | 'host'
  | 'contentLength'
  | 'transferEncoding'
  | 'connection'
  | 'upgrade'
  | 'expect'
  | 'te'
  | 'requestId';

const SPECIAL = new Map<string, Special>([
  ['host', 'host'],
  ['content-length', 'contentLength'],
  ['transfer-encoding', 'transferEncoding'],
  ['connection', 'connection'],
  ['upgrade', 'upgrade'],
  ['expect', 'expect'],
  ['x-request-id', 'requestId'],
  ['forwarded', 'drop'],
  ['http2-settings', 'drop'],
  ['keep-alive', 'drop'],
  ['proxy-authenticate', 'drop'],
  ['proxy-authorization', 'drop'],
  ['proxy-connection', 'drop'],
  ['te', 'te'],
  ['trailer', 'drop'],
  ['x-forwarded-for', 'drop'],
  ['x-forwarded-host', 'drop'],
  ['x-forwarded-port', 'drop'],
  ['x-forwarded-proto', 'drop'],
  [CALLER_HEADER, 'drop'],
  [DOOR_HEADER, 'drop'],
  ['x-headway-release', 'drop'],
  ['x-real-ip', 'drop'],
]);
const KNOWN = new KnownNames(SPECIAL.keys());

/** The member `trailers` of a `TE` list, which has no parameters. */
const TRAILERS = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

const CHUNKED_LAST = /(?:^|,[ \t]*)chunked$/;

/** `BadRequest` is 400, `TooManyHeaders` 431, `NotOffered` 501, `VersionNotSupported` 505. */
export interface HeadFault {
  readonly type: 'BadRequest' | 'TooManyHeaders' | 'NotOffered' | 'VersionNotSupported';
  readonly why: string;
}

export class RequestFacts {
  readonly target = new RequestTarget();
  host = '';
  /** It is a name by which entries reach each other, which nobody outside has. */
  isEntryHost = false;
  /** As the client sent them. */
  headerCount = 0;
  /** -1 where none was declared. */
  contentLength = -1;
  chunked = false;
  expectsContinue = false;
  /** `TE: trailers` (RFC 9110 §10.1.4). It belongs to the connection: the guest does not see it. */
  acceptsTrailers = false;
  readonly head: RequestHead = {
    flags: 0,
    deadlineMs: 0,
    method: '',
    path: '',
    authority: '',
    scheme: 'http',
    headers: [],
    headerStrings: 0,
  };
  readonly #authorities = new AuthorityCache();
  #hosts = 0;
  #hostText = '';
  #transferEncoding = '';
  #upgrade = false;
  #connection = '';
  #requestId = '';

  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }

  /** After the head was sent to a function: its path is the client's again. */
  restorePath(): void {
    this.head.path = this.target.path + this.target.query;
  }

  /** `ownRequestId` is used where the client sent none that can be passed on; `asker` is the entry whose guest asks. */
  read(request: Request, ownRequestId: string, asker?: string): HeadFault | undefined {
    const why = this.target.read(request.url!);
    if (why !== undefined) return { type: 'BadRequest', why };
    const fault = this.#readVersion(request) ?? this.#readHeaders(request) ?? this.#readHost(request);
    if (fault !== undefined) return fault;
    const { head } = this;
    head.method = request.method!;
    head.path = this.target.path + this.target.query;
    if (asker === undefined) this.#add('x-forwarded-for', request.clientAddress);
    else this.#add(CALLER_HEADER, asker);
    this.#add('x-forwarded-proto', 'http');
    this.#add('x-forwarded-host', head.authority);
    this.#add('x-request-id', this.#requestId === '' ? ownRequestId : this.#requestId);
    return undefined;
  }

  /** The value of a header as the guest sees it; several of one name are joined. */
  header(name: string): string | undefined {
    let found: string | undefined;
    const { headers, headerStrings } = this.head;
    for (let index = 0; index < headerStrings; index += 2) {
      if (headers[index] === name) found = found === undefined ? headers[index + 1] : `${found}, ${headers[index + 1]}`;
    }
    return found;
  }

  #readVersion({ httpVersionMajor, httpVersion }: Request): HeadFault | undefined {
    return httpVersionMajor === 1 ? undefined : { type: 'VersionNotSupported', why: `HTTP/${httpVersion}` };
  }

  #readHeaders({ rawHeaders: raw, httpVersion }: Request): HeadFault | undefined {
    this.#reset();
    this.headerCount = raw.length / 2;
    if (raw.length > 2 * (MAX_HEADERS - ADDED_HEADERS)) {
      return { type: 'TooManyHeaders', why: `${raw.length / 2} headers, the most is ${MAX_HEADERS - ADDED_HEADERS}` };
    }
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index]!.toLowerCase();
      const value = raw[index + 1]!;
      const special = KNOWN.mayHave(name) ? SPECIAL.get(name) : undefined;
      if (special === undefined) this.#add(name, value);
      else this.#note(special, value);
    }
    if (this.#transferEncoding !== '') {
      // RFC 9112, 6.1 and 6.3: where such a body ends, nobody knows for sure.
      if (httpVersion === '1.0') return { type: 'BadRequest', why: 'transfer-encoding in HTTP/1.0' };
      if (!CHUNKED_LAST.test(this.#transferEncoding)) {
        return { type: 'BadRequest', why: 'a transfer-encoding that does not end in `chunked`' };
      }
      if (this.#transferEncoding !== 'chunked') {
        return { type: 'NotOffered', why: 'only `chunked` is offered as transfer-encoding' };
      }
      if (this.contentLength !== -1) return { type: 'BadRequest', why: 'content-length beside transfer-encoding' };
      this.chunked = true;
    }
    if (this.#upgrade) return { type: 'NotOffered', why: 'no protocol is offered to upgrade to' };
    if (this.#connection !== '') this.#dropNamedBy(this.#connection);
    return undefined;
  }

  #reset(): void {
    this.contentLength = -1;
    this.chunked = false;
    this.expectsContinue = false;
    this.acceptsTrailers = false;
    this.head.headerStrings = 0;
    this.#hosts = 0;
    this.#transferEncoding = '';
    this.#upgrade = false;
    this.#connection = '';
    this.#requestId = '';
  }

  #note(special: Special, value: string): void {
    switch (special) {
      case 'host':
        this.#hosts++;
        this.#hostText = value;
        return;
      case 'contentLength':
        // Node's parser has refused what is not one number.
        this.contentLength = Number(value);
        this.#add('content-length', value);
        return;
      case 'transferEncoding':
        this.#transferEncoding += `${this.#transferEncoding === '' ? '' : ','}${value.trim().toLowerCase()}`;
        return;
      case 'connection':
        this.#connection += `,${value}`;
        return;
      case 'upgrade':
        this.#upgrade = true;
        return;
      case 'expect':
        this.expectsContinue = true;
        return;
      case 'te':
        this.acceptsTrailers ||= TRAILERS.test(value);
        return;
      case 'requestId':
        if (REQUEST_ID.test(value)) this.#requestId = value;
        return;
      case 'drop':
    }
  }

  #add(name: string, value: string): void {
    const { head } = this;
    head.headers[head.headerStrings++] = name;
    head.headers[head.headerStrings++] = value;
  }

  /** F1, the rare half. */
  #dropNamedBy(connection: string): void {
    const named = connection
      .toLowerCase()
      .split(',')
      .map((option) => option.trim())
      .filter((option) => !CONNECTION_OPTIONS.has(option));
    if (named.length === 0) return;
    const { headers, headerStrings } = this.head;
    this.head.headerStrings = 0;
    for (let index = 0; index < headerStrings; index += 2) {
      if (!named.includes(headers[index]!)) this.#add(headers[index]!, headers[index + 1]!);
    }
  }

  #readHost(request: Request): HeadFault | undefined {
    if (this.#hosts > 1) return { type: 'BadRequest', why: 'several Host headers' };
    if (this.#hosts === 0 && request.httpVersion !== '1.0') return { type: 'BadRequest', why: 'no Host header' };
    const text = this.target.authority ?? (this.#hosts === 0 ? '' : this.#hostText.trim());
    this.isEntryHost = false;
    if (text === '') {
      this.host = '';
      this.head.authority = '';
      return undefined;
    }
    const authority = this.#authorities.get(text);
    if (authority === undefined) return { type: 'BadRequest', why: 'a Host that is none' };
    this.host = authority.host;
    this.head.authority = authority.authority;
    this.isEntryHost = authority.isEntryHost;
    return undefined;
  }
}
