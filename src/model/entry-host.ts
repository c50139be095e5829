/**
 * `<name>.<namespace>.headway`: the host by which outgoing HTTP reaches another entry of this node. Such names are ours alone
 * to answer: no resolver is asked about them, and nothing outside has one.
 */
import type { EntryKey, Grant } from './component.ts';

const DOMAIN = 'headway';
const SUFFIX = `.${DOMAIN}`;

/** Also what names no entry (`headway`, `a.b.c.headway`), and patterns (`*.shop.headway`). */
export function isEntryHost(host: string): boolean {
  const spelled = host.toLowerCase();
  return spelled === DOMAIN || spelled.endsWith(SUFFIX);
}

export function hostOfEntry(key: EntryKey): string {
  const [namespace, name] = key.split('/');
  return `${name}.${namespace}${SUFFIX}`;
}

/** `undefined` where it is the name of no entry. */
export function entryOfHost(host: string): EntryKey | undefined {
  const [name, namespace, domain, ...more] = host.toLowerCase().split('.');
  if (domain !== DOMAIN || more.length > 0 || !name || name === '*' || !namespace) return undefined;
  return `${namespace}/${name}`;
}

/** The hosts of other entries that grants name, as written in lower case; most grants name none. */
export function entryHostsOf(grants: readonly Grant[]): readonly string[] {
  const written = grants
    .filter(({ capability }) => capability === 'outboundHttp')
    .flatMap(({ settings }) => settings['hosts'] as readonly string[]);
  return [...new Set(written.filter(isEntryHost).map((host) => host.toLowerCase()))].sort();
}

export function isWildcard(host: string): boolean {
  return host.startsWith('*.');
}

/** Hosts of one entry that point at another: a wildcard points at nobody, and nothing keeps itself running. */
export function pointingHosts(from: EntryKey, hosts: readonly string[]): readonly string[] {
  return hosts.filter((host) => !isWildcard(host) && entryOfHost(host) !== from);
}

/** What of the entries that there are a host of a grant stands for. */
export function entriesMeant(host: string, entries: Iterable<EntryKey>): readonly EntryKey[] {
  if (!isWildcard(host)) {
    const named = entryOfHost(host);
    return named === undefined ? [] : [named];
  }
  const below = host.slice(1);
  return [...entries].filter((key) => hostOfEntry(key).endsWith(below));
}
