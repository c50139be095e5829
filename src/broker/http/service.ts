/**
 * `wasi:http/outgoing-handler` behind the grants: judge, resolve, judge what the name leads to, record, send. What goes to
 * another entry is judged the same way, and sent to the engine.
 *
 * Invariants
 * H1 Nothing is asked of a resolver or sent before it was judged, and each judgement leaves a record.
 * H2 One address that is not allowed denies the request, whichever others the name has: else whoever answers for the name
 *    chooses among them.
 * H3 The name of another entry is asked of no resolver and leads nowhere but through the engine's door (`wire/door.ts`); what the
 *    guest says in the runtime's own headers stays behind.
 */
import { isIP } from 'node:net';
import { parseAddress } from '../../model/address.ts';
import { isEntryHost } from '../../model/entry-host.ts';
import { doorHeaders, type Door, type DoorFailure } from '../../wire/door.ts';
import type { Actor, Records } from '../records.ts';
import type { Resolver } from '../resolver.ts';
import { needsOf, type HttpAuthority, type HttpVerdict } from './authority.ts';
import type { CheckedAddress } from './connection.ts';
import { HttpExchange, type ExchangeBounds, type ExchangeListener } from './exchange.ts';
import { failureOf } from './failure.ts';
import type { HttpRequest } from './request.ts';
import { originOf, targetOf, type Target } from './target.ts';

/** Of one name; a name with more is not connected to. */
const MAX_ADDRESSES = 64;

export interface HttpAsker {
  readonly actor: Actor;
  readonly http: HttpAuthority;
  readonly mirrored: boolean;
  /** Of the engine that has its cell, and the engine's number of that; absent where there is none to go through. */
  readonly door?: (Door & { readonly cell: number }) | undefined;
}

export interface HttpServiceOptions extends ExchangeBounds {
  readonly records: Records;
  readonly wallMs: () => number;
  readonly resolver: Resolver;
  /** The path of a socket as the kernel takes it. */
  readonly reachable?: (path: string) => string;
}

export class HttpService {
  readonly #options: HttpServiceOptions;

  constructor(options: HttpServiceOptions) {
    this.#options = options;
  }

  /** The listener hears of a refusal after this has returned. */
  begin(asker: HttpAsker, request: HttpRequest, listener: ExchangeListener): HttpExchange {
    const exchange = new HttpExchange(request, this.#options, listener);
    void this.#run(asker, request, exchange)
      .catch((thrown: unknown) => exchange.fail(failureOf(thrown, false)))
      .finally(() => listener.started());
    return exchange;
  }

  async #run(asker: HttpAsker, request: HttpRequest, exchange: HttpExchange): Promise<void> {
    await Promise.resolve();
    const target = targetOf(request.asked);
    if ('tag' in target) return exchange.fail(target);
    if (hasHeader(request.headers, 'expect')) {
      return exchange.fail({ tag: 'internal-error', text: 'expect is not sent' });
    }
    const verdict = asker.http.judge(target, asker.mirrored, this.#options.wallMs());
    if (verdict.outcome === 'Denied') {
      this.#record(asker, target, verdict);
      return exchange.fail({ tag: 'HTTP-request-denied' });
    }
    if (isEntryHost(target.host)) {
      this.#record(asker, target, verdict);
      return this.#knock(asker, target, request, exchange);
    }
    const addresses = await this.#addressesOf(asker, target, exchange).catch((thrown: unknown) =>
      failureOf(thrown, false),
    );
    if ('tag' in addresses) {
      this.#record(asker, target, verdict);
      return exchange.fail(addresses);
    }
    const prohibited = this.#record(asker, target, this.#worst(asker, target, verdict, addresses));
    if (prohibited) exchange.fail({ tag: 'destination-IP-prohibited' });
    else exchange.connect(target, { type: 'Addresses', addresses });
  }

  /** H3. */
  #knock(asker: HttpAsker, target: Target, { call }: HttpRequest, exchange: HttpExchange): void {
    const { door } = asker;
    if (!door) return exchange.fail({ tag: 'destination-unavailable' });
    const { reachable = (path: string) => path } = this.#options;
    exchange.connect(target, {
      type: 'Door',
      path: reachable(door.path),
      headers: doorHeaders(door.token, door.cell, call),
      onFailed: (failure) => this.#recordFailure(asker, target, failure),
    });
  }

  /** It was granted; why there is no answer is told with the words of the engine. */
  #recordFailure(asker: HttpAsker, target: Target, { tag, why }: DoorFailure): void {
    const isRefused = tag === 'HTTP-request-denied' || tag === 'loop-detected';
    const { grant } = asker.http.judge(target, asker.mirrored, this.#options.wallMs());
    const verdict: HttpVerdict = { outcome: isRefused ? 'Denied' : 'Allowed', grant, why };
    const { records, wallMs } = this.#options;
    records.note(asker.actor, 'outboundHttp', verdict, askedOf(target), wallMs());
  }

  async #addressesOf({ actor }: HttpAsker, target: Target, exchange: HttpExchange): Promise<readonly CheckedAddress[]> {
    if (target.address) return [{ address: target.host, family: target.address.family }];
    const found = await this.#options.resolver.addressesOf(actor.group, target.host, () => !exchange.over);
    if (found.length === 0) throw Object.assign(new Error('no address'), { code: 'ENODATA' });
    if (found.length > MAX_ADDRESSES) throw Object.assign(new Error('too many addresses'), { code: 'EAI_AGAIN' });
    return found.map(({ address }) => ({ address, family: isIP(address) }));
  }

  /** H2. */
  #worst(asker: HttpAsker, target: Target, verdict: HttpVerdict, addresses: readonly CheckedAddress[]): HttpVerdict {
    if (target.address) return verdict;
    const wallMs = this.#options.wallMs();
    let worst = verdict;
    for (const { address: text } of addresses) {
      const address = parseAddress(text);
      if (!address) return { outcome: 'Denied', grant: verdict.grant, why: `${target.host} leads to no plain address` };
      const said = asker.http.judgeAddress(target, address, text, wallMs);
      if (said?.outcome === 'Denied') return said;
      worst = said ?? worst;
    }
    return worst;
  }

  /** `true`: it was denied. Never the path: it may say what nobody should read. */
  #record({ actor }: HttpAsker, target: Target, verdict: HttpVerdict): boolean {
    const { records, wallMs } = this.#options;
    records.note(actor, 'outboundHttp', verdict, askedOf(target), wallMs(), needsOf(target));
    return verdict.outcome === 'Denied';
  }
}

function askedOf(target: Target): string {
  return `${target.method} ${originOf(target)}`;
}

/** Names and values in turn. */
function hasHeader(headers: readonly string[], wanted: string): boolean {
  return headers.some((name, at) => at % 2 === 0 && name === wanted);
}
