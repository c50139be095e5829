/**
 * One request and its response. It is Node's own response object with our fields, so that a request costs no object
 * beyond Node's; the channel calls it back, and it calls back whoever dispatched it.
 *
 * Invariants
 * X1 The client gets one response: the guest's, or one of our own while no byte of a head was sent. A body that is not
 *    whole destroys the connection.
 * X2 A request is counted once, when its call is over, by what the client got and how the call ended.
 * X3 A request gets one status: where its body is not wanted, and so may never come, the connection ends with the answer.
 */
import { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GiveBack } from '../kit/lent-memory.ts';
import type { CallEnd, CellCaller, CellExchange, Lineage } from '../wire/cell-caller.ts';
import { Abort, INITIAL_CREDIT_BYTES, Outcome } from '../wire/frames.ts';
import { pairsOf } from '../wire/header-text.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { answerBody, type Answer } from './answers.ts';
import type { CompiledArm, CompiledRule } from './compiled-rule.ts';
import { lingerAtEnd, MAX_LINGERED_BYTES } from './linger.ts';
import { Request } from './request.ts';
import { discard, MAX_DISCARDED_BYTES, type Upload } from './upload.ts';

/** Up to here a body travels with its head in one write. */
const MAX_JOINED_BYTES = 4 * 1024;

/** Credit goes back in portions of at least this: a cell with less than that in the air is not short of it. */
const CREDIT_PORTION_BYTES = INITIAL_CREDIT_BYTES / 4;

const PREVIEW: Lineage = { depth: 0, counts: 'Preview' };

/** Who sent the exchange into a cell. */
export interface ExchangeOwner {
  readonly isClosing: boolean;
  /** The call is over; the exchange belongs to no cell any more. */
  onCallEnd(exchange: Exchange, end: CallEnd, detail: string): void;
  /** The client went away before it had the whole response. */
  onClientGone(exchange: Exchange): void;
}

export class Exchange extends ServerResponse<Request> implements CellExchange {
  owner: ExchangeOwner | undefined;
  rule: CompiledRule | undefined;
  arm: CompiledArm | undefined;
  /** The cell that has the call; absent before and after. */
  caller: CellCaller | undefined;
  callId = 0;
  acceptedAtMs = 0;
  deadlineAtMs = 0;
  /** When a cell first got it: before, it only waited for room. */
  sentAtMs = 0;
  /** Ours, for `x-request-id`. */
  requestId = '';
  /** The entry whose guest asks; absent: a client does. */
  readonly asker: string | undefined = undefined;
  /** Of the head that the cell gets, beside what its body says. */
  readonly headFlags: number = 0;
  /** It has much less time than its entry takes itself: a deadline that passes is the asker's doing. */
  readonly isHurried: boolean = false;
  setCookie: string | undefined;
  /** A body that travels inline, kept for a second try. */
  body: Buffer | undefined;
  upload: Upload | undefined;
  hasStreamedBody = false;
  awaitsContinue = false;
  /** The client said `TE: trailers`: it wants them, and does not throw them away. */
  acceptsTrailers = false;
  retried = false;
  /** A candidate has its copy, or had no room for one. */
  isCopied = false;
  isClientGone = false;
  /** Of the guest's response; 0 before it. */
  status = 0;
  /** The guest's whole response has been handed to Node. */
  isWhole = false;
  /** Received from the guest and not yet taken by the client. */
  owedBytes = 0;
  /** Taken by the client, and not told to the cell yet. */
  #takenBytes = 0;
  #sentBytes = 0;
  /** Why the response is over a limit; empty: it is not. */
  #tooLarge = '';
  /** Which limit of its component the response was over, where it was over one. */
  limitOfResponse: 'responseBody' | 'headers' = 'responseBody';
  /** We have destroyed the connection ourselves. */
  #isCut = false;
  /** An answer of our own stands where the guest's would: what the guest still says is too late. */
  #isAnswered = false;
  #awaitsDrain = false;
  #lingers = false;

  /** What its guest calls in other cells is previewed as it is. */
  get lineage(): Lineage | undefined {
    return this.rule?.preview ? PREVIEW : undefined;
  }

  onResponse(head: ResponseHead, bytes: Buffer, end: number, complete: boolean): void {
    if (this.#isAnswered) return;
    const { headers } = head;
    const inlineBytes = end - head.bodyStart;
    if (this.#isTooLarge(inlineBytes) || this.#hasTooManyHeaders(headers.length / 2)) return;
    this.status = head.status;
    if (this.isClientGone) return;
    const length = complete && head.status !== 304 ? this.#lengthOfWhole(head, inlineBytes) : head.contentLength;
    if (length !== -1 && head.status !== 204) headers.push('content-length', String(length));
    if (this.rule!.releaseHeader) headers.push('x-headway-release', this.arm!.label);
    if (this.setCookie !== undefined) headers.push('set-cookie', this.setCookie);
    if (this.owner!.isClosing) this.shouldKeepAlive = false;
    this.writeHead(head.status, headers);
    if (!complete) {
      // A guest that streams may take its time: the client is told what it is up to.
      this.flushHeaders();
      return;
    }
    this.isWhole = true;
    if (inlineBytes <= MAX_JOINED_BYTES) this.end(bytes.toString('latin1', head.bodyStart, end), 'latin1');
    else this.end(bytes.subarray(head.bodyStart, end));
  }

  onBody(bytes: Buffer, giveBack?: GiveBack): void {
    if (this.#takesNothing) {
      // Nobody takes it: the guest may go on at its own pace until its deadline.
      this.caller?.credit(this.callId, bytes.length);
      return giveBack?.();
    }
    this.#sentBytes += bytes.length;
    if (this.#isTooLarge(this.#sentBytes)) return;
    if (this.write(bytes, giveBack)) {
      this.#takenBytes += bytes.length;
      if (this.#takenBytes >= CREDIT_PORTION_BYTES) this.#payCredit();
      return;
    }
    this.owedBytes += bytes.length;
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.on('drain', () => this.#payCredit());
  }

  /** Node sends trailers behind a chunked body only, which is all that HTTP/1.1 has a place for (RFC 9112 §7.1.2). */
  onBodyEnd(trailers: readonly string[] | undefined): void {
    if (this.#isAnswered || this.#isCut) return;
    this.isWhole = true;
    if (this.isClientGone) return;
    if (trailers !== undefined && this.acceptsTrailers) this.addTrailers(pairsOf(trailers));
    this.end();
  }

  onBodyAbort(): void {
    this.destroyConnection();
  }

  onCredit(): void {
    this.upload?.onCredit();
  }

  onEnd(end: CallEnd, detail: string): void {
    if (this.#tooLarge === '') this.owner!.onCallEnd(this, end, detail);
    else this.owner!.onCallEnd(this, Outcome.ResponseTooLarge, this.#tooLarge);
  }

  /** An answer of our own, where no head was sent; `detail` says more than the table does. */
  answer(answer: Answer, detail = ''): void {
    if (this.headersSent || this.isClientGone) return;
    this.#isAnswered = true;
    const { status, headers, body } = this.inWords(answer, detail);
    if (this.owner!.isClosing) this.shouldKeepAlive = false;
    this.writeHead(status, headers);
    this.end(body);
    this.discardBody();
  }

  /** X3: the rest of the request is of no use to anybody, and its client learns so. */
  endWithAnswer(): void {
    if (this.req.complete || this.headersSent) return;
    this.shouldKeepAlive = false;
    this.#lingers = true;
    lingerAtEnd(this.req.socket);
  }

  /** How an answer of our own is said. */
  protected inWords(
    answer: Answer,
    detail: string,
  ): { readonly status: number; readonly headers: string[]; readonly body: string } {
    const release = this.arm?.label;
    const body = answerBody(answer, {
      detail,
      ...(this.rule ? { route: this.rule.rule.route } : {}),
      ...(release ? { release } : {}),
    });
    const headers = ['content-type', 'application/json', 'content-length', String(Buffer.byteLength(body))];
    if (answer.retryAfterSeconds !== undefined) headers.push('retry-after', String(answer.retryAfterSeconds));
    if (release !== undefined && this.rule!.releaseHeader) headers.push('x-headway-release', release);
    return { status: answer.status, headers, body };
  }

  /** What the client sends is not the rest of a request, or does not come: answered where nothing was, and over. */
  refuseMidway(answer: Answer): void {
    this.shouldKeepAlive = false;
    this.answer(answer);
    if (!this.writableEnded) this.req.socket.destroy();
    this.#leave();
  }

  /** The client is gone, or as good as gone. */
  #leave(): void {
    if (this.isClientGone || this.#isCut) return;
    this.isClientGone = true;
    this.upload?.stop();
    this.#payCredit();
    this.owner?.onClientGone(this);
  }

  /** Node says `close` once for every response: after its last byte, or when the client went away. */
  onClose(): void {
    if (!this.writableFinished) this.#leave();
    // Its head went out before the listener was told to close, so it could not say so.
    else if (this.owner?.isClosing && presentExchange(this.req.socket) === undefined) this.req.socket.destroySoon();
  }

  get #takesNothing(): boolean {
    return this.isClientGone || this.#isCut || this.#isAnswered;
  }

  /** The call is over: what is left of the request's body is of no use. */
  finishUpload(): void {
    this.upload?.stop();
    if (this.hasStreamedBody) this.discardBody();
  }

  /** X1: the client must see that this is not the whole response. */
  destroyConnection(): void {
    if (!this.headersSent || this.#takesNothing) return;
    this.#isCut = true;
    this.upload?.stop();
    this.req.socket.destroy();
  }

  /** The answer to HEAD may declare a length that it does not have. */
  #lengthOfWhole(head: ResponseHead, inlineBytes: number): number {
    return this.req.method === 'HEAD' && head.contentLength !== -1 ? head.contentLength : inlineBytes;
  }

  /** The cell keeps to the limit by itself; this is the belt to that brace. */
  #isTooLarge(bytes: number): boolean {
    const { responseBodyBytes } = this.rule!.rule;
    if (bytes <= responseBodyBytes) return false;
    this.#refuse(`limits.responseBody is ${responseBodyBytes} bytes`);
    return true;
  }

  #hasTooManyHeaders(count: number): boolean {
    const { maxHeaders } = this.rule!;
    if (count <= maxHeaders) return false;
    this.limitOfResponse = 'headers';
    this.#refuse(`${count} headers, limits.headers is ${maxHeaders}`);
    return true;
  }

  #refuse(why: string): void {
    this.#tooLarge = why;
    this.destroyConnection();
    this.caller?.cancel(this.callId, Abort.TooLarge);
  }

  #payCredit(): void {
    const bytes = this.#takenBytes + this.owedBytes;
    this.#takenBytes = 0;
    this.owedBytes = 0;
    if (bytes > 0) this.caller?.credit(this.callId, bytes);
  }

  discardBody(): void {
    discard(this.req, this.#lingers ? MAX_LINGERED_BYTES : MAX_DISCARDED_BYTES);
  }
}

/** One listener for all: a closure per request would be one too many. */
export function onExchangeClose(this: Exchange): void {
  this.onClose();
}

/** By Node's own mark of the response that a connection is at. */
export function presentExchange(socket: Duplex): Exchange | undefined {
  const present = (socket as { _httpMessage?: unknown })._httpMessage;
  return present instanceof Exchange ? present : undefined;
}

/**
 * Whether it was sent behind a request that ends the connection: it will get no answer, so nothing may be done for it (RFC 9112,
 * 9.6). Its client sees the connection end, and knows.
 */
export function isBehindTheLast(exchange: Exchange): boolean {
  const { socket } = exchange.req;
  const present = presentExchange(socket);
  return !socket.writable || (present !== undefined && present !== exchange && !present.shouldKeepAlive);
}

/** X3: whether what does not come, or is not one, is the rest of a request whose answer is out. By Node's own mark of the request that is read. */
export function isAnswered(socket: Duplex): boolean {
  const { parser } = socket as { readonly parser?: { readonly incoming?: unknown } | null };
  const read = parser?.incoming;
  return read instanceof Request && !read.complete && presentExchange(socket) === undefined;
}
