import type { Diagnostic } from '../../model/diagnostic.ts';
import { HeldMatches } from '../../model/held-matches.ts';
import { describeMatch, matchKey, type Match, type RouteRule } from '../../model/route.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';
import type { Claimants } from './claims.ts';

/** A match that another root of the daemon has. */
export interface ForeignClaim {
  readonly root: string;
  readonly route: string;
  readonly match: Match;
}

/** What of the fleet a repository may speak for, where a daemon follows several. */
export interface RootScope {
  /** Absent where a repository is looked at by itself: then its own `.headway.yaml` says what it may hold. */
  readonly root?: string;
  readonly namespaces: readonly string[];
  /** What the other roots have accepted or serve, at this moment. */
  readonly claimed: () => HeldMatches<ForeignClaim>;
}

/** Of one repository alone. What the others claim is known to the daemon that follows them, and to nobody else. */
export function scopeOfOne(namespaces: readonly string[]): RootScope {
  const nobody = new HeldMatches<ForeignClaim>();
  return { namespaces, claimed: () => nobody };
}

export function isForeign(scope: RootScope | undefined, namespace: string): boolean {
  return scope !== undefined && namespace !== '' && !scope.namespaces.includes(namespace);
}

export function foreignProblem({ root, namespaces }: RootScope, document: ParsedDocument): Diagnostic {
  const [who, where] = root === undefined ? ['this repository', '.headway.yaml'] : [`the root ${root}`, 'runtime.yaml'];
  const message = `${who} may not hold namespace ${document.namespace}: ${where} gives it ${namespaces.join(', ')}`;
  return atValue(document, '/metadata/namespace', 'HW1120', message);
}

/** Rules that would take requests from another root. What this root had before it keeps: then it was there first. */
export function foreignClaimProblems(
  { claimed }: RootScope,
  claimants: Claimants,
  inForce: readonly RouteRule[],
): ReadonlyMap<ParsedDocument<'Route'>, readonly Diagnostic[]> {
  const own = new Set(inForce.map(({ route, match }) => `${route} ${matchKey(match)}`));
  const held = claimed();
  const problems = new Map<ParsedDocument<'Route'>, readonly Diagnostic[]>();
  for (const { document, rules } of claimants) {
    for (const { rule, pointer } of rules) {
      if (own.has(`${rule.route} ${matchKey(rule.match)}`)) continue;
      const other = held.find(rule.match);
      if (!other) continue;
      const message = `the match ${describeMatch(rule.match)} would take requests from the Route ${other.route} of the root ${other.root} (${describeMatch(other.match)})`;
      const found = atValue(document, pointer, 'HW1121', message);
      problems.set(document, [...(problems.get(document) ?? []), found]);
    }
  }
  return problems;
}
