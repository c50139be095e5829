/**
 * `wasi:sockets` behind the grants: judge, record, do.
 *
 * Invariants
 * S1 Nothing is bound, sent or asked of a resolver before it was judged, and each judgement leaves a record. What arrives
 *    from somebody who is not granted leaves none: anybody could write the audit.
 * S2 Nothing is bound but a port that is granted by name, and the kernel's choice on all addresses (`0.0.0.0:0`), which a UDP
 *    socket needs to send at all (D2 of `datagrams.ts`).
 */
import { isIP } from 'node:net';
import { isEntryHost } from '../../model/entry-host.ts';
import { MAX_ADDRESSES, type Endpoint, type NetworkError } from '../../wire/socket-frames.ts';
import type { Actor, Records } from '../records.ts';
import type { Resolver } from '../resolver.ts';
import type { Protocol, SocketAuthority, SocketVerdict } from './authority.ts';
import { Connection, type Lingering } from './connection.ts';
import { Datagrams } from './datagrams.ts';
import { networkErrorOf } from './failure.ts';
import type { Line, LineListener } from './line.ts';
import { Listening } from './listening.ts';
import { addressOf, hostOf, type Meanings } from './names.ts';

export const LOOKUP_TIMEOUT_MS = 10_000;
const ANY: readonly string[] = ['0.0.0.0', '::'];

export interface SocketAsker {
  readonly actor: Actor;
  readonly sockets: SocketAuthority;
  readonly mirrored: boolean;
}

export interface SocketServiceOptions {
  readonly records: Records;
  readonly wallMs: () => number;
  readonly resolver: Resolver;
}

/** What one cell's channel has beside the askers. */
export interface Place {
  readonly meanings: Meanings;
  readonly lingering: Lingering;
}

export class SocketService {
  readonly #options: SocketServiceOptions;

  constructor(options: SocketServiceOptions) {
    this.#options = options;
  }

  /** The listener hears of a refusal after this has returned. */
  connect(asker: SocketAsker, place: Place, to: Endpoint, listener: LineListener): Line {
    const connection = new Connection(listener, place.lingering);
    queueMicrotask(() => {
      const peer = this.#peer(asker, place, 'Tcp', to);
      if (typeof peer === 'string') connection.fail(peer);
      else connection.connect(peer);
    });
    return connection;
  }

  bind(asker: SocketAsker, at: Endpoint, listener: LineListener): Line {
    const listening = new Listening(listener);
    queueMicrotask(() => {
      const refused = this.#listen(asker, 'Tcp', at);
      if (refused) listening.fail(refused);
      else listening.bind(at);
    });
    return listening;
  }

  accept(listening: Listening, place: Place, listener: LineListener): Line | undefined {
    const connection = new Connection(listener, place.lingering);
    return listening.accept(connection) ? connection : undefined;
  }

  /** @param asker by the grants of the moment: a datagram is judged by those in force when it is sent. */
  datagrams(asker: () => SocketAsker, place: Place, at: Endpoint, listener: LineListener): Line {
    const open = !ANY.includes(at.address) || at.port !== 0;
    const datagrams = new Datagrams(listener, isIP(at.address) === 6 ? 6 : 4, {
      maySend: (to) => {
        const peer = this.#peer(asker(), place, 'Udp', to);
        return typeof peer === 'string' ? peer : undefined;
      },
      mayReceive: (from) => open || (this.#judged(asker(), place, 'Udp', from)?.outcome ?? 'Denied') !== 'Denied',
    });
    queueMicrotask(() => {
      const first = asker();
      const refused = open ? this.#listen(first, 'Udp', at) : first.mirrored ? 'access-denied' : undefined;
      if (refused) datagrams.fail(refused);
      else datagrams.bind(at);
    });
    return datagrams;
  }

  lookup(asker: SocketAsker, place: Place, name: string, listener: LineListener): Line {
    let wanted = true;
    const timer = setTimeout(() => answer('temporary-resolver-failure'), LOOKUP_TIMEOUT_MS);
    const answer = (said: NetworkError | readonly string[]): void => {
      if (!wanted) return;
      wanted = false;
      clearTimeout(timer);
      if (typeof said === 'string') return listener.over(said);
      listener.addresses(said);
      listener.over();
    };
    void this.#resolve(asker, place, name, () => wanted)
      .then(answer, (thrown: unknown) => answer(networkErrorOf(thrown)))
      .finally(() => listener.started());
    return {
      drop: () => {
        if (!wanted) return;
        wanted = false;
        clearTimeout(timer);
        listener.over();
      },
    };
  }

  async #resolve(
    asker: SocketAsker,
    { meanings }: Place,
    text: string,
    isWanted: () => boolean,
  ): Promise<NetworkError | readonly string[]> {
    await Promise.resolve();
    const host = hostOf(text);
    if (!host) return 'invalid-argument';
    // Its own words in another spelling: nobody is asked.
    if (host.address) return [host.text];
    // Other entries are reached by requests; nothing in the world outside is called so.
    if (isEntryHost(host.text)) return 'name-unresolvable';
    const verdict = asker.sockets.judgeLookup(host.text, asker.mirrored, this.#options.wallMs());
    this.#note(asker, 'nameLookup', verdict, host.text, { hosts: host.text });
    if (verdict.outcome === 'Denied') return 'access-denied';
    const found = await this.#options.resolver.addressesOf(asker.actor.group, host.text, isWanted);
    const texts = found.flatMap(({ address }) => addressOf(address)?.text ?? []);
    if (texts.length === 0) return 'name-unresolvable';
    if (texts.length > MAX_ADDRESSES) return 'permanent-resolver-failure';
    meanings.note(host.text, texts);
    return [...new Set(texts)];
  }

  /** The peer as it is connected to, or why it is not. */
  #peer(asker: SocketAsker, place: Place, protocol: Protocol, to: Endpoint): Endpoint | NetworkError {
    const known = addressOf(to.address);
    const verdict = this.#judged(asker, place, protocol, to);
    if (!known || !verdict) return 'invalid-argument';
    const { host } = verdict;
    const asked = `${protocol} ${host.includes(':') ? `[${host}]` : host}:${to.port}`;
    this.#note(asker, 'sockets', verdict, asked, { protocols: protocol, hosts: host, ports: String(to.port) });
    return verdict.outcome === 'Denied' ? 'access-denied' : { address: known.text, port: to.port };
  }

  #judged(asker: SocketAsker, { meanings }: Place, protocol: Protocol, to: Endpoint): SocketVerdict | undefined {
    const known = addressOf(to.address);
    if (!known || to.port < 1 || to.port > 0xffff) return undefined;
    const peer = { protocol, ...known, port: to.port, names: meanings.namesOf(known.text) };
    return asker.sockets.judgePeer(peer, asker.mirrored, this.#options.wallMs());
  }

  #listen(asker: SocketAsker, protocol: Protocol, { address, port }: Endpoint): NetworkError | undefined {
    const endpoint = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    const verdict = asker.sockets.judgeListen(protocol, endpoint, asker.mirrored, this.#options.wallMs());
    const needs = { protocols: protocol, listen: endpoint };
    this.#note(asker, 'sockets', verdict, `${protocol} listen ${endpoint}`, needs);
    return verdict.outcome === 'Denied' ? 'access-denied' : undefined;
  }

  #note(
    { actor }: SocketAsker,
    capability: string,
    verdict: SocketVerdict,
    asked: string,
    needs: Readonly<Record<string, string>>,
  ): void {
    const { records, wallMs } = this.#options;
    records.note(actor, capability, verdict, asked, wallMs(), needs);
  }
}
