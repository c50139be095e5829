/**
 * A GET that the runtime itself sends into a cell: a probe or a synthetic sample. The body of the answer is read and
 * dropped.
 */
import { Deferred } from '../kit/deferred.ts';
import { LOST, type CallEnd, type CellCaller, type CellExchange } from './cell-caller.ts';
import { Outcome } from './frames.ts';
import type { ResponseHead } from './response-head.ts';
import { headerTexts, isGoodStatus, runtimeHead } from './runtime-head.ts';

export interface RuntimeAnswer {
  /** How the call ended; `Ok` with an aborted body is `NoResponse`. */
  readonly end: CallEnd;
  /** Absent where no head came. */
  readonly status?: number;
  readonly detail: string;
  readonly elapsedMs: number;
}

/** Sends the request and resolves when the call is over: at `timeoutMs` at the latest, or when the channel closes. */
export function sendRuntimeRequest(
  caller: CellCaller,
  path: string,
  headers: readonly { readonly name: string; readonly value: string }[],
  timeoutMs: number,
): Promise<RuntimeAnswer> {
  const exchange = new RuntimeExchange(caller);
  if (!caller.open) {
    exchange.onEnd(LOST, '');
    return exchange.answer;
  }
  const head = runtimeHead(path, headerTexts(headers), timeoutMs);
  exchange.id = caller.request(exchange, head, undefined, performance.now() + timeoutMs);
  return exchange.answer;
}

/** True for an answer that a probe takes as good: the guest ended well, with a status below 400. */
export function isGoodAnswer(answer: RuntimeAnswer): boolean {
  return answer.end === Outcome.Ok && answer.status !== undefined && isGoodStatus(answer.status);
}

const UNCOUNTED = { depth: 0, counts: 'Uncounted' } as const;

class RuntimeExchange implements CellExchange {
  readonly lineage = UNCOUNTED;
  id = 0;
  readonly #caller: CellCaller;
  readonly #startedAtMs = performance.now();
  readonly #deferred = new Deferred<RuntimeAnswer>();
  #status: number | undefined;
  #aborted = false;

  constructor(caller: CellCaller) {
    this.#caller = caller;
  }

  get answer(): Promise<RuntimeAnswer> {
    return this.#deferred.promise;
  }

  onResponse(head: ResponseHead): void {
    this.#status = head.status;
  }

  onBody(bytes: Buffer): void {
    this.#caller.credit(this.id, bytes.length);
  }

  onBodyEnd(): void {}

  onBodyAbort(): void {
    this.#aborted = true;
  }

  onCredit(): void {}

  onEnd(end: CallEnd, detail: string): void {
    const broken = this.#aborted && end === Outcome.Ok;
    this.#deferred.resolve({
      end: broken ? Outcome.NoResponse : end,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      detail,
      elapsedMs: performance.now() - this.#startedAtMs,
    });
  }
}
