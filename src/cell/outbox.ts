/** What a cell says to the engine: one function per frame, over the shared writer. */
import { cutBytes } from '../kit/cut-bytes.ts';
import {
  CELL_LIMITS,
  FromCell,
  LOG_HEAD_BYTES,
  MAX_ASKED_BYTES,
  MAX_CHUNK_BYTES,
  MAX_OUTCOME_BYTES,
  type Booted,
  type CellLimit,
  type Loaded,
  type Outcome,
} from '../wire/frames.ts';
import type { GiveBack } from '../kit/lent-memory.ts';
import type { FrameWriter } from '../wire/encoder.ts';
import { packCompiled } from '../wire/compiled-bindings.ts';
import { writeQuestion, type RemoteQuestion } from '../wire/remote-frames.ts';
import { writeResponse } from '../wire/response-head.ts';
import { writeTrailers } from '../wire/trailers.ts';
import type { CountedDenial } from './denials.ts';
import type { LogStreamNumber } from './log-lines.ts';

export type OutcomeNumber = (typeof Outcome)[keyof typeof Outcome];

/** The longest Log text of one frame. */
const MAX_LOG_TEXT_BYTES = 64 * 1024;
const NO_TEXT = new Uint8Array(0);

export class Outbox {
  readonly #writer: FrameWriter;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  booted(booted: Booted): void {
    this.#writer.json(FromCell.Booted, 0, booted);
  }

  loaded(loaded: Loaded): void {
    this.#writer.json(FromCell.Loaded, 0, loaded);
  }

  /** What V8 has compiled of the bindings of each member. */
  compiled(pieces: readonly Uint8Array[]): void {
    this.#writer.passOn(FromCell.Compiled, 0, packCompiled(pieces));
  }

  loadFailed(code: string, message: string): void {
    this.#writer.json(FromCell.LoadFailed, 0, { code, message });
  }

  log(stream: LogStreamNumber, member: number, droppedBytes: number, text: Uint8Array): void {
    const bytes = text.length > MAX_LOG_TEXT_BYTES ? text.subarray(0, MAX_LOG_TEXT_BYTES) : text;
    this.#writer.begin(FromCell.Log, 0, LOG_HEAD_BYTES + bytes.length);
    this.#writer.u8(stream);
    this.#writer.u8(member);
    this.#writer.u32(droppedBytes);
    this.#writer.bytes(bytes);
    this.#writer.end();
  }

  denied({ asked, others, ...rest }: CountedDenial): void {
    this.#writer.json(FromCell.Denied, 0, {
      ...rest,
      ...(asked === '' ? {} : { asked: cutBytes(asked, MAX_ASKED_BYTES) }),
      ...(others ? { others } : {}),
    });
  }

  perRequest(why: string): void {
    this.#writer.frame(FromCell.PerRequest, 0, Buffer.from(why).subarray(0, MAX_OUTCOME_BYTES));
  }

  limit(limit: CellLimit, count: number): void {
    this.#writer.begin(FromCell.Limit, 0, 5);
    this.#writer.u8(CELL_LIMITS.indexOf(limit));
    this.#writer.u32(count);
    this.#writer.end();
  }

  /** @throws RangeError where the head is too large for the wire; the caller has checked. */
  response(id: number, flags: number, status: number, headers: readonly string[], body: Uint8Array | undefined): void {
    writeResponse(this.#writer, id, flags, status, headers, body);
  }

  /**
   * Cut into the chunks that the wire allows. Nobody changes `bytes` any more, or before `giveBack`, which is called once they
   * have left: with the last chunk.
   */
  body(id: number, bytes: Uint8Array, giveBack?: GiveBack): void {
    for (let at = 0; at < bytes.length; at += MAX_CHUNK_BYTES) {
      const end = Math.min(at + MAX_CHUNK_BYTES, bytes.length);
      this.#writer.passOn(FromCell.Body, id, bytes.subarray(at, end), end === bytes.length ? giveBack : undefined);
    }
  }

  /** @throws RangeError where the trailers are too many for the wire; the caller has checked. */
  bodyEnd(id: number, trailers?: readonly string[]): void {
    if (trailers === undefined) this.#writer.frame(FromCell.BodyEnd, id, NO_TEXT);
    else writeTrailers(this.#writer, FromCell.BodyEnd, id, trailers);
  }

  bodyAbort(id: number): void {
    this.#writer.frame(FromCell.BodyAbort, id, NO_TEXT);
  }

  done(id: number, outcome: OutcomeNumber, text: string): void {
    const bytes = text === '' ? NO_TEXT : Buffer.from(text).subarray(0, MAX_OUTCOME_BYTES);
    this.#writer.begin(FromCell.Done, id, 1 + bytes.length);
    this.#writer.u8(outcome);
    this.#writer.bytes(bytes);
    this.#writer.end();
  }

  credit(id: number, bytes: number): void {
    this.#writer.numberFrame(FromCell.Credit, id, bytes, 4);
  }

  callResult(id: number, result: unknown): void {
    this.#writer.json(FromCell.CallResult, id, result);
  }

  remote(id: number, question: RemoteQuestion): void {
    writeQuestion(this.#writer, id, question);
  }

  /** Everything said so far goes to the socket now. */
  flush(): void {
    this.#writer.flush();
  }
}
