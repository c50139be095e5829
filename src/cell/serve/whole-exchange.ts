/**
 * One request whose body the guest gets whole, and whose answer it gives whole.
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
import { abortError, abortText } from './abort-reason.ts';
import type { Answers, RequestLimits } from './answers.ts';
import type { PlainResponse } from './plain-record.ts';
import { RequestBody, type RequestBodyOwner } from './request-body.ts';

export type BodyStart = Uint8Array | 'Follows' | 'AwaitsRead';

export abstract class WholeExchange implements Call, BodyReceiver, RequestBodyOwner {
  over = false;
  readonly mirrored: boolean;
  readonly id: number;
  readonly #answers: Answers;
  readonly #limits: RequestLimits;
  readonly #requestBody: RequestBody;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #nobodyWaits = false;
  /** What of the response waits for credit. */
  #rest: Uint8Array | undefined;
  #credit = INITIAL_CREDIT_BYTES;

  constructor(id: number, answers: Answers, limits: RequestLimits, body: BodyStart, mirrored: boolean) {
    this.mirrored = mirrored;
    this.id = id;
    this.#answers = answers;
    this.#limits = limits;
    this.#requestBody =
      body instanceof Uint8Array ? RequestBody.whole(this, body) : new RequestBody(this, body === 'AwaitsRead');
  }

  abstract maySuspend(instance: Instance): boolean;
  abstract begin(instance: Instance): unknown;
  /** The answer; a string says what is wrong with it. */
  protected abstract answerOf(value: unknown): PlainResponse | string;
  /** What the `err` of the guest's result becomes. */
  protected abstract refusalOf(payload: unknown): PlainResponse | string;

  get startable(): boolean {
    return this.#requestBody.settled;
  }

  /** Called last in the constructors of its children: what is there of the body may be all of it. */
  protected gather(): void {
    while (!this.over && this.#requestBody.ready()) {
      const taken = this.#requestBody.take(MAX_CHUNK_BYTES);
      if (!(taken instanceof Uint8Array)) break;
      this.#parts.push(taken);
      this.#bytes += taken.length;
      if (this.#bytes > this.#limits.requestBodyBytes) this.#refuse(abortError(Abort.TooLarge));
    }
    if (!this.over && this.#requestBody.settled) this.gathered();
  }

  /** The body is whole. */
  protected gathered(): void {}

  protected get body(): Uint8Array {
    return this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#bytes);
  }

  /** The longest body of an answer. */
  protected get responseBodyBytes(): number {
    return this.#limits.responseBodyBytes;
  }

  beforeWait(): void {}

  succeed(value: unknown): void {
    if (!this.over) this.#finish(this.answerOf(value));
  }

  decline(payload: unknown): void {
    if (!this.over) this.#finish(this.refusalOf(payload));
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
    this.gather();
    return within;
  }

  bodyEnd(): void {
    this.#requestBody.end();
    this.gather();
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
    this.#answers.credit(this.id, bytes);
  }

  changed(): void {}

  /** An answer without the guest. */
  protected reply(response: PlainResponse): void {
    this.#parts.length = 0;
    this.#send(response);
  }

  protected done(outcome: OutcomeNumber, text: string): void {
    this.#done(outcome, text);
  }

  #finish(response: PlainResponse | string): void {
    // What was wrong with the answer has been said.
    if (this.over) return;
    if (this.#nobodyWaits) return this.#done(Outcome.Cancelled, 'the client is gone');
    if (typeof response === 'string') return this.#done(Outcome.ErrorCode, response);
    if (response.body.length > this.#limits.responseBodyBytes) {
      return this.#done(Outcome.ResponseTooLarge, `more than ${this.#limits.responseBodyBytes} bytes`);
    }
    this.#send(response);
  }

  #refuse(code: ErrorCode): void {
    this.#requestBody.fail(code.tag, code);
    this.#done(Outcome.ErrorCode, describeErrorCode(code));
  }

  #send({ status, headers, body }: PlainResponse): void {
    if (body.length <= MAX_CHUNK_BYTES) {
      this.over = true;
      this.#answers.response(this.id, RESPONSE_DONE, status, headers, body);
      return;
    }
    this.#answers.response(this.id, RESPONSE_HAS_BODY_FRAMES, status, headers, undefined);
    this.#rest = body;
    this.#sendRest();
  }

  #sendRest(): void {
    const rest = this.#rest;
    if (!rest || this.over) return;
    const bytes = Math.min(this.#credit, rest.length);
    this.#answers.body(this.id, rest.subarray(0, bytes));
    this.#credit -= bytes;
    this.#rest = rest.subarray(bytes);
    if (this.#rest.length > 0) return;
    this.#answers.bodyEnd(this.id);
    this.#done(Outcome.Ok, '');
  }

  #done(outcome: OutcomeNumber, text: string): void {
    this.over = true;
    this.#rest = undefined;
    this.#parts.length = 0;
    this.#answers.done(this.id, outcome, text);
  }
}
