/**
 * Requests into cells and back: which arm, which replica, the wait for room, the second try, and the count at the end.
 *
 * Invariants
 * D1 A request that is in a cell keeps the rule that it came by, so it sees one snapshot (I2). One that only waits for a
 *    cell, and whose group loses its last replica, begins again with the snapshot in force: a swap refuses nobody (I1).
 * D2 Only a request that is held whole (without a body, or with a small one that was gathered), of which nothing was
 *    answered, and whose method is idempotent, is tried a second time, once, on another replica of the same release (I1).
 * D3 What the client caused counts for nobody: an upload or a reader that is too slow is no failure of the guest.
 * D4 Time in the queue is not the guest's: a deadline that passes after a long wait for room counts as an overload.
 * D5 Who previews a release adds neither to its traffic nor to its run of failures: people who try things are no gate.
 */
import { Outcome, Abort, REQUEST_AWAITS_READ, REQUEST_HAS_BODY_FRAMES, REQUEST_IS_TYPED } from '../wire/frames.ts';
import { isLost, TAKEN_ALONG, type Beside, type CallEnd, type CellCaller } from '../wire/cell-caller.ts';
import type { TellLimit } from '../model/limits.ts';
import type { GroupId } from '../model/snapshot.ts';
import { requestHeadFits } from '../wire/request-head.ts';
import { MAX_TRAILER_BYTES, MAX_TRAILERS } from '../wire/trailers.ts';
import { answerOfEnd, countOfDeadline, countOfEnd, REFUSALS, type Count } from './answers.ts';
import { chooseArm, type CompiledArm, type CompiledRule, type Directory } from './compiled-rule.ts';
import { sendCopy } from './copies.ts';
import type { Exchange, ExchangeOwner } from './exchange.ts';
import type { FailureLog } from './failure-log.ts';
import { IDEMPOTENT } from './idempotent.ts';
import { Group } from './group.ts';
import { isQueuedCall, type Queued } from './queued.ts';
import type { RequestFacts } from './request-facts.ts';
import { type ReleaseTally, Tallies } from './tally.ts';
import { Upload } from './upload.ts';

export interface DispatcherOptions {
  readonly facts: RequestFacts;
  /** A fresh identity for a sticky cookie. */
  readonly newClient: () => string;
  readonly onFailureRun: (release: string, run: number) => void;
  /** Begins again with a request that no cell has seen. */
  readonly reroute: (exchange: Exchange) => void;
  readonly failures: FailureLog;
  /** A replica gets no requests for a while, or may have them again. */
  readonly onEjected: () => void;
  readonly onLimit: TellLimit;
}

export class Dispatcher implements Directory, ExchangeOwner {
  readonly tallies: Tallies;
  /** The listener goes: connections end with the response that they are at. */
  isClosing = false;
  readonly #facts: RequestFacts;
  readonly #newClient: () => string;
  readonly #reroute: (exchange: Exchange) => void;
  readonly #failures: FailureLog;
  readonly #onEjected: () => void;
  readonly #onLimit: TellLimit;
  readonly #groups = new Map<GroupId, Group<Queued>>();
  /** A call is over, so that its group may have room for what waits. */
  readonly onRoom = (group: Group<Queued>): void => this.#pump(group);

  constructor(options: DispatcherOptions) {
    this.#facts = options.facts;
    this.#newClient = options.newClient;
    this.#reroute = options.reroute;
    this.#failures = options.failures;
    this.#onEjected = options.onEjected;
    this.#onLimit = options.onLimit;
    this.tallies = new Tallies(options.onFailureRun);
  }

  group(id: GroupId): Group<Queued> {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = new Group<Queued>(id, {
      onTimeout: (queued) => this.#giveUpWaiting(queued),
      onRoom: this.onRoom,
      onEjected: this.#onEjected,
      onLimit: this.#onLimit,
    });
    this.#groups.set(id, group);
    return group;
  }

  groups(): Iterable<Group<Queued>> {
    return this.#groups.values();
  }

  tally(release: string, group: GroupId): ReleaseTally {
    return this.tallies.of(release, group);
  }

  setReplicas(id: GroupId, callers: readonly CellCaller[], beside: Beside = {}): void {
    const group = this.group(id);
    group.replace(callers, beside);
    if (group.isReady) this.#pump(group);
    else if (!group.takesRequests) this.#rerouteWaiting(group);
  }

  /**
   * What a snapshot names from now on. What waited for a singleton that another takes over from begins again with it, in
   * its order (D1); groups that no arm names and that nothing waits for are let go of.
   */
  retain(groups: ReadonlySet<GroupId>, mailboxes: ReadonlyMap<GroupId, number>): void {
    for (const [id, group] of this.#groups) {
      group.mailbox = mailboxes.get(id) ?? 0;
      if (group.waiting > 0 && !group.takesRequests) this.#rerouteWaiting(group);
      if (!groups.has(id) && group.isEmpty) this.#groups.delete(id);
    }
  }

  /** Sends a request on its way. `facts` hold this request's head now. */
  admit(exchange: Exchange, rule: CompiledRule): void {
    const choice = chooseArm(rule, this.#facts, this.#newClient);
    if (choice.arm === undefined) {
      if (choice.tried !== undefined) exchange.arm = choice.tried;
      const { reason = REFUSALS.NoReplica.reason, message } = rule.rule.unavailable ?? {};
      exchange.answer({ ...REFUSALS.NoReplica, reason }, message ?? choice.tried?.group.why ?? '');
      return;
    }
    exchange.setCookie = choice.newCookie;
    if (!this.admitTo(exchange, choice.arm) || !rule.mirror?.takes(exchange)) return;
    if (choice.arm.call !== undefined) this.#facts.restorePath();
    sendCopy(exchange, this.#facts.head, rule.mirror, this.onRoom);
  }

  /** The same where the arm is known. `false`: there is no room, and that is answered. */
  admitTo(exchange: Exchange, arm: CompiledArm): boolean {
    exchange.arm = arm;
    const caller = arm.group.leastBusy();
    if (caller !== undefined) {
      arm.tally.inFlight++;
      this.#send(exchange, caller);
    } else if (arm.group.enqueue(exchange)) arm.tally.inFlight++;
    else {
      arm.counts.overloads++;
      if (arm.group.why === undefined) exchange.answer(REFUSALS.QueueFull);
      else exchange.answer(REFUSALS.NoReplica, arm.group.why);
      return false;
    }
    return true;
  }

  onCallEnd(exchange: Exchange, end: CallEnd, detail: string): void {
    const { caller } = exchange;
    exchange.caller = undefined;
    const { group } = exchange.arm!;
    if (!this.#mayTryAgain(exchange, end) || !this.#tryAgain(exchange, caller))
      this.#settle(exchange, caller, end, detail);
    this.#pump(group);
  }

  onClientGone(exchange: Exchange): void {
    if (exchange.caller !== undefined) {
      // The call is over when the cell says so; then it is counted.
      if (exchange.hasStreamedBody) exchange.caller.bodyAbort(exchange.callId, Abort.ClientGone);
      exchange.caller.cancel(exchange.callId, Abort.ClientGone);
    } else if (exchange.arm?.group.remove(exchange)) {
      exchange.arm.tally.inFlight--;
      exchange.arm.counts.clientAborts++;
    }
  }

  #send(exchange: Exchange, caller: CellCaller): void {
    const { head } = this.#facts;
    head.flags = exchange.headFlags | (exchange.hasStreamedBody ? REQUEST_HAS_BODY_FRAMES : 0);
    if (exchange.awaitsContinue) head.flags |= REQUEST_AWAITS_READ;
    const { call } = exchange.arm!;
    if (call !== undefined) {
      head.flags |= REQUEST_IS_TYPED;
      head.path = call;
    }
    const nowMs = performance.now();
    if (exchange.sentAtMs === 0) exchange.sentAtMs = nowMs;
    head.deadlineMs = Math.max(1, Math.ceil(exchange.deadlineAtMs - nowMs));
    if (!requestHeadFits(head)) {
      exchange.arm!.tally.inFlight--;
      exchange.answer(REFUSALS.TooManyHeaders);
      return;
    }
    exchange.caller = caller;
    exchange.callId = caller.request(exchange, head, exchange.body, exchange.deadlineAtMs);
    if (exchange.hasStreamedBody) exchange.upload = this.#upload(exchange, caller);
  }

  /** Of a request that is not the present one: its head is read again. */
  #resend(exchange: Exchange, caller: CellCaller): void {
    this.#facts.read(exchange.req, exchange.requestId, exchange.asker);
    this.#send(exchange, caller);
  }

  #upload(exchange: Exchange, caller: CellCaller): Upload {
    return new Upload(caller, exchange.callId, {
      request: exchange.req,
      maxBytes: exchange.rule!.rule.requestBodyBytes,
      awaitsRead: exchange.awaitsContinue,
      onContinue: () => exchange.writeContinue(),
      onTooLarge: () => {
        this.#onLimit(exchange.rule!.rule.entry, 'requestBody');
        if (exchange.headersSent) exchange.destroyConnection();
        exchange.endWithAnswer();
        exchange.answer(REFUSALS.BodyTooLarge);
        caller.cancel(exchange.callId, Abort.TooLarge);
      },
      onTooManyTrailers: () => {
        if (exchange.headersSent) exchange.destroyConnection();
        else exchange.answer(REFUSALS.TooManyTrailers, `at most ${MAX_TRAILERS} in ${MAX_TRAILER_BYTES} bytes`);
        caller.cancel(exchange.callId, Abort.TrailersTooLarge);
      },
    });
  }

  /** Room in a group: who has waited longest goes first. */
  #pump(group: Group<Queued>): void {
    while (group.waiting > 0) {
      const caller = group.leastBusy();
      if (caller === undefined) return;
      const queued = group.dequeue()!;
      if (queued.deadlineAtMs < performance.now()) this.#giveUpWaiting(queued);
      else if (isQueuedCall(queued)) queued.resumeOn(caller);
      else this.#resend(queued, caller);
    }
  }

  /** D2. */
  #mayTryAgain(exchange: Exchange, end: CallEnd): boolean {
    if (!isLost(end)) return false;
    if (exchange.retried || exchange.isClientGone || exchange.status !== 0) return false;
    return !exchange.hasStreamedBody && IDEMPOTENT.has(exchange.req.method!);
  }

  /** `false` where no other replica of the release is ready. */
  #tryAgain(exchange: Exchange, except: CellCaller | undefined): boolean {
    const { group } = exchange.arm!;
    const other = group.leastBusy(except);
    if (other === undefined) return (exchange.retried = group.isReady && group.enqueue(exchange));
    exchange.retried = true;
    this.#resend(exchange, other);
    return true;
  }

  /** The call is over and there is no second try: answers what is unanswered, and counts (X2). */
  #settle(exchange: Exchange, caller: CellCaller | undefined, end: CallEnd, detail: string): void {
    exchange.arm!.tally.inFlight--;
    exchange.finishUpload();
    if (end !== Outcome.Ok && !exchange.isClientGone) this.#failures.note(exchange.arm!.release, end, detail);
    if (end === Outcome.ResponseTooLarge) this.#onLimit(exchange.rule!.rule.entry, exchange.limitOfResponse);
    if (exchange.status !== 0 || exchange.headersSent) {
      if (end === TAKEN_ALONG) exchange.arm!.counts.overloads++;
      else this.#count(exchange, caller, this.#countOfAnswered(exchange, end), exchange.status);
      if (!exchange.isWhole) exchange.destroyConnection();
      return;
    }
    if (end === Outcome.Deadline && exchange.upload?.waitsForClient) {
      exchange.answer(REFUSALS.RequestTimeout);
      this.#count(exchange, caller, 'ClientAbort', 408);
      return;
    }
    const row = answerOfEnd(end, detail, exchange.arm!.tally.failing);
    exchange.answer(row, end === Outcome.ErrorCode || end === Outcome.ResponseTooLarge ? detail : '');
    // Like a machine that is overloaded: not what the release did.
    if (end === TAKEN_ALONG) exchange.arm!.counts.overloads++;
    else this.#count(exchange, caller, row.count, end === Outcome.ErrorCode ? row.status : 0);
  }

  #countOfAnswered(exchange: Exchange, end: CallEnd): Count {
    // D3: the guest waited for its reader, or the refusal was ours (413).
    if (end === Outcome.Deadline && exchange.owedBytes > 0) return 'ClientAbort';
    if (exchange.status === 0) return 'ClientAbort';
    return countOfEnd(end, exchange.arm!.tally.failing[exchange.status] === 1, exchange.isWhole);
  }

  /** `status` is the guest's own, 0 where it gave none. */
  #count(exchange: Exchange, caller: CellCaller | undefined, count: Count, status: number): void {
    const { tally, counts, group } = exchange.arm!;
    if (count === 'ClientAbort' || exchange.isClientGone || (count === 'Deadline' && exchange.isHurried)) {
      counts.clientAborts++;
      return;
    }
    const { acceptedAtMs, sentAtMs, deadlineAtMs } = exchange;
    // A status of 5xx is the guest's own word, whenever it came.
    if (count === 'Deadline' && status < 500 && countOfDeadline(acceptedAtMs, sentAtMs, deadlineAtMs) === 'Overload') {
      counts.overloads++;
      return;
    }
    counts.requests++;
    counts.latency(performance.now() - exchange.acceptedAtMs);
    if (status >= 500) counts.status5xx++;
    else if (status >= 400 && tally.failing[status] === 0) counts.status4xx++;
    const isJudged = !exchange.rule!.preview;
    if (count === 'Success') {
      if (caller !== undefined) group.succeeded(caller);
      if (isJudged) this.tallies.succeeded(tally);
      return;
    }
    counts.failures++;
    if (caller !== undefined) group.failed(caller);
    if (count === 'Trap') counts.traps++;
    if (count === 'Deadline') {
      counts.deadlines++;
      this.#onLimit(exchange.rule!.rule.entry, 'requestTimeout');
    }
    if (isJudged) this.tallies.failed(tally);
  }

  #giveUpWaiting(exchange: Queued): void {
    if (isQueuedCall(exchange)) return exchange.giveUp();
    exchange.arm!.tally.inFlight--;
    exchange.arm!.counts.overloads++;
    exchange.answer(REFUSALS.QueueTimeout);
  }

  /** D1. */
  #rerouteWaiting(group: Group<Queued>): void {
    const waiting: Queued[] = [];
    for (let left = group.dequeue(); left !== undefined; left = group.dequeue()) waiting.push(left);
    for (const exchange of waiting) {
      if (isQueuedCall(exchange)) {
        exchange.beginAgain();
        continue;
      }
      exchange.arm!.tally.inFlight--;
      this.#reroute(exchange);
    }
  }
}
