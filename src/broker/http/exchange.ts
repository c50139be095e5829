/**
 * One request of a guest and its response, over a connection of its own.
 *
 * Invariants
 * X1 It ends once: with a whole response, with a failure, or because nobody wants it. Then its timers, its connection and
 *    what it held are gone.
 * X2 No byte of the response leaves beyond the credit of the cell, or while the cell does not read: at most one chunk is
 *    held, and the upstream waits.
 * X3 It connects to the addresses that were checked, or to the engine's door, and to nothing else: no redirect, no proxy, no
 *    second look-up.
 * X4 Time is counted for what the upstream does, not for how slowly the guest reads or writes.
 */
import type { LookupFunction } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { DOOR_FAILED, OWN_HEADERS, readFailureHeaders, type DoorFailure } from '../../wire/door.ts';
import { isOfTheConnection, pairsOf } from '../../wire/header-text.ts';
import type { HttpFailure } from '../../wire/http-frames.ts';
import { trailersFit, trailersFrom } from '../../wire/trailers.ts';
import { HeldBytes } from '../held-bytes.ts';
import { failureOf, HttpBroken } from './failure.ts';
import type { HttpRequest, HttpTimeouts } from './request.ts';
import { originOf, type Target } from './target.ts';
import { Upload } from './upload.ts';

/** Of a response's head: what a cell takes is twice that. */
export const MAX_RESPONSE_HEADERS = 128;
export const MAX_RESPONSE_HEAD_BYTES = 32 * 1024;
export const MAX_TIMEOUT_MS = 3_600_000;
/** Where the guest's request says nothing. Its call has a deadline beside it. */
export const DEFAULT_TIMEOUTS: HttpTimeouts = { connectMs: 10_000, firstByteMs: 60_000, betweenBytesMs: 60_000 };

/** Where an exchange says what happens; nothing is said after `end` or `failed`. */
export interface ExchangeListener {
  head(status: number, headers: readonly string[]): void;
  body(bytes: Buffer): void;
  end(trailers: readonly string[]): void;
  failed(failure: HttpFailure): void;
  credit(bytes: number): void;
  /** The name is resolved, or will not be: a look-up cannot be called off, so one may outlive its request. */
  started(): void;
  /** Whether the channel takes more now. */
  mayWrite(): boolean;
}

export interface CheckedAddress {
  readonly address: string;
  readonly family: number;
}

/** Where a request goes. */
export type Way =
  | { readonly type: 'Addresses'; readonly addresses: readonly CheckedAddress[] }
  | {
      readonly type: 'Door';
      readonly path: string;
      /** Of the way itself, before those of the guest (`doorHeaders`). */
      readonly headers: readonly string[];
      /** The engine says why there is no answer; the guest has heard. */
      readonly onFailed: (failure: DoorFailure) => void;
    };

export interface ExchangeBounds {
  /** Of each body. */
  readonly maxBodyBytes: number;
  /** Certificates to trust in place of those of the machine. */
  readonly ca?: string | undefined;
}

export class HttpExchange {
  /** X2. */
  readonly #held: HeldBytes;
  readonly #listener: ExchangeListener;
  readonly #request: HttpRequest;
  readonly #bounds: ExchangeBounds;
  readonly #timeouts: HttpTimeouts;
  readonly #upload: Upload | undefined;
  #client: Client | undefined;
  #way: Way | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** The upstream is done; the trailers, until what is held has left. */
  #trailers: readonly string[] | undefined;
  #begun = false;
  #over = false;
  #sentBytes = 0;
  #receivedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: HttpRequest, bounds: ExchangeBounds, listener: ExchangeListener) {
    this.#request = request;
    this.#bounds = bounds;
    this.#listener = listener;
    this.#held = new HeldBytes({ send: (bytes) => listener.body(bytes), mayWrite: () => listener.mayWrite() });
    this.#timeouts = chosen(request.timeouts);
    this.#upload = request.hasBody ? new Upload((bytes) => this.#tookUpload(bytes)) : undefined;
    // From the first question to the resolver on.
    this.#arm(this.#timeouts.connectMs, { tag: 'connection-timeout' });
  }

  get over(): boolean {
    return this.#over;
  }

  /** Judged, resolved and checked: sends it there. */
  connect(target: Target, way: Way): void {
    if (this.#over) return;
    this.#way = way;
    this.#client = new Client(originOf(target), {
      allowH2: false,
      pipelining: 1,
      maxHeaderSize: MAX_RESPONSE_HEAD_BYTES,
      // The timers of this file are finer.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: 0, allowH2: false, ...this.#connectTo(way) },
    });
    try {
      this.#client.dispatch(
        {
          path: target.path,
          method: target.method as Dispatcher.HttpMethod,
          headers:
            way.type === 'Door' ? [...way.headers, ...withoutOwn(this.#request.headers)] : [...this.#request.headers],
          body: (this.#upload as unknown as Dispatcher.DispatchOptions['body']) ?? null,
          // The connection is for this request.
          reset: true,
        },
        this.#handler(),
      );
    } catch (thrown) {
      this.fail(failureOf(thrown, false));
    }
  }

  #connectTo(way: Way): { lookup?: LookupFunction; ca?: string; socketPath?: string } {
    if (way.type === 'Door') return { socketPath: way.path };
    const { ca } = this.#bounds;
    return { lookup: answering(way.addresses), ...(ca === undefined ? {} : { ca }) };
  }

  fail(failure: HttpFailure): void {
    if (this.#finish(new HttpBroken(failure))) this.#listener.failed(failure);
  }

  /** The channel is gone: there is nobody to tell. */
  abandon(): void {
    this.#finish(new HttpBroken({ tag: 'connection-terminated' }));
  }

  // What the cell says. `false`: it broke the protocol.

  push(chunk: Buffer): boolean {
    if (!this.#upload) return false;
    this.#sentBytes += chunk.length;
    if (!this.#upload.push(Buffer.from(chunk))) return false;
    if (this.#sentBytes > this.#bounds.maxBodyBytes)
      this.fail({ tag: 'HTTP-request-body-size', number: this.#sentBytes });
    return true;
  }

  endBody(): boolean {
    this.#upload?.end('Whole');
    return this.#upload !== undefined;
  }

  addCredit(bytes: number): boolean {
    if (!this.#held.addCredit(bytes)) return false;
    this.resume();
    return true;
  }

  /** There is credit again, or room in the channel. */
  resume(): void {
    if (this.#over || !this.#held.flush()) return;
    if (this.#trailers) return this.#endWith(this.#trailers);
    if (!this.#controller?.paused) return;
    this.#arm(this.#timeouts.betweenBytesMs, { tag: 'connection-read-timeout' });
    this.#controller.resume();
  }

  #handler(): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller) => {
        this.#controller = controller;
        if (this.#over) return controller.abort(new HttpBroken({ tag: 'connection-terminated' }));
        this.#arm(this.#timeouts.firstByteMs, { tag: 'HTTP-response-timeout' });
      },
      onResponseStart: (controller, status, headers) => {
        // What comes before the answer (100, 103) is nobody's business.
        if (!this.#over && status >= 200) this.#head(status, textsOf(controller.rawHeaders, headers));
      },
      onResponseData: (_controller, chunk) => this.#data(chunk),
      onResponseEnd: (controller, trailers) => this.#whole(textsOf(controller.rawTrailers, trailers)),
      onResponseError: (_controller, error) => this.fail(failureOf(error, this.#begun)),
    };
  }

  #head(status: number, texts: readonly string[]): void {
    const headers = pairsOf(texts)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !isOfTheConnection(name));
    if (status === DOOR_FAILED && this.#way?.type === 'Door') {
      const failure = readFailureHeaders(headers.flat());
      this.fail({ tag: failure.tag });
      return this.#way.onFailed(failure);
    }
    if (headers.length > MAX_RESPONSE_HEADERS) return this.fail({ tag: 'HTTP-response-header-section-size' });
    this.#begun = true;
    this.#listener.head(status, headers.flat());
    this.#arm(this.#timeouts.betweenBytesMs, { tag: 'connection-read-timeout' });
  }

  #data(chunk: Buffer): void {
    if (this.#over) return;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#bounds.maxBodyBytes) {
      return this.fail({ tag: 'HTTP-response-body-size', number: this.#receivedBytes });
    }
    if (this.#held.push(chunk)) return this.#arm(this.#timeouts.betweenBytesMs, { tag: 'connection-read-timeout' });
    this.#controller?.pause();
    clearTimeout(this.#timer);
  }

  #whole(texts: readonly string[]): void {
    if (this.#over) return;
    const trailers = trailersFrom(texts);
    if (!trailersFit(trailers)) return this.fail({ tag: 'HTTP-response-trailer-section-size' });
    clearTimeout(this.#timer);
    this.#trailers = trailers;
    if (this.#held.isEmpty) this.#endWith(trailers);
  }

  #endWith(trailers: readonly string[]): void {
    if (this.#finish(undefined)) this.#listener.end(trailers);
  }

  /** The upstream takes what is sent: it is not late as long as it does. */
  #tookUpload(bytes: number): void {
    if (this.#over) return;
    if (this.#controller && !this.#begun) this.#arm(this.#timeouts.firstByteMs, { tag: 'HTTP-response-timeout' });
    this.#listener.credit(bytes);
  }

  #arm(ms: number, failure: HttpFailure): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail(failure), ms);
  }

  /** X1. */
  #finish(why: HttpBroken | undefined): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#held.drop();
    this.#upload?.end(why ? 'Broken' : 'Whole');
    this.#client?.destroy(why ?? null).catch(() => undefined);
    return true;
  }
}

/** What only the runtime says to a cell. Names and values in turn. */
function withoutOwn(headers: readonly string[]): readonly string[] {
  return headers.filter((_text, at) => !headers[at - (at % 2)]!.startsWith(OWN_HEADERS));
}

function chosen(asked: HttpTimeouts): HttpTimeouts {
  const one = (of: keyof HttpTimeouts): number => Math.min(asked[of] || DEFAULT_TIMEOUTS[of], MAX_TIMEOUT_MS);
  return { connectMs: one('connectMs'), firstByteMs: one('firstByteMs'), betweenBytesMs: one('betweenBytesMs') };
}

/** X3. */
function answering(checked: readonly CheckedAddress[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = checked;
    if (options.all) callback(null, [...checked]);
    else callback(null, first!.address, first!.family);
  };
}

/** As they came: names and values in turn. */
function textsOf(raw: Dispatcher.DispatchController['rawHeaders'], parsed: object | undefined): readonly string[] {
  if (Array.isArray(raw)) return raw.map((text) => (typeof text === 'string' ? text : text.toString('latin1')));
  return Object.entries(parsed ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).flatMap((one) => [name, String(one)]),
  );
}
