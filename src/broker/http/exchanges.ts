/**
 * The exchanges of one cell's channel: frames in, frames out (`wire/http-frames.ts`).
 *
 * Invariants
 * E1 A number is open from `Request` to the one `End` or `Failed` (H1), and is above the seats and within the bound (H3).
 * E2 At most `MAX_EXCHANGES` look-ups of a cell are in the air, also of requests that were dropped meanwhile.
 */
import type { FrameWriter } from '../../wire/encoder.ts';
import {
  HTTP_FAILURES,
  HttpFromBroker,
  HttpToBroker,
  MAX_EXCHANGES,
  type HttpFailure,
} from '../../wire/http-frames.ts';
import { readTrailers, trailerBytes } from '../../wire/trailers.ts';
import type { ExchangeListener, HttpExchange } from './exchange.ts';
import { readHttpRequest, type HttpRequest } from './request.ts';

/** `u8` of the failure and its number. */
const FAILED_BYTES = 9;
const MAX_FAILED_TEXT_BYTES = 256;

export interface ExchangesOptions {
  readonly writer: FrameWriter;
  /** Numbers up to this are seats. */
  readonly seats: number;
  readonly begin: (request: HttpRequest, listener: ExchangeListener) => HttpExchange;
  readonly mayWrite: () => boolean;
}

export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #open = new Map<number, HttpExchange>();
  #starting = 0;

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  /** A string says how the cell broke the protocol. */
  accept(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const { seats } = this.#options;
    if (id <= seats || id > seats + MAX_EXCHANGES) return `a frame of the exchange ${id}`;
    const exchange = this.#open.get(id);
    if (type === HttpToBroker.Request) {
      return exchange ? `a second request of the exchange ${id}` : this.#begin(id, bytes, start, end);
    }
    return exchange && this.#continue(exchange, type, bytes.subarray(start, end));
  }

  /** The cell reads again. */
  resume(): void {
    for (const exchange of this.#open.values()) exchange.resume();
  }

  close(): void {
    for (const exchange of this.#open.values()) exchange.abandon();
    this.#open.clear();
  }

  #begin(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const request = readHttpRequest(bytes, start, end);
    if (typeof request === 'string') return request;
    if (request.seat === 0 || request.seat > this.#options.seats) return `a request of the seat ${request.seat}`;
    if (this.#starting >= MAX_EXCHANGES) {
      writeFailure(this.#options.writer, id, { tag: 'connection-limit-reached' });
      return undefined;
    }
    this.#starting++;
    this.#open.set(id, this.#options.begin(request, this.#listener(id)));
    return undefined;
  }

  #continue(exchange: HttpExchange, type: number, payload: Buffer): string | undefined {
    switch (type) {
      case HttpToBroker.Body:
        return exchange.push(payload) ? undefined : 'more of a body than there was credit for';
      case HttpToBroker.BodyEnd:
        return endBody(exchange, payload);
      case HttpToBroker.BodyAbort:
        return void exchange.fail({ tag: 'connection-terminated' });
      case HttpToBroker.Credit:
        if (payload.length !== 4) return `a credit of ${payload.length} bytes`;
        return exchange.addCredit(payload.readUInt32LE(0)) ? undefined : 'more credit than a body has';
      case HttpToBroker.Drop:
        return void exchange.fail({ tag: 'connection-terminated' });
      default:
        return `a frame of the unknown type ${type}`;
    }
  }

  #listener(id: number): ExchangeListener {
    const { writer, mayWrite } = this.#options;
    return {
      head(status, headers) {
        writer.begin(HttpFromBroker.Head, id, 2 + trailerBytes(headers));
        writer.u16(status);
        writer.u16(headers.length / 2);
        for (const text of headers) writer.text(text);
        writer.end();
      },
      body: (bytes) => writer.frame(HttpFromBroker.Body, id, bytes),
      end: (trailers) => {
        this.#open.delete(id);
        writer.begin(HttpFromBroker.End, id, trailerBytes(trailers));
        writer.u16(trailers.length / 2);
        for (const text of trailers) writer.text(text);
        writer.end();
      },
      failed: (failure) => {
        this.#open.delete(id);
        writeFailure(writer, id, failure);
      },
      credit: (bytes) => writer.numberFrame(HttpFromBroker.Credit, id, bytes, 4),
      started: () => {
        this.#starting--;
      },
      mayWrite,
    };
  }
}

/** What HTTP does not let stand in trailers is left out, as from the trailers of a response. */
function endBody(exchange: HttpExchange, payload: Buffer): string | undefined {
  const trailers = payload.length === 0 ? [] : readTrailers(payload, 0, payload.length);
  if (typeof trailers === 'string') return trailers;
  return exchange.endBody(trailers) ? undefined : 'the end of a body that there is not';
}

function writeFailure(writer: FrameWriter, id: number, { tag, text = '', number = 0 }: HttpFailure): void {
  const said = Buffer.from(text, 'utf8').subarray(0, MAX_FAILED_TEXT_BYTES);
  writer.begin(HttpFromBroker.Failed, id, FAILED_BYTES + said.length);
  writer.u8(HTTP_FAILURES.indexOf(tag));
  writer.u64(BigInt(number));
  writer.bytes(said);
  writer.end();
}
