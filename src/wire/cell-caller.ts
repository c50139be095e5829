/**
 * The two sides of a call into a cell: who carries it there (`CellCaller`, the channel of `host/`) and who wants the
 * answer (`CellExchange`, a request of `ingress/` or of the runtime itself). Edges do not import each other; they meet
 * here.
 */
import type { GiveBack } from '../kit/lent-memory.ts';
import type { Json } from '../kit/json.ts';
import type { Code } from '../model/codes.ts';
import type { Parameters } from '../model/schedule.ts';
import type { Outcome } from './frames.ts';
import type { FunctionResult } from './function-call.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** The cell's own outcomes, and the ends that only the engine can tell. */
export type CallEnd = (typeof Outcome)[keyof typeof Outcome] | typeof LOST | typeof BROKE_PROTOCOL | typeof TAKEN_ALONG;
/** The cell died or its channel closed before the call was over. */
export const LOST = 100;
/** The cell was ended because it broke the protocol. */
export const BROKE_PROTOCOL = 101;
/** The process ended because of another cell in it: lost, and nothing that its release did. */
export const TAKEN_ALONG = 102;

/** The cell is gone, and the call with it. */
export function isLost(end: CallEnd): boolean {
  return end === LOST || end === BROKE_PROTOCOL || end === TAKEN_ALONG;
}

/** What of a call goes on in the calls that its guest makes in other cells. */
export interface Lineage {
  /** Cells that call each other before this one; 0: a call from outside. */
  readonly depth: number;
  /**
   * `Traffic`: as requests. `Preview`: with those who look at a candidate. `Mirrored`: of a copy, and without effect.
   * `Uncounted`: of probes and synthetic calls of the runtime itself.
   */
  readonly counts: 'Traffic' | 'Preview' | 'Mirrored' | 'Uncounted';
}

export const FROM_OUTSIDE: Lineage = { depth: 0, counts: 'Traffic' };

/**
 * Who wants the answer. Called synchronously and in this order: `onResponse`, `onBody`*, `onBodyEnd` or `onBodyAbort`,
 * and always, last and once, `onEnd`. Bytes given may be kept as they are (framer, R3);
 * those of a body until `giveBack`, where somebody calls it: `kit/lent-memory.ts`.
 */
export interface CellExchange {
  /** Absent: `FROM_OUTSIDE`. */
  readonly lineage?: Lineage | undefined;
  /** With `complete`, `bytes[head.bodyStart, end)` is the whole body; else body events follow. */
  onResponse(head: ResponseHead, bytes: Buffer, end: number, complete: boolean): void;
  onBody(bytes: Buffer, giveBack?: GiveBack): void;
  /** With `trailers`, names and values in turn: checked, and such as may be sent. */
  onBodyEnd(trailers: readonly string[] | undefined): void;
  /** What was sent of the body is all there will be, and it is not whole. */
  onBodyAbort(): void;
  /** The guest has read: `sendable` has grown. */
  onCredit(): void;
  /** The call is over and its id must not be used again. `detail` is the guest's or the runtime's text, at most 1 kB, for logs. */
  onEnd(end: CallEnd, detail: string): void;
}

/** What else a call of an exported function may ask for. */
export interface CallOptions {
  /** It is a command: it gets an instance of its own with these arguments, its name first, and ends with an exit code. */
  readonly command?: readonly string[];
  /** Its parameters by name; what it returns is then told as text (docs/typed-exports.md). */
  readonly parameters?: Parameters;
  /** Ends the call: the guest is stopped as at its deadline. */
  readonly signal?: AbortSignal;
}

/** A cell without a process, which the first call starts; those that come meanwhile wait for it. */
export interface Standby {
  /** `limits.queue`. */
  readonly queue: number;
  /** A code says why it cannot be started now; status has the rest. Where it is on its way already, nothing happens. */
  wake(): Code | undefined;
}

/** What a group has besides replicas that may take requests. */
export interface Beside {
  readonly standby?: Standby | undefined;
  /** Why the one that a call had started is not there. */
  readonly why?: Code | undefined;
}

/** One ready replica, as the one who has a request sees it. Ids belong to the caller and are valid until `onEnd`. */
export interface CellCaller {
  /** `namespace/name@revision#7`. */
  readonly replica: string;
  /** Calls that the cell has not ended. */
  readonly inFlight: number;
  /** `limits.concurrency` and `limits.queue` of the component. */
  readonly concurrency: number;
  readonly queue: number;
  /** False once the channel has ended: calls would be lost. */
  readonly open: boolean;

  /** Sends a request and returns its id. `deadlineAtMs` is on the clock of `performance.now()`; at it the call ends with `Outcome.Deadline`. */
  request(exchange: CellExchange, head: RequestHead, body: Uint8Array | undefined, deadlineAtMs: number): number;
  /** How many bytes of the request's body may be sent now. */
  sendable(id: number): number;
  /** Body bytes of the request, at most `MAX_CHUNK_BYTES` and `sendable`; `giveBack` is called once they have left. */
  body(id: number, chunk: Uint8Array, giveBack?: GiveBack): void;
  /** With `trailers`, names in lower case and values in turn, where there are any: they fit (`wire/trailers.ts`). */
  bodyEnd(id: number, trailers?: readonly string[]): void;
  /** No more of the request's body will come; `reason` is of `Abort`. */
  bodyAbort(id: number, reason: number): void;
  /** This many bytes of the response are with the client: as many more may come. */
  credit(id: number, bytes: number): void;
  /** Nobody wants the answer any more; `reason` is of `Abort`. `onEnd` still comes. */
  cancel(id: number, reason: number): void;
  /** Calls an exported function: health, lifecycle, a synthetic sample, a firing. */
  call(
    interfaceName: string,
    functionName: string,
    args: readonly Json[],
    timeoutMs: number,
    options?: CallOptions,
  ): Promise<FunctionResult>;
}
