/**
 * The calls in flight, by the engine's ids, and the frames that speak to them.
 *
 * Invariants
 * K1 Ids come from the engine's free list, so they are small: an array, not a map.
 * K2 A frame about a call that is over is late, not wrong.
 */
import { MAX_CHUNK_BYTES, REQUEST_AWAITS_READ, REQUEST_HAS_BODY_FRAMES, ToCell } from '../wire/frames.ts';
import { readRequest } from '../wire/request-head.ts';
import type { BodyReceiver, Call } from './call.ts';
import type { HttpKind } from './exports.ts';
import type { InstancePool } from './pool.ts';
import { abortText, isAbortReason } from './serve/abort-reason.ts';
import type { Answers, RequestLimits } from './serve/answers.ts';
import { ExportCall, readCall } from './serve/export-call.ts';
import { HeadwayExchange } from './serve/headway-exchange.ts';
import { WasiExchange } from './serve/wasi-exchange.ts';

/** The engine's ids are below this; a larger one is not an id. */
export const MAX_CALL_ID = 1 << 20;

type Exchange = Call & BodyReceiver;

export interface CallSettings {
  readonly pool: InstancePool;
  readonly answers: Answers;
  readonly http: HttpKind;
  readonly limits: RequestLimits;
  readonly say: (line: string) => void;
}

export class Calls {
  readonly #settings: CallSettings;
  readonly #calls: (Call | Exchange | undefined)[] = [];

  constructor(settings: CallSettings) {
    this.#settings = settings;
  }

  /** A frame with an id. A string says how it broke the protocol. */
  take(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (id > MAX_CALL_ID) return `the id ${id}`;
    if (type === ToCell.Request) return this.#request(id, bytes, start, end);
    if (type === ToCell.Call) return this.#call(id, bytes, start, end);
    const call = this.#calls[id];
    if (!call || call.over) return isKnown(type) ? undefined : `a frame of type ${type}`;
    if (type === ToCell.Cancel) return this.#cancel(call, bytes, start, end);
    if (!isExchange(call)) return `a frame of type ${type} for a call without a body`;
    return this.#body(call, type, bytes, start, end);
  }

  #request(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const present = this.#calls[id];
    if (present && !present.over) return `a second request with the id ${id}`;
    const head = readRequest(bytes, start, end);
    if (typeof head === 'string') return head;
    const { pool, answers, limits, http, say } = this.#settings;
    let body: Uint8Array | 'Follows' | 'AwaitsRead';
    if ((head.flags & REQUEST_HAS_BODY_FRAMES) === 0) body = bytes.subarray(head.bodyStart, end);
    else body = (head.flags & REQUEST_AWAITS_READ) === 0 ? 'Follows' : 'AwaitsRead';
    const exchange =
      http === 'headway'
        ? new HeadwayExchange(id, answers, limits, head, body, say)
        : new WasiExchange(id, answers, limits, head, body);
    this.#calls[id] = exchange;
    return !exchange.startable || pool.submit(exchange) ? undefined : 'more requests than a cell can queue';
  }

  #call(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const present = this.#calls[id];
    if (present && !present.over) return `a second call with the id ${id}`;
    const text = readCall(bytes.subarray(start, end));
    if (typeof text === 'string') return text;
    const call = new ExportCall(id, this.#settings.answers, text);
    this.#calls[id] = call;
    return this.#settings.pool.submit(call) ? undefined : 'more calls than a cell can queue';
  }

  #cancel(call: Call, bytes: Buffer, start: number, end: number): string | undefined {
    const reason = end - start === 1 ? bytes[start]! : 0;
    if (!isAbortReason(reason)) return 'a cancel without a reason';
    if (call.cancel(reason)) this.#settings.pool.stop(call, abortText(reason));
    return undefined;
  }

  #body(exchange: Exchange, type: number, bytes: Buffer, start: number, end: number): string | undefined {
    const waited = !exchange.startable;
    switch (type) {
      case ToCell.Body: {
        if (end - start > MAX_CHUNK_BYTES) return `a chunk of ${end - start} bytes`;
        if (!exchange.bodyChunk(bytes.subarray(start, end))) return 'body bytes beyond the credit';
        break;
      }
      case ToCell.BodyEnd: {
        exchange.bodyEnd();
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
