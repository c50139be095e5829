/**
 * Which peers one component may talk to, where it may listen and which names it may look up: its grants, and the ceilings of
 * the Policies of its namespace. Made anew with each set of grants in force and then never changed (I2).
 *
 * Invariants
 * A1 What is allowed ⊆ a grant ∩ every ceiling that enforces. Nothing is allowed by default.
 * A2 An inside address is reached only where a grant names it, or a block of inside addresses that holds it: a name that leads
 *    there does not.
 * A3 An address of the open internet is what its text says, and each name that the broker itself found to lead there for this
 *    cell: what a guest says that a name means counts for nothing.
 * A4 `enforcement: Audit` lets through the ports, protocols and times that it would deny, for the hosts that it names. It
 *    opens no other host, no inside address and no port to listen on.
 * A5 A mirrored call opens nothing.
 */
import {
  asBlock,
  contains,
  isInside,
  isPublic,
  parseHostBlock,
  type Address,
  type AddressBlock,
} from '../../model/address.ts';
import type { AccessOutcome } from '../../model/audit.ts';
import type { Grant } from '../../model/component.ts';
import type { Ceilings } from '../../model/snapshot.ts';
import { ceilingOf, expiresAtWallMs } from '../ceiling.ts';

export type Protocol = 'Tcp' | 'Udp';

export interface SocketVerdict {
  readonly outcome: AccessOutcome;
  /** Name of the grant; empty where none is about it. */
  readonly grant: string;
  /** Empty for `Allowed`. */
  readonly why: string;
  /** What it was judged as: `db.example`, `10.1.2.3`. */
  readonly host: string;
}

export interface AskedPeer {
  readonly protocol: Protocol;
  readonly address: Address;
  /** Canonical. */
  readonly text: string;
  readonly port: number;
  /** A3. */
  readonly names: readonly string[];
}

interface HostList {
  readonly names: readonly string[];
  readonly blocks: readonly AddressBlock[];
}

interface PeerGrant extends HostList {
  readonly name: string;
  readonly protocols: readonly string[];
  readonly ports: readonly number[];
  readonly listen: readonly string[];
  readonly expiresAtWallMs: number;
  readonly audit: boolean;
}

export class SocketAuthority {
  readonly #namespace: string;
  readonly #peers: readonly PeerGrant[];
  readonly #lookups: readonly PeerGrant[];
  readonly #ceilings: readonly Ceilings[];

  constructor(namespace: string, grants: readonly Grant[], ceilings: readonly Ceilings[]) {
    this.#namespace = namespace;
    this.#peers = grants.filter(({ capability }) => capability === 'sockets').map(peerGrant);
    this.#lookups = grants.filter(({ capability }) => capability === 'nameLookup').map(peerGrant);
    this.#ceilings = ceilings;
  }

  judgePeer(peer: AskedPeer, mirrored: boolean, wallMs: number): SocketVerdict {
    const { address, text, names } = peer;
    const direct = this.#judge(peer, text, (grant) => holds(grant, address), mirrored, wallMs);
    if (direct.outcome === 'Allowed') return direct;
    const named = names.map((name) => this.#judge(peer, name, (grant) => namesIt(grant, name), mirrored, wallMs));
    if (!isPublic(address)) {
      const granted = named.find(({ grant }) => grant !== '');
      if (direct.grant !== '' || !granted) return direct;
      return denied(granted.grant, `${granted.host} leads to ${text}, which is inside: ${direct.why}`, text);
    }
    const all = [direct, ...named];
    return (
      all.find(({ outcome }) => outcome === 'Allowed') ??
      all.find(({ outcome }) => outcome === 'Audited') ??
      all.find(({ grant }) => grant !== '') ??
      direct
    );
  }

  /** @param endpoint `127.0.0.1:9000`, as grants spell it. */
  judgeListen(protocol: Protocol, endpoint: string, mirrored: boolean, wallMs: number): SocketVerdict {
    const grants = this.#peers.filter(({ listen }) => listen.includes(endpoint));
    const first = grants[0];
    if (mirrored) return denied(first?.name ?? '', 'a mirrored call opens nothing', endpoint);
    if (!first) return denied('', `no grant lets it listen on ${endpoint}`, endpoint);
    const ceiling = this.#ceilingOf('sockets', { protocols: protocol, listen: endpoint });
    if (ceiling.denied !== undefined) return denied(first.name, ceiling.denied, endpoint);
    const fitting = grants.find(
      ({ protocols, expiresAtWallMs }) => protocols.includes(protocol) && wallMs < expiresAtWallMs,
    );
    if (!fitting) {
      const expired = wallMs >= first.expiresAtWallMs;
      return denied(first.name, expired ? 'the grant has expired' : `the grant is not for ${protocol}`, endpoint);
    }
    return allowed(fitting.name, ceiling.audited, endpoint);
  }

  /** @param name in canonical form, no address. */
  judgeLookup(name: string, mirrored: boolean, wallMs: number): SocketVerdict {
    const grants = this.#lookups.filter((grant) => namesIt(grant, name));
    const first = grants[0];
    if (mirrored) return denied(first?.name ?? '', 'a mirrored call asks nobody', name);
    if (!first) return denied('', `no grant names ${name}`, name);
    const ceiling = this.#ceilingOf('nameLookup', { hosts: name });
    if (ceiling.denied !== undefined) return denied(first.name, ceiling.denied, name);
    const fitting = grants.find(({ expiresAtWallMs }) => wallMs < expiresAtWallMs);
    if (fitting) return allowed(fitting.name, ceiling.audited, name);
    const lenient = grants.find(({ audit }) => audit);
    const why = 'the grant has expired';
    return lenient ? { outcome: 'Audited', grant: lenient.name, why, host: name } : denied(first.name, why, name);
  }

  #judge(
    { protocol, port }: AskedPeer,
    host: string,
    isAbout: (grant: PeerGrant) => boolean,
    mirrored: boolean,
    wallMs: number,
  ): SocketVerdict {
    const grants = this.#peers.filter(isAbout);
    const first = grants[0];
    if (mirrored) return denied(first?.name ?? '', 'a mirrored call opens nothing', host);
    if (!first) return denied('', `no grant names ${host}`, host);
    const ceiling = this.#ceilingOf('sockets', { protocols: protocol, hosts: host, ports: String(port) });
    if (ceiling.denied !== undefined) return denied(first.name, ceiling.denied, host);
    const fitting = grants.find((grant) => shortfall(grant, protocol, port, wallMs) === undefined);
    if (fitting) return allowed(fitting.name, ceiling.audited, host);
    const lenient = grants.find(({ audit }) => audit);
    const why = shortfall(lenient ?? first, protocol, port, wallMs)!;
    return lenient ? { outcome: 'Audited', grant: lenient.name, why, host } : denied(first.name, why, host);
  }

  #ceilingOf(capability: string, settings: Readonly<Record<string, unknown>>): ReturnType<typeof ceilingOf> {
    return ceilingOf(this.#ceilings, this.#namespace, { capability, settings });
  }
}

function peerGrant(grant: Grant): PeerGrant {
  const { hosts, ports, protocols, listen } = grant.settings as {
    readonly hosts?: readonly string[];
    readonly ports?: readonly number[];
    readonly protocols?: readonly string[];
    readonly listen?: readonly string[];
  };
  return {
    name: grant.name,
    ...hostList(hosts ?? []),
    protocols: protocols ?? [],
    ports: ports ?? [],
    listen: listen ?? [],
    expiresAtWallMs: expiresAtWallMs(grant),
    audit: grant.enforcement === 'Audit',
  };
}

function hostList(hosts: readonly string[]): HostList {
  const blocks = hosts.map(parseHostBlock);
  return {
    names: hosts.filter((_host, index) => !blocks[index]).map((host) => host.toLowerCase()),
    blocks: blocks.filter((block) => block !== undefined),
  };
}

function namesIt({ names }: HostList, host: string): boolean {
  return names.some((name) => name === host || (name.startsWith('*.') && host.endsWith(name.slice(1))));
}

/** A2. */
function holds({ blocks }: HostList, address: Address): boolean {
  const open = isPublic(address);
  return blocks.some((block) => contains(block, asBlock(address)) && (open || isInside(block)));
}

/** Why the grant, which names the host, does not cover the use; `undefined` where it does. */
function shortfall(grant: PeerGrant, protocol: Protocol, port: number, wallMs: number): string | undefined {
  if (wallMs >= grant.expiresAtWallMs) return 'the grant has expired';
  if (!grant.protocols.includes(protocol)) return `the grant is not for ${protocol}`;
  if (!grant.ports.includes(port)) return `the grant is not for port ${port}`;
  return undefined;
}

function allowed(grant: string, audited: string | undefined, host: string): SocketVerdict {
  if (audited === undefined) return { outcome: 'Allowed', grant, why: '', host };
  return { outcome: 'Audited', grant, why: audited, host };
}

function denied(grant: string, why: string, host: string): SocketVerdict {
  return { outcome: 'Denied', grant, why, host };
}
