/**
 * Requests of guests to other entries, from the door to the group that answers: who asks is known by the channel that the
 * broker had the question from, and the way is that of remote calls (`remotes.ts`).
 *
 * Invariants
 * I1 A request is made for one call that a cell of this engine is serving; it has no more time than that one, is no deeper than
 *    `MAX_REMOTE_DEPTH`, and counts as that one does.
 * I2 Nothing that a guest says in a header says who it is.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { entryOfHost } from '../model/entry-host.ts';
import { MAX_REMOTE_DEPTH } from '../model/remote.ts';
import type { TellLimit } from '../model/limits.ts';
import { entryOfGroup } from '../model/snapshot.ts';
import { DOOR_HEADER, HEADERS_OF_THE_DOOR, readDoorHeader, type CallInFlight, type FindCall } from '../wire/door.ts';
import type { CompiledArm, CompiledRule } from './compiled-rule.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { InnerExchange } from './inner-exchange.ts';
import type { Remotes } from './remotes.ts';
import type { RequestFacts } from './request-facts.ts';
import { Tally } from './tally.ts';

/** From this share of its own time on, an entry that does not answer is to blame, and not its caller's haste. */
const MIN_TIME_SHARE = 0.5;

export interface InnerRequestsOptions {
  readonly onLimit: TellLimit;
  readonly token: string;
  readonly callOf: FindCall;
  readonly remotes: Remotes;
  readonly dispatcher: Dispatcher;
  readonly facts: RequestFacts;
}

export class InnerRequests {
  readonly #options: InnerRequestsOptions;
  readonly #token: Buffer;
  /** Of the runtime's own probes: it is read by nobody. */
  readonly #uncounted = new Tally();

  constructor(options: InnerRequestsOptions) {
    this.#options = options;
    this.#token = Buffer.from(options.token);
  }

  /** On whose behalf somebody asks. `Stranger`: it is not the broker. */
  identify(request: IncomingMessage): CallInFlight | 'NoCall' | 'Stranger' {
    const { rawHeaders } = request;
    const at = rawHeaders.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === DOOR_HEADER);
    const said = at === -1 ? undefined : readDoorHeader(rawHeaders[at + 1]!);
    if (!said) return 'Stranger';
    const token = Buffer.from(said.token);
    if (token.length !== this.#token.length || !timingSafeEqual(token, this.#token)) return 'Stranger';
    return this.#options.callOf(said.cell, said.call) ?? 'NoCall';
  }

  /** `facts` hold its head. `false`: it is answered already. */
  introduce(exchange: InnerExchange, call: CallInFlight | 'NoCall'): boolean {
    const { facts, remotes } = this.#options;
    if (call === 'NoCall') {
      exchange.refuse('HTTP-request-denied', 'HW4629', `${facts.host}: it is asked on behalf of no call`);
      return false;
    }
    const from = entryOfGroup(call.group);
    const target = entryOfHost(facts.host);
    exchange.introduce(call, from, target);
    if (target === undefined) {
      exchange.refuse('destination-not-found', 'HW4625', `${facts.host}: no entry has such a name`);
      return false;
    }
    // What is not there is named by guests as they like: it would be counted without a bound.
    if (remotes.has(target)) exchange.onFailed = remotes.countCall(from, target);
    const { depth } = call.lineage;
    if (depth < MAX_REMOTE_DEPTH) return true;
    const why = `${target}: it would be call ${depth + 1} in a row from entry to entry, the most is ${MAX_REMOTE_DEPTH}`;
    exchange.refuse('loop-detected', 'HW4627', why);
    return false;
  }

  /** By the snapshot in force now. */
  route(exchange: InnerExchange): void {
    const { dispatcher, remotes, facts } = this.#options;
    const { group, lineage, deadlineAtMs } = exchange.call!;
    const way = remotes.wayOf(group, exchange.target!);
    if ('why' in way) {
      if (way.type === 'Missing') exchange.refuse('destination-not-found', 'HW4625', way.why);
      else exchange.refuse('connection-refused', 'HW4626', way.why);
      return;
    }
    const isTraffic = lineage.counts === 'Traffic';
    // What is not traffic is judged by nobody, as a preview is not.
    exchange.rule = isTraffic ? way.rule : unjudged(way.rule);
    const { requestBodyBytes, requestTimeoutMs } = way.rule.rule;
    const headers = facts.headerCount - HEADERS_OF_THE_DOOR;
    if (headers > way.rule.maxHeaders) {
      this.#options.onLimit(way.rule.rule.entry, 'headers');
      const why = `${exchange.target}: ${headers} headers, its limits.headers is ${way.rule.maxHeaders}`;
      exchange.refuse('HTTP-request-header-section-size', 'HW4628', why);
      return;
    }
    if (facts.contentLength > requestBodyBytes) {
      this.#options.onLimit(way.rule.rule.entry, 'requestBody');
      const why = `${exchange.target}: a body of ${facts.contentLength} bytes, its limits.requestBody is ${requestBodyBytes}`;
      exchange.refuse('HTTP-request-body-size', 'HW4628', why);
      return;
    }
    if (exchange.acceptedAtMs === 0) {
      exchange.acceptedAtMs = performance.now();
      const ownMs = requestTimeoutMs;
      exchange.deadlineAtMs = Math.min(deadlineAtMs, exchange.acceptedAtMs + ownMs);
      exchange.isHurried = exchange.deadlineAtMs - exchange.acceptedAtMs < ownMs * MIN_TIME_SHARE;
    }
    dispatcher.admitTo(exchange, isTraffic ? way.arm : this.#counted(way.arm, lineage.counts));
  }

  #counted(arm: CompiledArm, counts: 'Preview' | 'Mirrored' | 'Uncounted'): CompiledArm {
    const { preview, mirrored } = arm.tally;
    return { ...arm, counts: { Preview: preview, Mirrored: mirrored, Uncounted: this.#uncounted }[counts] };
  }
}

function unjudged(rule: CompiledRule): CompiledRule {
  return { ...rule, preview: true };
}
