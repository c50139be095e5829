/**
 * Where one component may send which requests: its grants, and the ceilings of the Policies of its namespace. Made anew
 * with each set of grants in force and then never changed (I2).
 *
 * Invariants
 * A1 What is allowed ⊆ a grant ∩ every ceiling that enforces. Nothing is allowed by default.
 * A2 An inside address (this machine, the networks around it, the cloud's own) is reached only where a grant names it, or a
 *    block of inside addresses that holds it: also where a name leads there.
 * A3 `enforcement: Audit` lets through the schemes, ports, methods and times that it would deny, for the hosts that it
 *    names, and says that it did. It opens no other host and no inside address.
 * A4 A mirrored call sends nothing, whatever is granted or audited: any answer may have had an effect. Another entry is asked
 *    all the same: the engine tells that one whose copy it serves.
 * A5 Another entry is reached where a host names it, or `*.` and what is above it: by name alone, whatever blocks of addresses are
 *    granted. There is one way to it, so that schemes and ports of grants and ceilings are about others.
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
import { isEntryHost } from '../../model/entry-host.ts';
import type { Ceilings } from '../../model/snapshot.ts';
import { ceilingOf, expiresAtWallMs } from '../ceiling.ts';
import { PORTS, type Target } from './target.ts';

export interface HttpVerdict {
  readonly outcome: AccessOutcome;
  /** Name of the grant; empty where none is about the host. */
  readonly grant: string;
  /** Empty for `Allowed`. */
  readonly why: string;
}

interface HostGrant {
  readonly name: string;
  readonly names: readonly string[];
  readonly blocks: readonly AddressBlock[];
  readonly schemes: readonly string[];
  readonly ports: readonly number[];
  readonly methods: readonly string[] | undefined;
  readonly expiresAtWallMs: number;
  readonly audit: boolean;
}

export class HttpAuthority {
  readonly #namespace: string;
  readonly #grants: readonly HostGrant[];
  readonly #ceilings: readonly Ceilings[];
  /** A5. */
  readonly #entryCeilings: readonly Ceilings[];

  constructor(namespace: string, grants: readonly Grant[], ceilings: readonly Ceilings[]) {
    this.#namespace = namespace;
    this.#grants = grants.filter(({ capability }) => capability === 'outboundHttp').map(hostGrant);
    this.#ceilings = ceilings;
    this.#entryCeilings = ceilings.map(withoutWay);
  }

  judge(target: Target, mirrored: boolean, wallMs: number): HttpVerdict {
    const toEntry = isEntryHost(target.host);
    const grants = this.#grants.filter((grant) => names(grant, target));
    const first = grants[0];
    if (mirrored && !toEntry) return denied(first?.name ?? '', 'a mirrored call sends nothing');
    if (!first) return denied('', `no grant names ${target.host}`);
    if (toEntry && (target.scheme !== 'http' || target.port !== PORTS.http)) {
      return denied(first.name, `other entries are asked over http on port 80: http://${target.host}`);
    }
    const ceiling = ceilingOf(toEntry ? this.#entryCeilings : this.#ceilings, this.#namespace, {
      capability: 'outboundHttp',
      settings: needsOf(target),
    });
    if (ceiling.denied !== undefined) return denied(first.name, ceiling.denied);
    const fitting = grants.find((grant) => shortfall(grant, target, wallMs) === undefined);
    if (fitting) {
      if (ceiling.audited === undefined) return { outcome: 'Allowed', grant: fitting.name, why: '' };
      return { outcome: 'Audited', grant: fitting.name, why: ceiling.audited };
    }
    const lenient = grants.find(({ audit }) => audit);
    const why = shortfall(lenient ?? first, target, wallMs)!;
    return lenient ? { outcome: 'Audited', grant: lenient.name, why } : denied(first.name, why);
  }

  /** A2: what is said to an address that a name leads to; `undefined` where there is nothing to say. */
  judgeAddress(target: Target, address: Address, text: string, wallMs: number): HttpVerdict | undefined {
    if (isPublic(address)) return undefined;
    const verdict = this.judge({ ...target, host: text, address }, false, wallMs);
    if (verdict.outcome !== 'Denied') return verdict.outcome === 'Allowed' ? undefined : verdict;
    return denied(verdict.grant, `${target.host} leads to ${text}, which is inside: ${verdict.why}`);
  }
}

/** In the words of the capability. */
export function needsOf({ scheme, host, port, method }: Target): Readonly<Record<string, string>> {
  if (isEntryHost(host)) return { hosts: host, methods: method };
  return { schemes: scheme, hosts: host, ports: String(port), methods: method };
}

function hostGrant(grant: Grant): HostGrant {
  const { hosts, schemes, ports, methods } = grant.settings as {
    readonly hosts: readonly string[];
    readonly schemes: readonly string[];
    readonly ports: readonly number[];
    readonly methods?: readonly string[];
  };
  const blocks = hosts.map(parseHostBlock);
  return {
    name: grant.name,
    names: hosts.filter((_host, index) => !blocks[index]).map((host) => host.toLowerCase()),
    blocks: blocks.filter((block) => block !== undefined),
    schemes,
    ports,
    methods,
    expiresAtWallMs: expiresAtWallMs(grant),
    audit: grant.enforcement === 'Audit',
  };
}

function names({ names, blocks }: HostGrant, { host, address }: Target): boolean {
  if (!address) return names.some((name) => name === host || (name.startsWith('*.') && host.endsWith(name.slice(1))));
  const open = isPublic(address);
  return blocks.some((block) => contains(block, asBlock(address)) && (open || isInside(block)));
}

/** Why the grant, which names the host, does not cover the request; `undefined` where it does. */
function shortfall(grant: HostGrant, { scheme, host, port, method }: Target, wallMs: number): string | undefined {
  if (wallMs >= grant.expiresAtWallMs) return 'the grant has expired';
  if (!isEntryHost(host)) {
    if (!grant.schemes.includes(scheme)) return `the grant is not for ${scheme}`;
    if (!grant.ports.includes(port)) return `the grant is not for port ${port}`;
  }
  if (grant.methods && !grant.methods.includes(method)) return `the grant is not for ${method}`;
  return undefined;
}

/** A5: the same ceilings for what goes to other entries. */
function withoutWay(ceilings: Ceilings): Ceilings {
  const capabilities = ceilings.capabilities.map((one) => {
    const { schemes: _schemes, ports: _ports, ...settings } = one.settings;
    return one.capability === 'outboundHttp' ? { ...one, settings } : one;
  });
  return { ...ceilings, capabilities };
}

function denied(grant: string, why: string): HttpVerdict {
  return { outcome: 'Denied', grant, why };
}
