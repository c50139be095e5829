/**
 * One request to `headway:http/handler`: plain records in and out.
 *
 * Invariants
 * H1 The guest is called once the whole body is there, and never with more than `requestBodyBytes`.
 * H2 A body that does not fit in one frame leaves as credit allows, after the instance is free again; `Done` comes last.
 */
import {
  Abort,
  INITIAL_CREDIT_BYTES,
  MAX_CHUNK_BYTES,
  Outcome,
  RESPONSE_DONE,
  RESPONSE_HAS_BODY_FRAMES,
} from '../../wire/frames.ts';
import type { AbortReason, BodyReceiver, Call } from '../call.ts';
import type { Instance } from '../instance.ts';
import type { OutcomeNumber } from '../outbox.ts';
import { describeFailure } from '../trap.ts';
import { describeErrorCode, type ErrorCode } from '../wasi/error-code.ts';
import type { RequestText } from '../wasi/http-incoming.ts';
import { abortError, abortText } from './abort-reason.ts';
import type { Answers, RequestLimits } from './answers.ts';
import { readRecord, type PlainResponse } from './plain-record.ts';
import { RequestBody, type RequestBodyOwner } from './request-body.ts';

const INTERNAL_ERROR = 500;

export class HeadwayExchange implements Call, BodyReceiver, RequestBodyOwner {
  over = false;
  readonly mirrored: boolean;
  readonly #id: number;
  readonly #answers: Answers;
  readonly #limits: RequestLimits;
  readonly #request: RequestText;
  readonly #say: (line: string) => void;
  readonly #requestBody: RequestBody;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #nobodyWaits = false;
  /** What of the response waits for credit. */
  #rest: Uint8Array | undefined;
  #credit = INITIAL_CREDIT_BYTES;

  constructor(
    id: number,
    answers: Answers,
    limits: RequestLimits,
    request: RequestText,
    body: Uint8Array | 'Follows' | 'AwaitsRead',
    say: (line: string) => void,
    mirrored = false,
  ) {
    this.mirrored = mirrored;
    this.#id = id;
    this.#answers = answers;
    this.#limits = limits;
    this.#request = request;
    this.#say = say;
    this.#requestBody =
      body instanceof Uint8Array ? RequestBody.whole(this, body) : new RequestBody(this, body === 'AwaitsRead');
    this.#gather();
  }

  get startable(): boolean {
    return this.#requestBody.settled;
  }

  maySuspend(instance: Instance): boolean {
    return instance.handleMaySuspend;
  }

  begin(instance: Instance): unknown {
    const { method, path, authority, scheme, headers } = this.#request;
    const fields: [string, Uint8Array][] = [];
    for (let at = 0; at < headers.length; at += 2) fields.push([headers[at]!, Buffer.from(headers[at + 1]!, 'latin1')]);
    const body = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#bytes);
    return instance.handle({ method, pathWithQuery: path, authority, scheme, headers: fields, body });
  }

  beforeWait(): void {}

  succeed(value: unknown): void {
    if (this.over) return;
    if (this.#nobodyWaits) return this.#done(Outcome.Cancelled, 'the client is gone');
    const response = readRecord(value);
    if (typeof response === 'string') return this.#done(Outcome.ErrorCode, response);
    if (response.body.length > this.#limits.responseBodyBytes) {
      return this.#done(Outcome.ResponseTooLarge, `more than ${this.#limits.responseBodyBytes} bytes`);
    }
    this.#send(response);
  }

  /** `err`: the client gets 500 and never sees the text (wit/headway-http). */
  decline(payload: unknown): void {
    if (this.over) return;
    this.#say(`handle failed: ${String(payload).slice(0, 1024)}`);
    this.over = true;
    this.#answers.response(this.#id, RESPONSE_DONE, INTERNAL_ERROR, [], undefined);
  }

  fail(thrown: unknown): void {
    if (!this.over) this.#done(Outcome.Trap, describeFailure(thrown));
  }

  cancel(reason: AbortReason): boolean {
    if (this.over) return false;
    const stops = reason === Abort.Deadline || reason === Abort.Draining;
    // Before the guest has been called, and after, there is nothing that could go on.
    if (stops || !this.#requestBody.settled || this.#rest) {
      this.#done(reason === Abort.Deadline ? Outcome.Deadline : Outcome.Cancelled, abortText(reason));
      return stops;
    }
    this.#nobodyWaits = true;
    return false;
  }

  bodyChunk(bytes: Uint8Array): boolean {
    const within = this.#requestBody.push(bytes);
    this.#gather();
    return within;
  }

  bodyEnd(): void {
    this.#requestBody.end();
    this.#gather();
  }

  bodyAbort(reason: AbortReason): void {
    if (this.over || this.#requestBody.settled) return;
    this.#refuse(abortError(reason));
  }

  credit(bytes: number): void {
    this.#credit += bytes;
    this.#sendRest();
  }

  giveCredit(bytes: number): void {
    this.#answers.credit(this.#id, bytes);
  }

  changed(): void {}

  #gather(): void {
    while (!this.over && this.#requestBody.ready()) {
      const taken = this.#requestBody.take(MAX_CHUNK_BYTES);
      if (!(taken instanceof Uint8Array)) return;
      this.#parts.push(taken);
      this.#bytes += taken.length;
      if (this.#bytes > this.#limits.requestBodyBytes) this.#refuse(abortError(Abort.TooLarge));
    }
  }

  #refuse(code: ErrorCode): void {
    this.#requestBody.fail(code.tag, code);
    this.#done(Outcome.ErrorCode, describeErrorCode(code));
  }

  #send({ status, headers, body }: PlainResponse): void {
    if (body.length <= MAX_CHUNK_BYTES) {
      this.over = true;
      this.#answers.response(this.#id, RESPONSE_DONE, status, headers, body);
      return;
    }
    this.#answers.response(this.#id, RESPONSE_HAS_BODY_FRAMES, status, headers, undefined);
    this.#rest = body;
    this.#sendRest();
  }

  #sendRest(): void {
    const rest = this.#rest;
    if (!rest || this.over) return;
    const bytes = Math.min(this.#credit, rest.length);
    this.#answers.body(this.#id, rest.subarray(0, bytes));
    this.#credit -= bytes;
    this.#rest = rest.subarray(bytes);
    if (this.#rest.length > 0) return;
    this.#answers.bodyEnd(this.#id);
    this.#done(Outcome.Ok, '');
  }

  #done(outcome: OutcomeNumber, text: string): void {
    this.over = true;
    this.#rest = undefined;
    this.#parts.length = 0;
    this.#answers.done(this.#id, outcome, text);
  }
}
