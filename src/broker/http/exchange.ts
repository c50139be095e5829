/**
 * One request of a guest and its response, over a connection of its own.
 *
 * Invariants
 * X1 It ends once: with a whole response, with a failure, or because nobody wants it. Then its timers, its connection and
 *    what it held are gone.
 * X2 No byte of the response leaves beyond the credit of the cell, or while the cell does not read: at most one chunk is
 *    held, one buffer of the client behind it, and the upstream waits.
 * X3 It connects to the addresses that were checked, or to the engine's door, and to nothing else (`connection.ts`): no redirect
 *    is followed.
 * X4 Time is counted for what the upstream does, not for how slowly the guest reads or writes: to the first byte it stands still
 *    while the guest is waited for, and begins anew with each portion of the body and with its end. Where all of a declared length
 *    has left, nobody is waited for.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { DOOR_FAILED, readFailureHeaders } from '../../wire/door.ts';
import { isOfTheConnection, pairsOf } from '../../wire/header-text.ts';
import type { HttpFailure } from '../../wire/http-frames.ts';
import { trailersFit, trailersFrom } from '../../wire/trailers.ts';
import { HeldBytes } from '../held-bytes.ts';
import { openConnection, type Way } from './connection.ts';
import { failureOf } from './failure.ts';
import type { HttpRequest, HttpTimeouts } from './request.ts';
import { Sending } from './sending.ts';
import type { Target } from './target.ts';
import { Upload } from './upload.ts';

/** Below are those that come before the answer. */
const MIN_STATUS = 200;
/** Of a response's head: what a cell takes is twice that. */
export const MAX_RESPONSE_HEADERS = 128;
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
  #way: Way | undefined;
  #socket: Socket | undefined;
  #sending: Sending | undefined;
  #response: IncomingMessage | undefined;
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
    this.#upload = request.hasBody
      ? new Upload({
          giveCredit: (bytes) => this.#tookUpload(bytes),
          awaits: (isAwaited) => this.#awaitGuest(isAwaited),
        })
      : undefined;
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
    try {
      this.#socket = openConnection(target, way, this.#bounds.ca, () => this.#send(target, way));
      // For as long as it lives: what comes when this is over is nobody's business.
      this.#socket.on('error', (error) => this.#break(error));
    } catch (thrown) {
      this.fail(failureOf(thrown, false));
    }
  }

  fail(failure: HttpFailure): void {
    if (this.#finish()) this.#listener.failed(failure);
  }

  /** The channel is gone: there is nobody to tell. */
  abandon(): void {
    this.#finish();
  }

  // What the cell says. `false`: it broke the protocol.

  push(chunk: Buffer): boolean {
    if (!this.#upload) return false;
    this.#sentBytes += chunk.length;
    if (!this.#upload.push(chunk)) return false;
    if (this.#sentBytes > this.#bounds.maxBodyBytes)
      this.fail({ tag: 'HTTP-request-body-size', number: this.#sentBytes });
    return true;
  }

  endBody(trailers: readonly string[] = []): boolean {
    this.#upload?.end('Whole', trailers);
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
    if (!this.#response?.isPaused()) return;
    this.#arm(this.#timeouts.betweenBytesMs, { tag: 'connection-read-timeout' });
    this.#response.resume();
  }

  #send(target: Target, way: Way): void {
    if (this.#over) return;
    this.#arm(this.#timeouts.firstByteMs, { tag: 'HTTP-response-timeout' });
    const { headers } = this.#request;
    try {
      this.#sending = new Sending({ socket: this.#socket!, target, way, headers, upload: this.#upload });
    } catch (thrown) {
      return this.fail(failureOf(thrown, false));
    }
    const { request } = this.#sending;
    // What comes before the answer (100, 103) is nobody's business.
    request.on('response', (response) => this.#receive(response));
    request.on('error', (error) => this.#break(error));
    // Also where it changed over to another protocol, of which nothing else is heard.
    request.on('close', () => {
      if (!this.#response) this.fail({ tag: 'connection-terminated' });
    });
    this.#sending.run().catch((thrown: unknown) => this.#break(thrown));
  }

  #receive(response: IncomingMessage): void {
    if (this.#over) return;
    this.#response = response;
    response.on('data', (chunk: Buffer) => this.#data(chunk));
    response.on('end', () => this.#whole(response.rawTrailers));
    response.on('error', (error) => this.#break(error));
    this.#head(response.statusCode!, response.rawHeaders);
  }

  /**
   * What comes when all of the response has come changes nothing: the upstream may close before it has all that is sent, and
   * say more than it was asked.
   */
  #break(thrown: unknown): void {
    if (!this.#response?.complete) this.fail(failureOf(thrown, this.#begun));
  }

  #head(status: number, texts: readonly string[]): void {
    const headers = pairsOf(texts)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => !isOfTheConnection(name) && name !== 'trailer');
    if (status === DOOR_FAILED && this.#way?.type === 'Door') {
      const failure = readFailureHeaders(headers.flat());
      this.fail({ tag: failure.tag });
      return this.#way.onFailed(failure);
    }
    if (status < MIN_STATUS) return this.fail({ tag: 'HTTP-protocol-error' });
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
    this.#response!.pause();
    clearTimeout(this.#timer);
  }

  #whole(texts: readonly string[]): void {
    if (this.#over) return;
    const trailers = trailersFrom(texts);
    if (!trailersFit(trailers)) return this.fail({ tag: 'HTTP-response-trailer-section-size' });
    clearTimeout(this.#timer);
    this.#trailers = trailers;
    // An answer before the end of the request: the rest is not wanted, and must not look whole.
    this.#socket!.destroy();
    if (this.#held.isEmpty) this.#endWith(trailers);
  }

  #endWith(trailers: readonly string[]): void {
    if (this.#finish()) this.#listener.end(trailers);
  }

  /** The upstream takes what is sent: it is not late as long as it does. */
  #tookUpload(bytes: number): void {
    if (this.#over) return;
    if (!this.#begun) this.#arm(this.#timeouts.firstByteMs, { tag: 'HTTP-response-timeout' });
    this.#listener.credit(bytes);
  }

  /** X4. */
  #awaitGuest(isAwaited: boolean): void {
    if (this.#over || this.#begun || this.#sending!.hasAll) return;
    if (isAwaited) clearTimeout(this.#timer);
    else this.#arm(this.#timeouts.firstByteMs, { tag: 'HTTP-response-timeout' });
  }

  #arm(ms: number, failure: HttpFailure): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.fail(failure), ms);
  }

  /** X1. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#held.drop();
    this.#upload?.end('Broken');
    this.#socket?.destroy();
    return true;
  }
}

function chosen(asked: HttpTimeouts): HttpTimeouts {
  const one = (of: keyof HttpTimeouts): number => Math.min(asked[of] || DEFAULT_TIMEOUTS[of], MAX_TIMEOUT_MS);
  return { connectMs: one('connectMs'), firstByteMs: one('firstByteMs'), betweenBytesMs: one('betweenBytesMs') };
}
