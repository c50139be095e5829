/**
 * The engine's end of one cell's channel: carries calls in, answers out, and believes nothing that the cell says (W1).
 *
 * Invariants
 * C1 Every exchange hears `onEnd` once: from the cell's `Done`, at its deadline, or when the channel ends.
 * C2 What comes at the deadline is in time, what comes after it is not, whether or not the timer has noticed. A deadline ends
 *    the exchange at once; the cell then has `CANCEL_GRACE_MS` to end the call, else the owner is told
 *    to kill it. The grace is counted in turns of the timer, not in time: an engine that was itself stopped does not
 *    blame the cell.
 * C3 A violation closes the channel first and tells everybody afterwards; nothing of the bytes behind it is looked at.
 */
import type { Socket } from 'node:net';
import type { GiveBack } from '../kit/lent-memory.ts';
import { problem, type Problem } from '../model/problem.ts';
import { Call, CallTable } from '../wire/call-table.ts';
import { BROKE_PROTOCOL, type CallEnd, type CellCaller, type CellExchange } from '../wire/cell-caller.ts';
import { FrameWriter } from '../wire/encoder.ts';
import { framerFromCell, type Framer } from '../wire/framer.ts';
import * as frames from '../wire/frames.ts';
import { FromCell, Outcome, ToCell } from '../wire/frames.ts';
import { FunctionCall } from '../wire/function-call.ts';
import { writeRequest, type RequestHead } from '../wire/request-head.ts';
import { readJson } from '../wire/reports.ts';
import { ResponseReader } from '../wire/response-reader.ts';
import { readTrailers, writeTrailers } from '../wire/trailers.ts';
import { tellOwner, type CellChannelOptions, type CellOwner } from './cell-owner.ts';
import { RemoteCalls } from './remote-calls.ts';

/** Probes and exported functions come on top of `limits.concurrency`. */
export const MAX_RUNTIME_CALLS = 16;
const TICK_MS = 10;
const GRACE_TICKS = frames.CANCEL_GRACE_MS / TICK_MS;

export class CellChannel implements CellCaller {
  readonly replica: string;
  readonly concurrency: number;
  readonly queue: number;
  open = true;
  readonly #socket: Socket;
  readonly #owner: CellOwner;
  readonly #writer: FrameWriter;
  readonly #framer: Framer;
  readonly #calls: CallTable;
  readonly #responses = new ResponseReader();
  readonly #remote: RemoteCalls | undefined;
  /** Runs while calls are in flight, and at most one tick longer. */
  #ticking: NodeJS.Timeout | undefined;
  #reportedUnresponsive = false;
  /** When the frames that are looked at have come. */
  #cameAtMs = 0;
  #violation: Problem | undefined;

  /** Takes the socket over: its reading, its errors and its end. */
  constructor(socket: Socket, options: CellChannelOptions) {
    this.replica = options.replica;
    this.concurrency = options.concurrency;
    this.queue = options.queue;
    this.#owner = options.owner;
    this.#socket = socket;
    this.#writer = new FrameWriter(socket);
    this.#calls = new CallTable(options.concurrency + MAX_RUNTIME_CALLS);
    this.#remote = options.remote && new RemoteCalls(options.remote, this.#writer);
    this.#framer = framerFromCell((type, id, bytes, start, end) => this.#receive(type, id, bytes, start, end));
    socket.on('data', (chunk: Buffer) => {
      this.#cameAtMs = performance.now();
      if (!this.#framer.push(chunk) && this.#framer.violation !== undefined) this.#violate(this.#framer.violation);
    });
    // A reset says no more than the close that follows it.
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#end());
    socket.resume();
  }

  get inFlight(): number {
    return this.#calls.inUse;
  }

  /** Bytes that the cell has not taken yet. */
  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  request(exchange: CellExchange, head: RequestHead, body: Uint8Array | undefined, deadlineAtMs: number): number {
    const uploads = (head.flags & frames.REQUEST_HAS_BODY_FRAMES) !== 0;
    const state = (uploads ? Call.UploadOpen : 0) | (head.method === 'HEAD' ? Call.Bodyless : 0);
    const id = this.#take(exchange, state, deadlineAtMs);
    this.#calls.receivable[id] = frames.INITIAL_CREDIT_BYTES;
    this.#calls.sendable[id] =
      uploads && (head.flags & frames.REQUEST_AWAITS_READ) === 0 ? frames.INITIAL_CREDIT_BYTES : 0;
    writeRequest(this.#writer, id, head, body);
    return id;
  }

  sendable(id: number): number {
    return this.#calls.has(id, Call.UploadOpen) ? this.#calls.sendable[id]! : 0;
  }

  body(id: number, chunk: Uint8Array, giveBack?: GiveBack): void {
    if (chunk.length > frames.MAX_CHUNK_BYTES || chunk.length > this.sendable(id)) {
      throw new RangeError(`${chunk.length} bytes of body, ${this.sendable(id)} may be sent`);
    }
    this.#calls.sendable[id]! -= chunk.length;
    this.#writer.passOn(ToCell.Body, id, chunk, giveBack);
  }

  bodyEnd(id: number, trailers?: readonly string[]): void {
    if (!this.#closeUpload(id)) return;
    if (trailers === undefined) this.#writer.frame(ToCell.BodyEnd, id, EMPTY);
    else writeTrailers(this.#writer, ToCell.BodyEnd, id, trailers);
  }

  bodyAbort(id: number, reason: number): void {
    if (this.#closeUpload(id)) this.#writer.numberFrame(ToCell.BodyAbort, id, reason, 1);
  }

  credit(id: number, bytes: number): void {
    if (!this.#calls.has(id, Call.BodyOpen)) return;
    this.#calls.receivable[id]! += bytes;
    this.#writer.numberFrame(ToCell.Credit, id, bytes, 4);
  }

  cancel(id: number, reason: number): void {
    if (!this.#calls.isInUse(id)) return;
    this.#remote?.end(id);
    this.#writer.numberFrame(ToCell.Cancel, id, reason, 1);
  }

  /** A call that is being served, by the id that the cell has of it. */
  callOf = (id: number): ReturnType<CallTable['served']> => (this.open ? this.#calls.served(id) : undefined);

  /** Calls an exported function: health, lifecycle, a firing. */
  call: CellCaller['call'] = (interfaceName, functionName, args, timeoutMs, { command, parameters, signal } = {}) => {
    if (!this.open) return Promise.resolve({ type: 'lost' });
    if (signal?.aborted) return Promise.resolve({ type: 'stopped' });
    const call = new FunctionCall(command !== undefined || parameters !== undefined);
    const id = this.#take(call, Call.Function, performance.now() + timeoutMs);
    const more = { ...(command ? { command } : {}), ...(parameters ? { parameters } : {}) };
    this.#writer.json(ToCell.Call, id, { interface: interfaceName, function: functionName, args, ...more });
    signal?.addEventListener('abort', () => this.#stop(id, call), { once: true });
    return call.result;
  };

  /** A broker is at the other end of descriptor 4 from now on, and this is how their channel begins; absent: it is gone. */
  broker(token: Buffer | undefined): void {
    if (this.open) this.#writer.frame(ToCell.Broker, 0, token ?? EMPTY);
  }

  /** Asks the cell to finish what is in flight and to exit. */
  shutdown(deadlineMs: number): void {
    this.#writer.json(ToCell.Shutdown, 0, { deadlineMs });
  }

  /** Ends every call that is still in flight; its exchange hears how when the cell has answered. */
  cancelAll(): void {
    for (let id = 1; id <= this.#calls.capacity; id++) {
      if (this.#calls.isInUse(id)) this.#sendFinalCancel(id, frames.Abort.Draining);
    }
  }

  /** Closes the channel; the process at the other end exits. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** What was said of a call that outlived its cancel did not end the cell: it is looked at again after as long. */
  askAgain(): void {
    this.#reportedUnresponsive = false;
    this.#calls.waited.fill(0);
  }

  #take(exchange: CellExchange, state: number, deadlineAtMs: number): number {
    const id = this.#calls.take(exchange, state, deadlineAtMs);
    this.#ticking ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return id;
  }

  #closeUpload(id: number): boolean {
    const wasOpen = this.#calls.has(id, Call.UploadOpen);
    this.#calls.state[id]! &= ~Call.UploadOpen;
    return wasOpen;
  }

  #receive(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    if (!this.open) return false;
    const why = id === 0 ? tellOwner(this.#owner, type, bytes, start, end) : this.#answer(type, id, bytes, start, end);
    if (why !== undefined) this.#violate(why);
    return this.open;
  }

  /** A frame about a call. A text says why the cell must go. */
  #answer(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const calls = this.#calls;
    if (!calls.isInUse(id)) return `a frame of type ${type} for the call ${id}, which is not in flight`;
    if (this.#isLate(id, this.#cameAtMs)) this.#expire(id);
    if (type === FromCell.Remote) return this.#onRemote(id, bytes, start, end);
    const isFunction = calls.has(id, Call.Function);
    if (isFunction ? type !== FromCell.CallResult && type !== FromCell.Done : type === FromCell.CallResult) {
      return `a frame of type ${type} out of order`;
    }
    switch (type) {
      case FromCell.Response:
        return this.#onResponse(id, bytes, start, end);
      case FromCell.Body:
        return this.#onBody(id, bytes, start, end);
      case FromCell.BodyEnd:
        return this.#onBodyEnd(id, bytes, start, end);
      case FromCell.BodyAbort:
        if (!calls.has(id, Call.BodyOpen)) return 'the end of a body that was not open';
        this.#abortBody(id);
        return undefined;
      case FromCell.Done:
        return this.#onDone(id, bytes, start, end);
      case FromCell.Credit:
        return this.#onCredit(id, bytes, start, end);
      case FromCell.CallResult:
        return this.#onCallResult(id, bytes, start, end);
      default:
        return `a frame of the unknown type ${type}`;
    }
  }

  /** Of a call that is over for its owner nobody wants to know any more: the cell has been told, and may not know it yet. */
  #onRemote(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (!this.#remote) return 'a remote call, and links nobody';
    const exchange = this.#calls.exchanges[id];
    if (exchange === undefined || this.#calls.has(id, Call.Cancelled)) return undefined;
    return this.#remote.take(id, { bytes, start, end }, exchange, this.#calls.deadlineAtMs[id]!);
  }

  /** The call is over and its id free; what it still waits for in another cell ends with it. */
  #release(id: number): CellExchange | undefined {
    this.#remote?.end(id);
    return this.#calls.release(id);
  }

  #onResponse(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const calls = this.#calls;
    if (calls.has(id, Call.Answered)) return 'a second response';
    const head = this.#responses.read(bytes, start, end);
    if (typeof head === 'string') return head;
    const streams = (head.flags & frames.RESPONSE_HAS_BODY_FRAMES) !== 0;
    const bodyless = calls.has(id, Call.Bodyless) || head.status === 204 || head.status === 304;
    if (!bodyless && head.contentLength !== -1) {
      const length = end - head.bodyStart;
      if (!streams && length !== head.contentLength) return `${length} bytes, content-length ${head.contentLength}`;
      calls.missing[id] = head.contentLength;
    }
    calls.state[id]! |= streams ? Call.Answered | Call.BodyOpen : Call.Answered;
    calls.exchanges[id]?.onResponse(head, bytes, end, !streams);
    if ((head.flags & frames.RESPONSE_DONE) !== 0) this.#release(id)?.onEnd(Outcome.Ok, '');
    return undefined;
  }

  #onBody(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const calls = this.#calls;
    const length = end - start;
    if (!calls.has(id, Call.BodyOpen)) return 'a body that was not open';
    if (length === 0 || length > frames.MAX_CHUNK_BYTES) return `a chunk of ${length} bytes`;
    if (length > calls.receivable[id]!) return `${length} bytes of body with a credit of ${calls.receivable[id]}`;
    calls.receivable[id]! -= length;
    if (calls.missing[id] !== -1) {
      if (length > calls.missing[id]!) return 'a body longer than its content-length';
      calls.missing[id]! -= length;
    }
    calls.exchanges[id]?.onBody(bytes.subarray(start, end), this.#framer.lend());
    return undefined;
  }

  #onBodyEnd(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const calls = this.#calls;
    if (!calls.has(id, Call.BodyOpen)) return 'the end of a body that was not open';
    if (calls.missing[id]! > 0) return `a body ${calls.missing[id]} bytes shorter than its content-length`;
    const trailers = start === end ? undefined : readTrailers(bytes, start, end);
    if (typeof trailers === 'string') return trailers;
    calls.state[id]! &= ~Call.BodyOpen;
    calls.exchanges[id]?.onBodyEnd(trailers);
    return undefined;
  }

  #abortBody(id: number): void {
    this.#calls.state[id]! &= ~Call.BodyOpen;
    this.#calls.exchanges[id]?.onBodyAbort();
  }

  #onDone(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const outcome = start < end ? bytes[start]! : -1;
    if (!OUTCOMES.has(outcome)) return `the unknown outcome ${outcome}`;
    if (end - start - 1 > frames.MAX_OUTCOME_BYTES) return `an outcome with ${end - start - 1} bytes of text`;
    if (this.#calls.has(id, Call.BodyOpen)) this.#abortBody(id);
    const answered = this.#calls.has(id, Call.Answered);
    const exchange = this.#release(id);
    if (exchange === undefined) return undefined;
    const silent = outcome === Outcome.Ok && !answered;
    exchange.onEnd(silent ? Outcome.NoResponse : (outcome as CallEnd), bytes.toString('utf8', start + 1, end));
    return undefined;
  }

  #onCredit(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (end - start !== 4) return 'a credit that is not a number';
    const calls = this.#calls;
    const granted = bytes.readUInt32LE(start);
    // Granted before the cell could know that the body is over: late, not wrong.
    if (!calls.has(id, Call.UploadOpen)) return undefined;
    if (calls.sendable[id]! + granted > frames.INITIAL_CREDIT_BYTES) return `a credit of ${granted} bytes too many`;
    calls.sendable[id]! += granted;
    calls.exchanges[id]?.onCredit();
    return undefined;
  }

  #onCallResult(id: number, bytes: Buffer, start: number, end: number): string | undefined {
    const result = readJson(bytes, start, end);
    if (result === undefined) return 'a result that is not JSON';
    const call = this.#release(id);
    if (call instanceof FunctionCall) call.settle(result);
    return undefined;
  }

  #tick(): void {
    const calls = this.#calls;
    if (calls.inUse === 0) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
      return;
    }
    const now = performance.now();
    for (let id = 1; id <= calls.capacity; id++) {
      if (!calls.isInUse(id)) continue;
      if (calls.has(id, Call.Cancelled)) this.#awaitEnd(id);
      else if (this.#isLate(id, now)) this.#expire(id);
    }
  }

  #isLate(id: number, nowMs: number): boolean {
    return this.#calls.deadlineAtMs[id]! < nowMs && !this.#calls.has(id, Call.Cancelled);
  }

  /** Its caller wants no answer any more: as at a deadline (C2). The id may be another call's by now. */
  #stop(id: number, call: FunctionCall): void {
    if (this.#calls.exchanges[id] !== call) return;
    this.#sendFinalCancel(id, frames.Abort.Deadline);
    this.#calls.detach(id)?.onEnd(Outcome.Cancelled, '');
  }

  /** C2. */
  #expire(id: number): void {
    this.#sendFinalCancel(id, frames.Abort.Deadline);
    this.#calls.detach(id)?.onEnd(Outcome.Deadline, '');
  }

  #sendFinalCancel(id: number, reason: number): void {
    if (this.#calls.has(id, Call.Cancelled)) return;
    this.#calls.state[id]! |= Call.Cancelled;
    this.#remote?.end(id);
    this.#closeUpload(id);
    this.#writer.numberFrame(ToCell.Cancel, id, reason, 1);
  }

  #awaitEnd(id: number): void {
    if (++this.#calls.waited[id]! <= GRACE_TICKS || this.#reportedUnresponsive) return;
    this.#reportedUnresponsive = true;
    const message = `a call of ${this.replica} did not end within ${frames.CANCEL_GRACE_MS} ms of its cancel`;
    this.#owner.onUnresponsive(problem('HW4111', message));
  }

  /** C3. */
  #violate(why: string): void {
    if (!this.open) return;
    this.#violation = problem('HW4112', `${this.replica} sent ${why}`);
    this.#end();
    this.#socket.destroy();
  }

  /** C1. */
  #end(): void {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    const end = this.#violation === undefined ? this.#owner.lostBy : BROKE_PROTOCOL;
    for (let id = 1; id <= this.#calls.capacity; id++) {
      if (this.#calls.isInUse(id)) this.#release(id)?.onEnd(end, '');
    }
    this.#owner.onClosed(this.#violation);
  }
}

const EMPTY = new Uint8Array(0);
const OUTCOMES: ReadonlySet<number> = new Set(Object.values(Outcome));
