/**
 * The request itself, on a connection that is there: head, body, trailers, by `node:http`.
 *
 * Invariants
 * M1 How the message is framed is said here alone: by the length that the guest declared, or in chunks. Nothing leaves beyond
 *    that length, and what is not whole never gets an end.
 * M2 The head leaves with the first bytes of the body or with its end: before, nobody knows how it is framed.
 * M3 Trailers stand behind chunks and nowhere else (RFC 9110 §6.5.1), and the header that announces them before such alone.
 * M4 What only the runtime says to a cell is not said by a guest that asks another entry, in headers and in trailers (H3).
 */
import { request, type ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { declaredLength } from '../../wire/content-length.ts';
import { OWN_HEADERS } from '../../wire/door.ts';
import { pairsOf } from '../../wire/header-text.ts';
import type { Way } from './connection.ts';
import { HttpBroken } from './failure.ts';
import { authorityOf, type Target } from './target.ts';
import type { Upload } from './upload.ts';

/** Of a response's head. */
export const MAX_RESPONSE_HEAD_BYTES = 32 * 1024;
/** Servers wait for a length with these, also where it is 0 (RFC 9110 §8.6). */
const WITH_CONTENT = new Set(['PATCH', 'POST', 'PROPFIND', 'PROPPATCH', 'PUT', 'QUERY']);
const OF_FRAMING = new Set(['content-length', 'trailer']);
/** The connection is for one request. */
const CLOSE = ['connection', 'close'];

type Pairs = readonly [name: string, value: string][];

export interface SendingOptions {
  readonly socket: Socket;
  readonly target: Target;
  readonly way: Way;
  /** Those of the guest: names in lower case and values, in turn. */
  readonly headers: readonly string[];
  readonly upload: Upload | undefined;
}

export class Sending {
  /** Says what comes back. */
  readonly request: ClientRequest;
  readonly #socket: Socket;
  readonly #way: Way;
  readonly #method: string;
  readonly #upload: Upload | undefined;
  /** -1: the guest says nothing of it. */
  readonly #declaredBytes: number;
  /** What the guest wrote into `trailer`. */
  readonly #announced: readonly string[];
  #sentBytes = 0;
  #isFramed = false;

  constructor({ socket, target, way, headers, upload }: SendingOptions) {
    const declared = declaredLength(headers);
    if (declared === 'Invalid') throw new HttpBroken({ tag: 'HTTP-request-body-size' });
    this.#socket = socket;
    this.#way = way;
    this.#method = target.method;
    this.#upload = upload;
    this.#declaredBytes = declared;
    const pairs = this.#guestSays(headers);
    this.#announced = pairs.filter(([name]) => name === 'trailer').map(([, value]) => value);
    this.request = request({
      createConnection: () => socket,
      method: target.method,
      path: target.path,
      setHost: false,
      maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
      insecureHTTPParser: false,
    });
    // What was judged, in its own spelling: methods are case-sensitive, and Node writes them in capitals.
    this.request.method = target.method;
    // M1.
    this.request.useChunkedEncodingByDefault = false;
    this.request.setHeader('host', authorityOf(target));
    for (const [name, value] of pairsOf(way.type === 'Door' ? way.headers : CLOSE)) this.request.setHeader(name, value);
    for (const [name, value] of pairs) if (!OF_FRAMING.has(name)) this.request.appendHeader(name, value);
  }

  /** All that the guest has declared was given to the connection: to the other side it is whole, whatever the guest still says. */
  get hasAll(): boolean {
    return this.#isFramed && this.#sentBytes === this.#declaredBytes;
  }

  /** Until all of it has left. Throws what is wrong with what the guest sends; what is wrong with the other side is an `error` of the request. */
  async run(): Promise<void> {
    for await (const chunk of this.#upload ?? []) {
      if (this.#socket.destroyed) return;
      this.#sentBytes += chunk.length;
      if (this.#declaredBytes !== -1 && this.#sentBytes > this.#declaredBytes) throw this.#mismatch();
      this.#frame();
      if (!this.request.write(chunk)) await drained(this.request);
    }
    if (!this.#socket.destroyed) this.#end(this.#guestSays(this.#upload?.trailers ?? []));
  }

  #end(trailers: Pairs): void {
    if (this.#declaredBytes !== -1) {
      if (this.#sentBytes !== this.#declaredBytes) throw this.#mismatch();
      // M3.
      if (trailers.length > 0) throw new HttpBroken({ tag: 'HTTP-protocol-error' });
    }
    if (this.#declaredBytes !== -1 || trailers.length > 0) this.#frame();
    else if (!this.#isFramed && WITH_CONTENT.has(this.#method)) this.request.setHeader('content-length', '0');
    if (trailers.length > 0) this.request.addTrailers(trailers);
    this.request.end();
  }

  /** M1, M2. */
  #frame(): void {
    if (this.#isFramed) return;
    this.#isFramed = true;
    if (this.#declaredBytes !== -1) {
      this.request.setHeader('content-length', String(this.#declaredBytes));
      return;
    }
    for (const value of this.#announced) this.request.appendHeader('trailer', value);
    this.request.setHeader('transfer-encoding', 'chunked');
  }

  /** M4. */
  #guestSays(texts: readonly string[]): Pairs {
    const pairs = pairsOf(texts);
    if (this.#way.type !== 'Door') return pairs;
    return pairs.filter(([name]) => !name.toLowerCase().startsWith(OWN_HEADERS));
  }

  #mismatch(): HttpBroken {
    return new HttpBroken({ tag: 'HTTP-request-body-size', number: this.#sentBytes });
  }
}

/** The connection takes more, or nothing any more. */
function drained(of: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      of.off('drain', done).off('close', done);
      resolve();
    };
    of.on('drain', done).on('close', done);
  });
}
