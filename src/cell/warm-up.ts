/**
 * May instances be used again? Some toolchains make components for one call each, and the second one traps. Two internal
 * GETs of the path that the readiness probe will ask anyway tell, before any client pays for it.
 */
import { Abort, Outcome, RESPONSE_DONE } from '../wire/frames.ts';
import type { HttpKind } from './exports.ts';
import type { OutcomeNumber } from './outbox.ts';
import type { InstancePool } from './pool.ts';
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
  readonly path: string;
  readonly limits: RequestLimits;
  readonly startTimeoutMs: number;
}

/** Runs `GET path` twice on one instance; the pool draws the conclusion where the second traps. */
export async function warmUp(pool: InstancePool, warmUp: WarmUp): Promise<void> {
  if (pool.policy !== 'Pooled') return;
  const first = await callOnce(pool, warmUp);
  if (first === Outcome.Ok) await callOnce(pool, warmUp);
}

async function callOnce(pool: InstancePool, { http, path, limits, startTimeoutMs }: WarmUp): Promise<OutcomeNumber> {
  let over: (outcome: OutcomeNumber) => void;
  const outcome = new Promise<OutcomeNumber>((resolve) => {
    over = resolve;
  });
  const unheard: Answers = {
    response: (_id, flags) => {
      if ((flags & RESPONSE_DONE) !== 0) over(Outcome.Ok);
    },
    body: (_id, bytes) => exchange.credit(bytes.length),
    bodyOf: (_id, _pieces, bytes) => exchange.credit(bytes),
    bodyEnd: NOBODY_SAYS,
    bodyAbort: NOBODY_SAYS,
    credit: NOBODY_SAYS,
    callResult: NOBODY_SAYS,
    done: (_id, outcome) => over(outcome),
  };
  const head = { method: 'GET', path, authority: 'localhost', scheme: 'http', headers: [], headerValues: () => [] };
  const exchange =
    http === 'wasi'
      ? new WasiExchange(0, unheard, limits, head, NO_BODY)
      : new HeadwayExchange(0, unheard, limits, head, NO_BODY, NOBODY_SAYS);
  const timer = setTimeout(
    () => {
      if (exchange.cancel(Abort.Deadline)) pool.stop(exchange, 'the warm-up took too long');
    },
    Math.min(MAX_WARM_UP_MS, startTimeoutMs * SHARE_OF_START_TIME),
  );
  pool.submit(exchange);
  const result = await outcome;
  clearTimeout(timer);
  return result;
}
