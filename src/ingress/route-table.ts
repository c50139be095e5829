/**
 * Rules → a look-up by host, then path. The precedence is the Gateway API's: the host (exact, then the longest
 * wildcard, then any), the path (exact, then the longest prefix by segments), a method over none, more header matches
 * over fewer; the given order decides the rest. A host whose rules do not match leaves the request to the next one.
 */
import type { Match } from '../model/route.ts';
import type { RequestFacts } from './request-facts.ts';
import { normalisePath } from './target.ts';

export interface Routed {
  readonly match: Match;
}

export class RouteTable<Rule extends Routed> {
  readonly #hosts = new Map<string, HostRules<Rule>>();
  readonly #wildcards = new Map<string, HostRules<Rule>>();
  readonly #any = new HostRules<Rule>();

  constructor(rules: readonly Rule[]) {
    const ordered = [...rules].sort((a, b) => specificity(b.match) - specificity(a.match));
    for (const rule of ordered) this.#rulesOf(rule.match.hostname).add(rule);
    for (const hosts of [this.#hosts, this.#wildcards]) for (const rules of hosts.values()) rules.sortPrefixes();
    this.#any.sortPrefixes();
  }

  find(facts: RequestFacts): Rule | undefined {
    return this.#hosts.get(facts.host)?.find(facts) ?? this.#findWildcard(facts) ?? this.#any.find(facts);
  }

  #findWildcard(facts: RequestFacts): Rule | undefined {
    if (this.#wildcards.size === 0) return undefined;
    const { host } = facts;
    for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const rule = this.#wildcards.get(host.slice(dot))?.find(facts);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  #rulesOf(hostname: string | undefined): HostRules<Rule> {
    if (hostname === undefined || hostname === '*') return this.#any;
    const name = hostname.toLowerCase();
    return name.startsWith('*.') ? entry(this.#wildcards, name.slice(1)) : entry(this.#hosts, name);
  }
}

function entry<Rule extends Routed>(hosts: Map<string, HostRules<Rule>>, name: string): HostRules<Rule> {
  const rules = hosts.get(name) ?? new HostRules<Rule>();
  hosts.set(name, rules);
  return rules;
}

/** Of rules for one host and path: which is asked first. `sort` is stable, so that the given order decides ties. */
function specificity(match: Match): number {
  return (match.method === undefined ? 0 : 1_000) + match.headers.length;
}

class HostRules<Rule extends Routed> {
  readonly #exact = new Map<string, Rule[]>();
  /** By the prefix without a trailing slash; `/` is the empty one. */
  readonly #prefixes = new Map<string, Rule[]>();
  #prefixLengths: readonly number[] = [];

  add(rule: Rule): void {
    const { type, value } = rule.match.path;
    const normalised = normalisePath(value);
    const path = typeof normalised === 'string' ? normalised : value;
    const rules = type === 'Exact' ? this.#exact : this.#prefixes;
    const key = type === 'Exact' ? path : path.replace(/\/+$/, '');
    rules.set(key, [...(rules.get(key) ?? []), rule]);
  }

  sortPrefixes(): void {
    this.#prefixLengths = [...new Set([...this.#prefixes.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);
  }

  find(facts: RequestFacts): Rule | undefined {
    const { path } = facts.target;
    const exact = this.#exact.size === 0 ? undefined : firstMatch(this.#exact.get(path), facts);
    if (exact !== undefined) return exact;
    for (const length of this.#prefixLengths) {
      if (length > path.length || (length < path.length && path[length] !== '/')) continue;
      const rule = firstMatch(this.#prefixes.get(path.slice(0, length)), facts);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }
}

function firstMatch<Rule extends Routed>(rules: readonly Rule[] | undefined, facts: RequestFacts): Rule | undefined {
  return rules?.find(({ match }) => {
    if (match.method !== undefined && match.method !== facts.head.method) return false;
    return match.headers.every(({ name, value }) => facts.header(name) === value);
  });
}
