/** One call of a cell to another: it waits for room, is answered whole, and is counted once (remotes.ts). */
import { Abort, Outcome, REQUEST_IS_MIRRORED, REQUEST_IS_REMOTE, REQUEST_IS_TYPED } from '../wire/frames.ts';
import { isLost, TAKEN_ALONG, type CallEnd, type CellCaller, type CellExchange } from '../wire/cell-caller.ts';
import type { RemoteCall, RemoteHandle } from '../wire/remote-call.ts';
import { MAX_REMOTE_BYTES, RemoteStatus, type RemoteStatusNumber } from '../wire/remote-frames.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { answerOfEnd, countOfDeadline, countOfEnd, type Count } from './answers.ts';
import type { QueuedCall } from './queued.ts';
import type { RemoteWay, Way } from './remotes.ts';
import type { Tally } from './tally.ts';

const EMPTY = new Uint8Array(0);
const HEADERS = ['content-type', 'application/json'];
/** Around the payload of an `err` (docs/typed-exports.md). */
const ERROR_START_BYTES = '{"error":'.length;
const MAX_DETAIL_CHARACTERS = 400;
/** From this share of its own time on, a callee that does not answer is to blame, and not the caller's haste. */
const MIN_TIME_SHARE = 0.5;

export interface RemoteExchangeOptions {
  /** A text says why there is nobody to ask. */
  readonly find: () => Way | string;
  readonly onFailed: () => void;
}

export class RemoteExchange implements CellExchange, QueuedCall, RemoteHandle {
  deadlineAtMs: number;
  readonly #call: RemoteCall;
  readonly #way: RemoteWay;
  readonly #options: RemoteExchangeOptions;
  readonly #startedAtMs = performance.now();
  #to: Way | undefined;
  #caller: CellCaller | undefined;
  #id = 0;
  #sentAtMs = 0;
  #status = 0;
  #isWhole = false;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isTooLarge = false;
  /** Nobody waits any more; `Deadline` where the time was over. */
  #cancelled: 'Gone' | 'Deadline' | undefined;
  #isAnswered = false;

  constructor(call: RemoteCall, way: RemoteWay, options: RemoteExchangeOptions) {
    this.#call = call;
    this.#way = way;
    this.#options = options;
    this.deadlineAtMs = call.deadlineAtMs;
  }

  get lineage(): RemoteCall['lineage'] {
    return this.#call.lineage;
  }

  begin(): void {
    const to = this.#options.find();
    if (typeof to === 'string') return this.#fail(to);
    this.#to = to;
    const { target, arm } = to;
    const { body, deadlineAtMs } = this.#call;
    if (body.length > target.requestBodyBytes) {
      this.#way.onLimit(target.entry, 'requestBody');
      const limit = `limits.requestBody is ${target.requestBodyBytes}`;
      return this.#fail(`HW4619 ${target.entry}: ${body.length} bytes of arguments, its ${limit}`);
    }
    this.deadlineAtMs = Math.min(deadlineAtMs, this.#startedAtMs + target.requestTimeoutMs);
    const caller = arm.group.leastBusy();
    if (caller === undefined && !arm.group.enqueue(this)) {
      this.#overloaded(arm.group.why ?? 'every replica is busy and the queue is full');
      return;
    }
    arm.tally.inFlight++;
    if (caller) this.#send(caller);
  }

  resumeOn(caller: CellCaller): void {
    this.#send(caller);
  }

  beginAgain(): void {
    this.#to!.arm.tally.inFlight--;
    this.begin();
  }

  giveUp(): void {
    this.#to!.arm.tally.inFlight--;
    this.#overloaded('no replica became free in time');
  }

  cancel(): void {
    this.#isAnswered = true;
    this.#cancelled = performance.now() >= this.deadlineAtMs ? 'Deadline' : 'Gone';
    const { group, tally } = this.#to!.arm;
    // At its end it is counted; the guest is stopped, whatever it is at.
    if (this.#caller) this.#caller.cancel(this.#id, Abort.Draining);
    else if (group.remove(this)) tally.inFlight--;
  }

  onResponse(head: ResponseHead, bytes: Buffer, end: number, complete: boolean): void {
    this.#status = head.status;
    this.#isWhole = complete;
    if (complete) this.#take(bytes.subarray(head.bodyStart, end));
  }

  onBody(bytes: Buffer): void {
    if (this.#take(bytes)) this.#caller?.credit(this.#id, bytes.length);
    else this.#caller?.cancel(this.#id, Abort.Draining);
  }

  onBodyEnd(): void {
    this.#isWhole = true;
  }

  onBodyAbort(): void {}

  onCredit(): void {}

  onEnd(end: CallEnd, detail: string): void {
    const { arm } = this.#to!;
    arm.tally.inFlight--;
    const caller = this.#caller!;
    this.#caller = undefined;
    const failing = arm.tally.failing[this.#status] === 1;
    const count = this.#countOf(end, detail, failing);
    if (end !== Outcome.Ok && this.#cancelled !== 'Gone') this.#way.failures.note(arm.release, end, detail);
    this.#count(count);
    if (count === 'Success') arm.group.succeeded(caller);
    else if (count !== 'Overload' && count !== 'ClientAbort') arm.group.failed(caller);
    this.#reply(end, detail);
    this.#way.onRoom(arm.group);
  }

  #send(caller: CellCaller): void {
    const nowMs = performance.now();
    this.#sentAtMs = nowMs;
    this.#caller = caller;
    const { name, body, lineage } = this.#call;
    const head = {
      flags: REQUEST_IS_TYPED | REQUEST_IS_REMOTE | (lineage.counts === 'Mirrored' ? REQUEST_IS_MIRRORED : 0),
      deadlineMs: Math.max(1, Math.ceil(this.deadlineAtMs - nowMs)),
      method: 'POST',
      path: name,
      authority: 'headway.internal',
      scheme: 'http',
      headers: HEADERS,
      headerStrings: HEADERS.length,
    };
    this.#id = caller.request(this, head, body, this.deadlineAtMs);
  }

  /** `false`: more than an answer may have. */
  #take(bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    this.#isTooLarge ||= this.#bytes > Math.min(MAX_REMOTE_BYTES, this.#to!.target.responseBodyBytes);
    if (this.#isTooLarge) this.#parts = [];
    else this.#parts.push(bytes);
    return !this.#isTooLarge;
  }

  #reply(end: CallEnd, detail: string): void {
    const { entry } = this.#to!.target;
    const about = `${entry}: release ${this.#to!.arm.label}`;
    const text = detail.slice(0, MAX_DETAIL_CHARACTERS);
    if (this.#isTooLarge || end === Outcome.ResponseTooLarge) {
      const most = Math.min(MAX_REMOTE_BYTES, this.#to!.target.responseBodyBytes);
      if (most < MAX_REMOTE_BYTES) this.#way.onLimit(entry, 'responseBody');
      return this.#fail(`HW4619 ${about} answered with more than ${most} bytes`);
    }
    if (end === Outcome.Deadline) return this.#fail(`HW4615 ${about} did not answer within ${this.#timeMs} ms`);
    if (isLost(end)) return this.#fail(`HW4616 ${about}: its cell ended during the call`);
    if (end !== Outcome.Ok || !this.#isWhole) return this.#fail(`HW4614 ${about} failed: ${text || 'no answer'}`);
    const body = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    if (this.#status === 200 || this.#status === 204) return this.#answer(RemoteStatus.Ok, body);
    if (this.#status === 422) return this.#answer(RemoteStatus.Err, body.subarray(ERROR_START_BYTES, -1));
    this.#fail(`HW4618 ${about} cannot be called so: ${messageOf(body)}`);
  }

  get #timeMs(): number {
    return Math.round(this.deadlineAtMs - this.#startedAtMs);
  }

  #overloaded(why: string): void {
    const { target, arm } = this.#to!;
    const counts = this.#counts;
    if (counts) counts.overloads++;
    this.#fail(`HW4613 ${target.entry}: release ${arm.label}: ${why}`);
  }

  #fail(why: string): void {
    this.#options.onFailed();
    this.#answer(RemoteStatus.Failed, Buffer.from(why));
  }

  #answer(status: RemoteStatusNumber, body: Uint8Array): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#call.answer(status, body.length === 0 ? EMPTY : body);
  }

  /** What it counts to; nothing for the runtime's own probes. */
  get #counts(): Tally | undefined {
    const { tally } = this.#to!.arm;
    switch (this.#call.lineage.counts) {
      case 'Traffic':
        return tally.traffic;
      case 'Preview':
        return tally.preview;
      case 'Mirrored':
        return tally.mirrored;
      case 'Uncounted':
        return undefined;
    }
  }

  /** N3. */
  #countOf(end: CallEnd, detail: string, failing: boolean): Count | 'Overload' {
    if (this.#cancelled === 'Gone') return 'ClientAbort';
    const isLate = end === Outcome.Deadline || this.#cancelled === 'Deadline';
    if (isLate) {
      const given = this.deadlineAtMs - this.#startedAtMs;
      if (given < this.#to!.target.requestTimeoutMs * MIN_TIME_SHARE) return 'ClientAbort';
      return countOfDeadline(this.#startedAtMs, this.#sentAtMs, this.deadlineAtMs);
    }
    if (this.#isTooLarge) return 'Failure';
    if (end === TAKEN_ALONG) return 'Overload';
    if (this.#status !== 0 && !isLost(end)) return countOfEnd(end, failing, this.#isWhole);
    return answerOfEnd(end, detail, this.#to!.arm.tally.failing).count;
  }

  #count(count: Count | 'Overload'): void {
    const counts = this.#counts;
    if (!counts) return;
    const { tally } = this.#to!.arm;
    const isJudged = this.#call.lineage.counts === 'Traffic';
    if (count === 'ClientAbort') return void counts.clientAborts++;
    if (count === 'Overload') return void counts.overloads++;
    counts.requests++;
    counts.latency(performance.now() - this.#startedAtMs);
    if (this.#status >= 500) counts.status5xx++;
    else if (this.#status >= 400 && tally.failing[this.#status] === 0) counts.status4xx++;
    if (count === 'Success') {
      if (isJudged) this.#way.tallies.succeeded(tally);
      return;
    }
    counts.failures++;
    if (count === 'Trap') counts.traps++;
    if (count === 'Deadline') {
      counts.deadlines++;
      this.#way.onLimit(this.#to!.target.entry, 'requestTimeout');
    }
    if (isJudged) this.#way.tallies.failed(tally);
  }
}

/** What the callee's cell says in an answer of its own; foreign text, so only what is expected of it. */
function messageOf(body: Buffer): string {
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: { code?: unknown; message?: unknown } };
    return `${String(error?.code)} ${String(error?.message)}`.slice(0, MAX_DETAIL_CHARACTERS);
  } catch {
    return 'it gave no reason';
  }
}
