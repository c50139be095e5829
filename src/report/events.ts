/**
 * The stream of status changes (server-sent events).
 *
 * 1. Changes within a period are told as one; a status is put into text once for all readers.
 * 2. A reader that is behind gets the newest status when it has caught up, never a queue of old ones.
 * 3. A reader that takes nothing for `readerStallMs`, or has too much waiting, is dropped; it will ask again.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../kit/clock.ts';
import type { StatusSource } from '../reconcile/ports.ts';
import type { ReportLimits } from './limits.ts';
import { json, send, writeHead } from './response.ts';

const RECONNECT_MS = 2_000;

interface Reader {
  readonly response: ServerResponse;
  /** Has not got the newest status. */
  behind: boolean;
  cancelStall: (() => void) | undefined;
}

export class EventStream {
  readonly #source: StatusSource;
  readonly #clock: Clock;
  readonly #limits: ReportLimits;
  readonly #readers = new Set<Reader>();
  readonly #unsubscribe: () => void;
  #cancelTell: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;

  constructor(source: StatusSource, clock: Clock, limits: ReportLimits) {
    this.#source = source;
    this.#clock = clock;
    this.#limits = limits;
    this.#unsubscribe = source.onChange(() => this.#changed());
  }

  get readers(): number {
    return this.#readers.size;
  }

  accept(request: IncomingMessage, response: ServerResponse): void {
    if (this.#readers.size >= this.#limits.eventReaders) {
      const error = `${this.#limits.eventReaders} readers are here already`;
      return send(request, response, json(503, { error }, { 'retry-after': '10' }));
    }
    writeHead(response, 200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    if (request.method === 'HEAD') return void response.end();
    const reader: Reader = { response, behind: false, cancelStall: undefined };
    this.#readers.add(reader);
    response.on('close', () => this.#drop(reader));
    response.on('drain', () => this.#caughtUp(reader));
    // A write that fails closes the response, which is where the reader leaves.
    response.on('error', () => undefined);
    this.#cancelHeartbeat ??= this.#clock.after(this.#limits.heartbeatMs, () => this.#beat());
    this.#write(reader, `retry: ${RECONNECT_MS}\n\n${this.#frame()}`);
  }

  close(): void {
    this.#unsubscribe();
    this.#cancelTell?.();
    this.#cancelHeartbeat?.();
    for (const reader of this.#readers) {
      reader.response.end();
      this.#drop(reader);
    }
  }

  #changed(): void {
    if (this.#readers.size === 0) return;
    this.#cancelTell ??= this.#clock.after(this.#limits.eventPeriodMs, () => {
      this.#cancelTell = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#readers.size === 0) return;
    const frame = this.#frame();
    for (const reader of this.#readers) {
      if (reader.response.writableNeedDrain) reader.behind = true;
      else this.#write(reader, frame);
    }
  }

  #frame(): string {
    const status = JSON.stringify(this.#source.status());
    // JSON has no line ends outside of strings and escapes them inside, so one data line holds it all.
    if (status.length <= this.#limits.eventBytes) return `event: status\ndata: ${status}\n\n`;
    return 'event: changed\ndata: {}\n\n';
  }

  #write(reader: Reader, frame: string): void {
    const { response } = reader;
    if (response.write(frame)) return;
    if (response.writableLength > this.#limits.readerBufferBytes) return void response.destroy();
    reader.cancelStall ??= this.#clock.after(this.#limits.readerStallMs, () => response.destroy());
  }

  #caughtUp(reader: Reader): void {
    reader.cancelStall?.();
    reader.cancelStall = undefined;
    if (!reader.behind) return;
    reader.behind = false;
    this.#write(reader, this.#frame());
  }

  /** Lets proxies and readers see that the line is alive, and us that the reader is. */
  #beat(): void {
    this.#cancelHeartbeat = undefined;
    if (this.#readers.size === 0) return;
    for (const reader of this.#readers) if (!reader.response.writableNeedDrain) this.#write(reader, ': here\n\n');
    this.#cancelHeartbeat = this.#clock.after(this.#limits.heartbeatMs, () => this.#beat());
  }

  #drop(reader: Reader): void {
    reader.cancelStall?.();
    reader.cancelStall = undefined;
    this.#readers.delete(reader);
  }
}
