/**
 * The first calls of a cell, before it says `Loaded`: the GET that its readiness probe asks.
 *
 * The first tells whether it is ready. A second one on the same instance tells whether instances may be used again: some toolchains make
 * components for one call each, and the second one traps. So it is known before any client pays for it.
 */
import { Abort, Outcome, RESPONSE_DONE, type WarmUpCall } from '../wire/frames.ts';
import { isGoodStatus, runtimeHead } from '../wire/runtime-head.ts';
import type { HttpKind } from './exports.ts';
import type { OutcomeNumber } from './outbox.ts';
import type { InstancePool } from './pool.ts';
import { MAX_LATE_SECOND_CALLS } from './reuse.ts';
import type { Answers, RequestLimits } from './serve/answers.ts';
import { HeadwayExchange } from './serve/headway-exchange.ts';
import { WasiExchange } from './serve/wasi-exchange.ts';

/** A handler that takes longer is not judged; that is for the readiness probe. */
const MAX_WARM_UP_MS = 1000;
/** Both calls together leave half of the time to start. */
const SHARE_OF_START_TIME = 1 / 4;

const NOBODY_SAYS = (): void => {};
const NO_BODY = new Uint8Array(0);

export interface WarmUp {
  readonly http: Exclude<HttpKind, 'none'>;
  readonly call: WarmUpCall;
  readonly limits: RequestLimits;
  readonly startTimeoutMs: number;
}

interface FirstAnswer {
  readonly outcome: OutcomeNumber;
  /** Absent where no head came. */
  readonly status: number | undefined;
  readonly isWhole: boolean;
  readonly elapsedMs: number;
}

/** Whether the first call was answered as the readiness probe wants it. Where the second traps or does not end, the pool draws the conclusion. */
export async function warmUp(pool: InstancePool, warmUp: WarmUp): Promise<boolean> {
  const { proves, timeoutMs } = warmUp.call;
  if (proves && pool.reuse.policy !== 'Pooled') return false;
  const { outcome, status, isWhole, elapsedMs } = await callOnce(pool, warmUp);
  if (proves && outcome === Outcome.Ok) await callOnce(pool, warmUp);
  return outcome === Outcome.Ok && isWhole && status !== undefined && isGoodStatus(status) && elapsedMs <= timeoutMs;
}

async function callOnce(pool: InstancePool, { http, call, limits, startTimeoutMs }: WarmUp): Promise<FirstAnswer> {
  const startMs = performance.now();
  let status: number | undefined;
  let isWhole = true;
  let over: (outcome: OutcomeNumber) => void;
  const outcome = new Promise<OutcomeNumber>((resolve) => {
    over = resolve;
  });
  const unheard: Answers = {
    response: (_id, flags, answered) => {
      status = answered;
      if ((flags & RESPONSE_DONE) !== 0) over(Outcome.Ok);
    },
    body: (_id, { length }, giveBack) => {
      giveBack?.();
      exchange.credit(length);
    },
    bodyEnd: NOBODY_SAYS,
    bodyAbort: () => {
      isWhole = false;
    },
    credit: NOBODY_SAYS,
    callResult: NOBODY_SAYS,
    done: (_id, outcome) => over(outcome),
  };
  const timeoutMs = Math.min(call.timeoutMs, MAX_WARM_UP_MS, startTimeoutMs * SHARE_OF_START_TIME);
  const head = { ...runtimeHead(call.path, call.headers, timeoutMs), headerValues: valuesOf(call.headers) };
  const exchange =
    http === 'wasi'
      ? new WasiExchange(0, unheard, limits, head, NO_BODY)
      : new HeadwayExchange(0, unheard, limits, head, NO_BODY, NOBODY_SAYS);
  const timer = setTimeout(() => {
    if (exchange.cancel(Abort.Deadline)) pool.stop(exchange, 'the warm-up took too long', MAX_LATE_SECOND_CALLS);
  }, timeoutMs);
  pool.submit(exchange);
  const result = await outcome;
  clearTimeout(timer);
  return { outcome: result, status, isWhole, elapsedMs: performance.now() - startMs };
}

function valuesOf(headers: readonly string[]): (name: string) => Uint8Array[] {
  return (name) =>
    headers.flatMap((value, index) =>
      index % 2 === 1 && headers[index - 1] === name ? [Buffer.from(value, 'latin1')] : [],
    );
}
