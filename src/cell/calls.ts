/**
 * The calls in flight, by the engine's ids, and the frames that speak to them.
 *
 * Invariants
 * K1 Ids come from the engine's free list, so they are small: an array, not a map.
 * K2 A call that is over is forgotten at once, and with it the chunk that its head came in; a frame about it is late, not
 *    wrong.
 */
import type { GiveBack } from '../kit/lent-memory.ts';
import { callName } from '../model/callable.ts';
import {
  Abort,
  MAX_CHUNK_BYTES,
  REQUEST_AWAITS_READ,
  REQUEST_HAS_BODY_FRAMES,
  REQUEST_IS_MIRRORED,
  REQUEST_IS_REMOTE,
  REQUEST_IS_TYPED,
  RESPONSE_DONE,
  ToCell,
} from '../wire/frames.ts';
import { readRequest, RecentTexts } from '../wire/request-head.ts';
import { readTrailers } from '../wire/trailers.ts';
import type { BodyReceiver, Call } from './call.ts';
import type { HttpKind } from './exports.ts';
import type { OutcomeNumber } from './outbox.ts';
import type { InstancePool } from './pool.ts';
import type { RemoteCalls } from './remote.ts';
import { abortText, isAbortReason } from './serve/abort-reason.ts';
import type { Answers, RequestLimits } from './serve/answers.ts';
import { ExportCall, readCall } from './serve/export-call.ts';
import { HeadwayExchange } from './serve/headway-exchange.ts';
import { TypedCall } from './serve/typed-call.ts';
import { TypedExchange } from './serve/typed-exchange.ts';
import { WasiExchange } from './serve/wasi-exchange.ts';
import type { TypedExports } from './typed/exports.ts';

/** The engine's ids are below this; a larger one is not an id. */
export const MAX_CALL_ID = 1 << 20;

type Exchange = Call & BodyReceiver;

export interface CallSettings {
  readonly pool: InstancePool;
  readonly outbox: Answers;
  readonly http: HttpKind;
  readonly typed: TypedExports;
  readonly remote: Pick<RemoteCalls, 'take'>;
  readonly limits: RequestLimits;
  /** Of the bytes of a body that `take` was given (framer, R3). */
  readonly lend: () => GiveBack | undefined;
  readonly say: (line: string) => void;
}

export class Calls implements Answers {
  readonly #settings: CallSettings;
  readonly #outbox: Answers;
  readonly #calls: (Call | Exchange | undefined)[] = [];
  readonly #recent = new RecentTexts();

  constructor(settings: CallSettings) {
    this.#settings = settings;
    this.#outbox = settings.outbox;
  }

  /** A frame with an id. A string says how it broke the protocol. */
  take(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (id > MAX_CALL_ID) return `the id ${id}`;
    if (type === ToCell.Request) return this.#request(id, bytes, start, end);
    if (type === ToCell.Call) return this.#call(id, bytes, start, end);
    if (type === ToCell.RemoteAnswer) return this.#settings.remote.take(id, bytes, start, end);
    const call = this.#calls[id];
    if (!call) return isKnown(type) ? undefined : `a frame of type ${type}`;
    if (type === ToCell.Cancel) return this.#cancel(call, bytes, start, end);
    if (!isExchange(call)) return `a frame of type ${type} for a call without a body`;
    return this.#body(call, type, bytes, start, end);
  }

  // What calls answer, on its way to the engine.

  response(id: number, flags: number, status: number, headers: readonly string[], body: Uint8Array | undefined): void {
    if ((flags & RESPONSE_DONE) !== 0) this.#calls[id] = undefined;
    this.#outbox.response(id, flags, status, headers, body);
  }

  body(id: number, bytes: Uint8Array, giveBack?: GiveBack): void {
    this.#outbox.body(id, bytes, giveBack);
  }

  bodyEnd(id: number, trailers?: readonly string[]): void {
    this.#outbox.bodyEnd(id, trailers);
  }

  bodyAbort(id: number): void {
    this.#outbox.bodyAbort(id);
  }

  credit(id: number, bytes: number): void {
    this.#outbox.credit(id, bytes);
  }

  done(id: number, outcome: OutcomeNumber, text: string): void {
    this.#calls[id] = undefined;
    this.#outbox.done(id, outcome, text);
  }

  callResult(id: number, result: unknown): void {
    this.#calls[id] = undefined;
    this.#outbox.callResult(id, result);
  }

  #request(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (this.#calls[id]) return `a second request with the id ${id}`;
    const head = readRequest(bytes, start, end, this.#recent);
    if (typeof head === 'string') return head;
    const { pool, limits, http, typed, say } = this.#settings;
    const isTyped = (head.flags & REQUEST_IS_TYPED) !== 0;
    let body: Uint8Array | 'Follows' | 'AwaitsRead';
    if ((head.flags & REQUEST_HAS_BODY_FRAMES) === 0) body = bytes.subarray(head.bodyStart, end);
    else body = (head.flags & REQUEST_AWAITS_READ) === 0 ? 'Follows' : 'AwaitsRead';
    const mirrored = (head.flags & REQUEST_IS_MIRRORED) !== 0;
    const exchange = isTyped
      ? new TypedExchange(id, this, limits, head, body, typed, mirrored, (head.flags & REQUEST_IS_REMOTE) !== 0)
      : http === 'headway'
        ? new HeadwayExchange(id, this, limits, head, body, say, mirrored)
        : new WasiExchange(id, this, limits, head, body, mirrored);
    // Answered already (K2).
    if (exchange.over) return undefined;
    this.#calls[id] = exchange;
    return !exchange.startable || pool.submit(exchange) ? undefined : 'more requests than a cell can queue';
  }

  #call(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (this.#calls[id]) return `a second call with the id ${id}`;
    const text = readCall(bytes.subarray(start, end));
    if (typeof text === 'string') return text;
    const called = text.parameters && this.#settings.typed.meant(text.interface, text.function);
    if (!called && Object.keys(text.parameters ?? {}).length > 0) {
      const name = callName(text.interface, text.function);
      this.callResult(id, { err: `HW4610 this release has no function ${name} that can be called with JSON` });
      return undefined;
    }
    const call = called ? new TypedCall(id, this, called, text) : new ExportCall(id, this, text);
    if (call.over) return undefined;
    this.#calls[id] = call;
    return this.#settings.pool.submit(call) ? undefined : 'more calls than a cell can queue';
  }

  #cancel(call: Call, bytes: Buffer, start: number, end: number): string | undefined {
    const reason = end - start === 1 ? bytes[start]! : 0;
    if (!isAbortReason(reason)) return 'a cancel without a reason';
    if (call.cancel(reason)) this.#settings.pool.stop(call, abortText(reason), reason === Abort.Deadline ? 1 : 0);
    return undefined;
  }

  #body(exchange: Exchange, type: number, bytes: Buffer, start: number, end: number): string | undefined {
    const waited = !exchange.startable;
    switch (type) {
      case ToCell.Body: {
        if (end - start > MAX_CHUNK_BYTES) return `a chunk of ${end - start} bytes`;
        if (!exchange.bodyChunk(bytes.subarray(start, end), this.#settings.lend()))
          return 'body bytes beyond the credit';
        break;
      }
      case ToCell.BodyEnd: {
        const trailers = start === end ? undefined : readTrailers(bytes, start, end);
        if (typeof trailers === 'string') return trailers;
        exchange.bodyEnd(trailers);
        break;
      }
      case ToCell.BodyAbort: {
        const reason = end - start === 1 ? bytes[start]! : 0;
        if (!isAbortReason(reason)) return 'a body abort without a reason';
        exchange.bodyAbort(reason);
        break;
      }
      case ToCell.Credit: {
        if (end - start !== 4) return 'a credit without a number';
        exchange.credit(bytes.readUInt32LE(start));
        break;
      }
      default: {
        return `a frame of type ${type}`;
      }
    }
    if (!waited || !exchange.startable || exchange.over) return undefined;
    return this.#settings.pool.submit(exchange) ? undefined : 'more requests than a cell can queue';
  }
}

function isExchange(call: Call | Exchange): call is Exchange {
  return 'bodyChunk' in call;
}

function isKnown(type: number): boolean {
  return type >= ToCell.Body && type <= ToCell.Credit;
}
