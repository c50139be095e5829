/**
 * Copies of visitors' requests to a candidate (a canary step with `mirror`). Nobody waits for them, their answers are
 * dropped, and they are counted by themselves.
 *
 * Invariants
 * C1 A copy is sent after its original is on its way, and shares nothing with it but the bytes that both read.
 * C2 Only what is safe by its method (RFC 9110 §9.2.1) and whose body, if any, has been gathered whole is copied, once.
 * C3 A copy takes at most half of a replica's places, never waits for one, and `MAX_COPIES_IN_FLIGHT` of a release are
 *    out at once; others are not sent and counted as overloads of the copies.
 * C4 It carries `REQUEST_IS_MIRRORED` into the cell, so that whatever reaches outside can be denied there, unless its
 *    Route allows it.
 */
import { isLost, TAKEN_ALONG, type CallEnd, type CellCaller, type CellExchange } from '../wire/cell-caller.ts';
import { Abort, Outcome, REQUEST_IS_MIRRORED, REQUEST_IS_TYPED } from '../wire/frames.ts';
import { requestHeadFits, type RequestHead } from '../wire/request-head.ts';
import type { ResponseHead } from '../wire/response-head.ts';
import { answerOfEnd, countOfEnd } from './answers.ts';
import type { CompiledArm, CompiledRule } from './compiled-rule.ts';
import type { Exchange } from './exchange.ts';
import type { Group } from './group.ts';
import type { Queued } from './queued.ts';

export const MAX_COPIES_IN_FLIGHT = 32;

const COPIED: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Says when a request to another arm is to be copied: exactly `percent` of a hundred, spread evenly. */
export class Mirror {
  readonly arm: CompiledArm;
  readonly percent: number;
  #due = 0;

  constructor(arm: CompiledArm, percent: number, before: Mirror | undefined) {
    this.arm = arm;
    this.percent = percent;
    if (before?.percent === percent && before.arm.release === arm.release) this.#due = before.#due;
  }

  takes(exchange: Exchange): boolean {
    if (exchange.isCopied || exchange.hasStreamedBody || !COPIED.has(exchange.req.method!)) return false;
    if (exchange.arm === this.arm) return false;
    this.#due += this.percent;
    if (this.#due < 100) return false;
    this.#due -= 100;
    return true;
  }
}

/** Sends a copy of the request whose head this is now, where there is room; `onRoom` is told when it is over. */
export function sendCopy(
  exchange: Exchange,
  head: RequestHead,
  { arm }: Mirror,
  onRoom: (group: Group<Queued>) => void,
): void {
  exchange.isCopied = true;
  const { mirrored } = arm.tally;
  const caller = roomIn(arm);
  // The release that gets the copy may answer by another function than the one that got the original, or by none.
  if (arm.call !== undefined) head.path = arm.call;
  if (caller === undefined || arm.tally.copies >= MAX_COPIES_IN_FLIGHT || !requestHeadFits(head)) {
    mirrored.overloads++;
    return;
  }
  const copy = new Copy(caller, arm, exchange.rule!, onRoom);
  arm.tally.copies++;
  head.flags = (arm.copiesMayWrite ? 0 : REQUEST_IS_MIRRORED) | (arm.call === undefined ? 0 : REQUEST_IS_TYPED);
  head.deadlineMs = Math.max(1, Math.ceil(exchange.deadlineAtMs - copy.startedAtMs));
  copy.id = caller.request(copy, head, exchange.body, exchange.deadlineAtMs);
}

/** C3. A replica with one place takes no copies while visitors may need it. */
function roomIn({ group, takesRequests }: CompiledArm): CellCaller | undefined {
  const alone = takesRequests ? 0 : 1;
  let best: CellCaller | undefined;
  for (const caller of group.callers) {
    const places = caller.concurrency === 1 ? alone : Math.floor(caller.concurrency / 2);
    if (!caller.open || caller.inFlight >= places) continue;
    if (best === undefined || caller.inFlight < best.inFlight) best = caller;
  }
  return best;
}

const MIRRORED = { depth: 0, counts: 'Mirrored' } as const;

class Copy implements CellExchange {
  readonly lineage = MIRRORED;
  id = 0;
  readonly startedAtMs = performance.now();
  readonly #caller: CellCaller;
  readonly #arm: CompiledArm;
  readonly #rule: CompiledRule;
  readonly #onRoom: (group: Group<Queued>) => void;
  #status = 0;
  #bytes = 0;
  #isWhole = false;

  constructor(caller: CellCaller, arm: CompiledArm, rule: CompiledRule, onRoom: (group: Group<Queued>) => void) {
    this.#caller = caller;
    this.#arm = arm;
    this.#rule = rule;
    this.#onRoom = onRoom;
  }

  onResponse(head: ResponseHead, _bytes: Buffer, _end: number, complete: boolean): void {
    this.#status = head.status;
    this.#isWhole = complete;
  }

  onBody(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#rule.rule.responseBodyBytes) this.#caller.cancel(this.id, Abort.TooLarge);
    else this.#caller.credit(this.id, bytes.length);
  }

  onBodyEnd(): void {
    this.#isWhole = true;
  }

  onBodyAbort(): void {}

  onCredit(): void {}

  onEnd(end: CallEnd, detail: string): void {
    const { tally } = this.#arm;
    tally.copies--;
    this.#count(end, detail);
    this.#onRoom(this.#arm.group);
  }

  #count(end: CallEnd, detail: string): void {
    if (end === TAKEN_ALONG) return;
    const { mirrored, failing } = this.#arm.tally;
    const row = answerOfEnd(end, detail, failing);
    const answered = this.#status !== 0;
    const status = answered ? this.#status : end === Outcome.ErrorCode ? row.status : 0;
    const count = answered && !isLost(end) ? countOfEnd(end, failing[status] === 1, this.#isWhole) : row.count;
    mirrored.requests++;
    mirrored.latency(performance.now() - this.startedAtMs);
    if (status >= 500) mirrored.status5xx++;
    else if (status >= 400 && failing[status] === 0) mirrored.status4xx++;
    if (count === 'Success') return;
    mirrored.failures++;
    if (count === 'Trap') mirrored.traps++;
    if (count === 'Deadline') mirrored.deadlines++;
  }
}
