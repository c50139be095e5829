/**
 * Requests of guests to the outside: the cell's end of the exchanges of `wire/http-frames.ts`.
 *
 * Invariants
 * E1 A number is free again only after the broker's `End` or `Failed` for it, or with the broker (H1).
 * E2 An exchange is over for its guest once: with a whole response, a failure, or because it was dropped. Nothing is sent
 *    for it afterwards.
 */
import type { FrameWriter } from '../wire/encoder.ts';
import { HeadReader } from '../wire/head-reader.ts';
import {
  HTTP_FAILURES,
  HTTP_HAS_BODY,
  HttpFromBroker,
  HttpToBroker,
  MAX_EXCHANGES,
  type HttpFailureTag,
} from '../wire/http-frames.ts';
import { trailerBytes, writeTrailers } from '../wire/trailers.ts';
import type { Condition, Scope } from './scope.ts';
import type { RequestBodyOwner } from './serve/request-body.ts';
import type { ResponseBody, ResponseBodyOwner } from './serve/response-body.ts';
import { UpstreamBody } from './serve/upstream-body.ts';
import { describeErrorCode, type ErrorCode } from './wasi/error-code.ts';

/** flags, seat, call, three timeouts */
const REQUEST_HEAD_BYTES = 22;
/** A broker that is started again is back within a fraction of this. */
const ATTACH_WAIT_MS = 2_000;
const LOST: ErrorCode = { tag: 'internal-error', val: 'the broker ended meanwhile: it may have been sent, or not' };
const AWAY: ErrorCode = { tag: 'internal-error', val: 'the broker is not there' };

/** What a guest sends. */
export interface SentRequest {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  /** Names in lower case and values, in turn. */
  readonly headers: readonly string[];
  /** Absent where the guest never asked for the body: there is none. */
  readonly body: ResponseBody | undefined;
  /** What `content-length` says of it; -1 where it says nothing. */
  readonly declaredBytes: number;
  /** Milliseconds; 0 where the guest says nothing. */
  readonly timeouts: readonly [connect: number, firstByte: number, betweenBytes: number];
}

export interface ReceivedHead {
  readonly status: number;
  readonly headers: readonly string[];
}

/** One request and its response: what the guest's future, response and bodies are about. */
export class Exchange implements Condition, RequestBodyOwner, ResponseBodyOwner {
  readonly body: UpstreamBody = new UpstreamBody(this);
  readonly id: number;
  readonly seat: number;
  readonly flags: number;
  /** The engine's id of the call that it is made for; 0 where the instance serves none. */
  readonly call: number;
  readonly request: SentRequest;
  dueMs = performance.now() + ATTACH_WAIT_MS;
  /** The broker has it. */
  sent = false;
  head: ReceivedHead | undefined;
  failure: ErrorCode | undefined;
  readonly #scope: Scope;
  readonly #exchanges: Exchanges;
  #over = false;
  #uploaded: boolean;

  constructor(exchanges: Exchanges, scope: Scope, id: number, seat: number, flags: number, request: SentRequest) {
    this.#exchanges = exchanges;
    this.#scope = scope;
    this.id = id;
    this.seat = seat;
    this.flags = flags;
    this.call = scope.callId ?? 0;
    this.request = request;
    this.#uploaded = request.body === undefined;
    request.body?.attach(this, request.declaredBytes, Number.POSITIVE_INFINITY);
  }

  get over(): boolean {
    return this.#over;
  }

  /** The response, or why there is none, is there. */
  ready(): boolean {
    if (!this.sent && !this.#over && performance.now() >= this.dueMs) {
      this.#exchanges.forget(this);
      this.#fail(AWAY);
    }
    return this.head !== undefined || this.failure !== undefined;
  }

  /** Nobody wants the rest. */
  drop(): void {
    if (this.#over) return;
    this.#end();
    if (this.sent) this.#exchanges.frame(HttpToBroker.Drop, this.id, NOTHING);
    else this.#exchanges.forget(this);
  }

  // What the guest does.

  giveCredit(bytes: number): void {
    if (!this.#over) this.#exchanges.credit(this.id, bytes);
  }

  changed(): void {
    this.#scope.notify();
  }

  bodyChanged(): void {
    this.upload();
  }

  bodyOver(): void {
    this.upload();
  }

  bodyTooLarge(): never {
    throw new RangeError('a body without a limit is over it');
  }

  /** Everything that is written and not sent yet, and how the body ended. */
  upload(): void {
    const { body } = this.request;
    if (!body || !this.sent || this.#over || this.#uploaded) return;
    body.drain((bytes, giveBack) => {
      this.#exchanges.frame(HttpToBroker.Body, this.id, bytes);
      giveBack();
    });
    if (body.state === 'Open') return;
    this.#uploaded = true;
    if (body.state === 'Finished') return this.#exchanges.endBody(this.id, body.trailers);
    this.#exchanges.frame(HttpToBroker.BodyAbort, this.id, NOTHING);
    // What the guest did wrong is why there is no response: the broker knows only that it was broken off.
    const why = body.ended?.failure?.code;
    if (why) this.#fail(why);
  }

  // What the broker says. `false`: it broke the protocol.

  take(type: number, payload: Buffer): boolean {
    if (type === HttpFromBroker.End) this.#whole(payload);
    else if (type === HttpFromBroker.Failed) this.#fail(failureOf(payload));
    else if (this.#over) return true;
    else if (type === HttpFromBroker.Head) this.#takeHead(payload);
    else if (type === HttpFromBroker.Body) return this.body.push(Uint8Array.from(payload));
    else {
      this.request.body?.addCredit(payload.readUInt32LE(0));
      this.#scope.notify();
    }
    return true;
  }

  lose(): void {
    this.#fail(LOST);
  }

  #takeHead(payload: Buffer): void {
    const reader = new HeadReader(payload, 0, payload.length);
    this.head = { status: reader.u16(), headers: textsOf(reader) };
    this.#scope.notify();
  }

  #whole(payload: Buffer): void {
    if (this.#over) return;
    this.#end();
    this.body.end(textsOf(new HeadReader(payload, 0, payload.length)));
    this.#scope.notify();
  }

  #fail(code: ErrorCode): void {
    if (this.#over) return;
    this.#end();
    if (this.head) this.body.fail(describeErrorCode(code), code);
    else this.failure = code;
    this.#scope.notify();
  }

  #end(): void {
    this.#over = true;
    this.dueMs = Number.POSITIVE_INFINITY;
    this.request.body?.close();
  }
}

export class Exchanges {
  readonly #open = new Map<number, Exchange>();
  readonly #free: number[] = [];
  #writer: FrameWriter | undefined;

  furnish(seats: number): void {
    for (let number = MAX_EXCHANGES; number > 0; number--) this.#free.push(seats + number);
  }

  /** `undefined`: as many as there may be are open. */
  begin(scope: Scope, seat: number, flags: number, request: SentRequest): Exchange | undefined {
    const id = this.#free.pop();
    if (id === undefined) return undefined;
    const exchange = new Exchange(this, scope, id, seat, flags, request);
    this.#open.set(id, exchange);
    if (this.#writer) this.#send(this.#writer, exchange);
    return exchange;
  }

  /** A broker is there. */
  attach(writer: FrameWriter): void {
    this.#writer = writer;
    for (const exchange of this.#open.values()) this.#send(writer, exchange);
  }

  /** It is gone, and with it whatever it had. */
  leave(): void {
    this.#writer = undefined;
    for (const exchange of this.#open.values()) {
      if (!exchange.sent) continue;
      this.forget(exchange);
      exchange.lose();
    }
  }

  /** `false`: the broker broke the protocol. */
  take(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const exchange = this.#open.get(id);
    if (!exchange?.sent) return false;
    if (type === HttpFromBroker.End || type === HttpFromBroker.Failed) this.forget(exchange);
    return exchange.take(type, bytes.subarray(start, end));
  }

  /** E1. */
  forget({ id }: Exchange): void {
    if (this.#open.delete(id)) this.#free.push(id);
  }

  frame(type: number, id: number, payload: Uint8Array): void {
    this.#writer?.frame(type, id, payload);
  }

  endBody(id: number, trailers: readonly string[] | undefined): void {
    if (!this.#writer) return;
    if (trailers) writeTrailers(this.#writer, HttpToBroker.BodyEnd, id, trailers);
    else this.#writer.frame(HttpToBroker.BodyEnd, id, NOTHING);
  }

  credit(id: number, bytes: number): void {
    this.#writer?.numberFrame(HttpToBroker.Credit, id, bytes, 4);
  }

  #send(writer: FrameWriter, exchange: Exchange): void {
    const { id, seat, flags, call, request } = exchange;
    const { method, scheme, authority, path, headers, timeouts, body } = request;
    const texts = [method, scheme, authority, path];
    exchange.sent = true;
    exchange.dueMs = Number.POSITIVE_INFINITY;
    writer.begin(HttpToBroker.Request, id, REQUEST_HEAD_BYTES + trailerBytes(texts) + trailerBytes(headers));
    writer.u16(flags | (body ? HTTP_HAS_BODY : 0));
    writer.u32(seat);
    writer.u32(call);
    for (const timeout of timeouts) writer.u32(timeout);
    for (const text of texts) writer.text(text);
    writer.u16(headers.length / 2);
    for (const text of headers) writer.text(text);
    writer.end();
    exchange.upload();
  }
}

function textsOf(reader: HeadReader): string[] {
  const texts: string[] = [];
  for (let left = 2 * reader.u16(); left > 0 && !reader.broken; left--) texts.push(reader.text());
  return texts;
}

function failureOf(payload: Buffer): ErrorCode {
  const tag = HTTP_FAILURES[payload[0]!] ?? 'internal-error';
  const number = payload.readBigUInt64LE(1);
  const text = payload.toString('utf8', 9);
  return { tag, val: PAYLOADS[tag]?.(text === '' ? undefined : text, number === 0n ? undefined : number) };
}

/** What the cases with a payload carry; the others have none. */
const PAYLOADS: Partial<Record<HttpFailureTag, (text: string | undefined, number: bigint | undefined) => unknown>> = {
  'internal-error': (text) => text,
  'DNS-error': (text) => ({ rcode: text, infoCode: undefined }),
  'HTTP-request-body-size': (_text, number) => number,
  'HTTP-response-body-size': (_text, number) => number,
};

const NOTHING = new Uint8Array(0);
