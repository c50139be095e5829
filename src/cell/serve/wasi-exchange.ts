/**
 * One request to `wasi:http/incoming-handler`.
 *
 * Invariants
 * X1 It is in flight until `handle` has returned: `Done` is the last frame, and leaves exactly once (W2).
 * X2 Where `handle` returns with a finished body that was not streamed before and has no trailers, head, body and `Done`
 *    are one frame.
 * X3 Once `response-outparam.set` has named a response, whatever breaks after it is a `BodyAbort`: no second answer.
 * X4 Written bytes leave when the guest waits, when they fill a piece, or when `handle` returns: without a timer.
 */
import type { GiveBack } from '../../kit/lent-memory.ts';
import { Abort, Outcome, RESPONSE_DONE, RESPONSE_HAS_BODY_FRAMES } from '../../wire/frames.ts';
import type { AbortReason, BodyReceiver, Call } from '../call.ts';
import type { Instance } from '../instance.ts';
import type { OutcomeNumber } from '../outbox.ts';
import type { Scope } from '../scope.ts';
import { describeFailure, HostTrap } from '../trap.ts';
import { describeErrorCode, type ErrorCode } from '../wasi/error-code.ts';
import { IncomingRequest, type RequestText } from '../wasi/http-incoming.ts';
import { ResponseOutparam, type Response, type ResponseTaker } from '../wasi/http-outgoing.ts';
import { abortError, abortText } from './abort-reason.ts';
import type { Answers, RequestLimits } from './answers.ts';
import { declaredLength } from '../../wire/content-length.ts';
import { RequestBody, type RequestBodyOwner } from './request-body.ts';
import { PIECE_BYTES, type ResponseBodyOwner, type TakePiece } from './response-body.ts';

export class WasiExchange implements Call, BodyReceiver, RequestBodyOwner, ResponseBodyOwner, ResponseTaker {
  readonly startable = true;
  readonly mirrored: boolean;
  over = false;
  readonly id: number;
  readonly #answers: Answers;
  readonly #limits: RequestLimits;
  readonly #request: RequestText;
  readonly #requestBody: RequestBody;
  #scope: Scope | undefined;
  #response: Response | undefined;
  #refusal: ErrorCode | undefined;
  #headSent = false;
  #bodyOver = false;
  #nobodyWaits = false;
  #tooLarge = false;

  /** @param body whole where it came with the head; else the frames that follow bring it. */
  constructor(
    id: number,
    answers: Answers,
    limits: RequestLimits,
    request: RequestText,
    body: Uint8Array | 'Follows' | 'AwaitsRead',
    mirrored = false,
  ) {
    this.mirrored = mirrored;
    this.id = id;
    this.#answers = answers;
    this.#limits = limits;
    this.#request = request;
    this.#requestBody =
      body instanceof Uint8Array ? RequestBody.whole(this, body) : new RequestBody(this, body === 'AwaitsRead');
  }

  // What the pool asks of a call.

  maySuspend(instance: Instance): boolean {
    return instance.handleMaySuspend;
  }

  begin(instance: Instance): unknown {
    this.#scope = instance.scope;
    const request = new IncomingRequest(instance.scope, this.#request, this.#requestBody);
    return instance.handle(request, new ResponseOutparam(instance.scope, this));
  }

  beforeWait(): void {
    this.#send();
  }

  succeed(): void {
    if (this.over) return;
    if (this.#nobodyWaits) return this.#done(Outcome.Cancelled, 'the client is gone');
    if (this.#refusal) return this.#done(Outcome.ErrorCode, describeErrorCode(this.#refusal));
    if (!this.#response) return this.#done(Outcome.NoResponse, 'handle returned without a response');
    this.#sendWhole(this.#response);
  }

  /** `handle` has no result; a payload can only be thrown by bindings that are wrong. */
  decline(payload: unknown): void {
    this.fail(payload);
  }

  fail(thrown: unknown): void {
    if (this.over) return;
    if (this.#tooLarge) {
      if (this.#headSent) this.#abortBody();
      return this.#done(Outcome.ResponseTooLarge, `more than ${this.#limits.responseBodyBytes} bytes`);
    }
    if (this.#response && !this.#nobodyWaits) {
      this.#sendHead(this.#response);
      this.#abortBody();
    }
    this.#done(Outcome.Trap, describeFailure(thrown));
  }

  cancel(reason: AbortReason): boolean {
    if (this.over) return false;
    this.#requestBody.fail(abortText(reason), abortError(reason));
    if (reason === Abort.Deadline || reason === Abort.Draining) {
      this.#response?.body?.close();
      this.#done(reason === Abort.Deadline ? Outcome.Deadline : Outcome.Cancelled, abortText(reason));
      return true;
    }
    this.#nobodyWaits = true;
    this.#response?.body?.close();
    this.#scope?.notify();
    return false;
  }

  // What frames bring.

  bodyChunk(bytes: Uint8Array, giveBack: GiveBack | undefined): boolean {
    return this.#requestBody.push(bytes, giveBack);
  }

  bodyEnd(trailers: readonly string[] | undefined): void {
    this.#requestBody.end(trailers);
  }

  bodyAbort(reason: AbortReason): void {
    this.#requestBody.fail(abortText(reason), abortError(reason));
  }

  credit(bytes: number): void {
    this.#response?.body?.addCredit(bytes);
    this.#scope?.notify();
  }

  // What the guest does.

  giveCredit(bytes: number): void {
    if (!this.over) this.#answers.credit(this.id, bytes);
  }

  changed(): void {
    if (!this.over) this.#scope?.notify();
  }

  respond(response: Response): void {
    const { status, headers, body } = response;
    if (this.over || this.#nobodyWaits) {
      body?.close();
      return;
    }
    const declared = declaredLength(headers);
    const describesBody = this.#request.method !== 'HEAD' && status !== 204 && status !== 304;
    if (declared === 'Invalid' || (!body && declared > 0 && describesBody)) {
      body?.close();
      this.#refusal = { tag: 'HTTP-response-body-size' };
      return;
    }
    this.#response = response;
    body?.attach(this, describesBody ? declared : -1, this.#limits.responseBodyBytes);
  }

  refuse(code: ErrorCode): void {
    this.#refusal = code;
  }

  bodyChanged(heldBytes: number): void {
    if (heldBytes >= PIECE_BYTES) this.#sendFull();
  }

  /** X4. */
  bodyOver(): void {}

  bodyTooLarge(): never {
    this.#tooLarge = true;
    throw new HostTrap(`a response body of more than ${this.#limits.responseBodyBytes} bytes`);
  }

  #sendWhole(response: Response): void {
    const { body, status, headers } = response;
    const isPlain = !body || (body.state === 'Finished' && body.trailers === undefined);
    if (!this.#headSent && isPlain && (body?.heldBytes ?? 0) <= PIECE_BYTES) {
      this.over = true;
      this.#answers.response(this.id, RESPONSE_DONE, status, headers, body?.whole());
      return body?.letGo();
    }
    // A body that nobody finished is not whole, however much of it there is.
    body?.breakOff();
    this.#send();
    this.#done(Outcome.Ok, '');
  }

  /** The head, and of what is held what fills a piece. */
  #sendFull(): void {
    const response = this.#response;
    if (!response || this.over || this.#nobodyWaits || this.#bodyOver) return;
    this.#sendHead(response);
    response.body?.drainFull(this.#takePiece());
  }

  /** Everything that is held: the head first, then bytes, then how the body ended, as far as it has. */
  #send(): void {
    const response = this.#response;
    if (!response || this.over || this.#nobodyWaits || this.#bodyOver) return;
    this.#sendHead(response);
    response.body?.drain(this.#takePiece());
    if (response.body?.state === 'Broken') return this.#abortBody();
    if (response.body && response.body.state !== 'Finished') return;
    this.#bodyOver = true;
    this.#answers.bodyEnd(this.id, response.body?.trailers);
  }

  #takePiece(): TakePiece {
    return (bytes, giveBack) => this.#answers.body(this.id, bytes, giveBack);
  }

  #sendHead({ status, headers }: Response): void {
    if (this.#headSent) return;
    this.#headSent = true;
    this.#answers.response(this.id, RESPONSE_HAS_BODY_FRAMES, status, headers, undefined);
  }

  #abortBody(): void {
    if (this.#bodyOver) return;
    this.#bodyOver = true;
    this.#answers.bodyAbort(this.id);
  }

  #done(outcome: OutcomeNumber, text: string): void {
    this.over = true;
    this.#answers.done(this.id, outcome, text);
  }
}
