import type { EntryKey, ExportRef } from './component.ts';
import { hostCovers } from './containment.ts';

export interface HeaderMatch {
  /** Lower case. */
  readonly name: string;
  readonly type: 'Exact';
  readonly value: string;
}

/** One way for a request to match, in the words of the Gateway API. An absent hostname matches every host. */
export interface Match {
  readonly hostname?: string;
  readonly path: { readonly type: 'Exact' | 'PathPrefix'; readonly value: string };
  readonly method?: string;
  readonly headers: readonly HeaderMatch[];
}

/** A rule of a Route document for one match: hostnames and matches are multiplied out. */
export interface RouteRule {
  /** `namespace/name` of the Route document. */
  readonly route: string;
  readonly match: Match;
  readonly backend: EntryKey;
  readonly export?: ExportRef;
  /** Copies of requests may write outside; absent: they may not. */
  readonly mirroredWrites?: 'Allow';
  readonly requestTimeoutMs?: number;
  readonly requestBodyBytes?: number;
}

/** The identity of a match, whoever owns it: two rules with the same key claim the same requests. */
export function matchKey(match: Match): string {
  const headers = match.headers
    .map((header) => `${header.name}=${header.value}`)
    .sort()
    .join('&');
  return [match.hostname ?? '*', match.path.type, match.path.value, match.method ?? '*', headers].join(' ');
}

/**
 * The Gateway API's order (HTTPRouteRule.matches): the most exact host, an exact path, the longest prefix, a method,
 * the most headers; then by name, so that the order never depends on where a rule was written.
 */
export function precedence(one: Match, other: Match): number {
  return (
    hostRank(other) - hostRank(one) ||
    Number(other.path.type === 'Exact') - Number(one.path.type === 'Exact') ||
    other.path.value.length - one.path.value.length ||
    Number(other.method !== undefined) - Number(one.method !== undefined) ||
    other.headers.length - one.headers.length ||
    (matchKey(one) < matchKey(other) ? -1 : 1)
  );
}

/** An exact host before a wildcard, a longer wildcard before a shorter, anything before none. */
function hostRank({ hostname }: Match): number {
  if (hostname === undefined) return 0;
  return hostname.startsWith('*.') ? hostname.length : 1000 + hostname.length;
}

/**
 * Would a rule with the match `later` take requests that one with `earlier` answers today? Names are what people own: a rule
 * for every host owns none, so one that names a host takes nothing from it.
 */
export function encroaches(later: Match, earlier: Match): boolean {
  if (!shareHost(later, earlier) || !shareRequests(later, earlier)) return false;
  return matchKey(later) === matchKey(earlier) || precedence(later, earlier) < 0;
}

function shareHost({ hostname: later }: Match, { hostname: earlier }: Match): boolean {
  if (later === undefined || earlier === undefined) return later === earlier;
  return hostCovers(earlier, later);
}

function shareRequests(one: Match, other: Match): boolean {
  if (one.method !== undefined && other.method !== undefined && one.method !== other.method) return false;
  const values = new Map(one.headers.map(({ name, value }) => [name, value]));
  if (other.headers.some(({ name, value }) => (values.get(name) ?? value) !== value)) return false;
  return holdsPath(one, other) || holdsPath(other, one);
}

function holdsPath({ path: wide }: Match, { path: narrow }: Match): boolean {
  if (wide.type === 'Exact') return narrow.type === 'Exact' && narrow.value === wide.value;
  return wide.value === '/' || narrow.value === wide.value || narrow.value.startsWith(`${wide.value}/`);
}

/** For messages. */
export function describeMatch({ hostname = '*', path, method, headers }: Match): string {
  const rest = [...(method ? [method] : []), ...headers.map((header) => `${header.name}: ${header.value}`)];
  return [`${hostname} ${path.type} ${path.value}`, ...rest].join(', ');
}
