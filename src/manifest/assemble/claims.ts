import type { Diagnostic } from '../../model/diagnostic.ts';
import { describeMatch, matchKey, type RouteRule } from '../../model/route.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { atValue } from './assembly.ts';
import type { WrittenRule } from './routes.ts';

interface Claim extends WrittenRule {
  readonly document: ParsedDocument<'Route'>;
}

export type Claimants = readonly {
  readonly document: ParsedDocument<'Route'>;
  readonly rules: readonly WrittenRule[];
}[];

/**
 * Matches that more than one rule claims. Within a namespace nobody can tell who is right: all claimants are invalid.
 * Between namespaces the one that has the match in force keeps it, so that a tenant cannot take another's match away;
 * Policies say who may claim a host at all.
 */
export function claimProblems(
  claimants: Claimants,
  inForce: readonly RouteRule[],
): ReadonlyMap<ParsedDocument<'Route'>, readonly Diagnostic[]> {
  const claims = new Map<string, Claim[]>();
  for (const { document, rules } of claimants) {
    for (const written of rules) {
      const key = matchKey(written.rule.match);
      claims.set(key, [...(claims.get(key) ?? []), { ...written, document }]);
    }
  }
  const owners = new Map(inForce.map((rule) => [matchKey(rule.match), rule.route]));
  const problems = new Map<ParsedDocument<'Route'>, Diagnostic[]>();
  for (const [key, rivals] of claims) {
    if (rivals.length === 1) continue;
    const owner = ownerAcrossNamespaces(rivals, owners.get(key));
    for (const claim of rivals) {
      if (claim.document === owner) continue;
      const other = rivals.find((rival) => rival !== claim)!;
      const message = `the match ${describeMatch(claim.rule.match)} is claimed by ${placeOf(other)} too`;
      const found = atValue(claim.document, claim.pointer, 'HW1025', message);
      problems.set(claim.document, [...(problems.get(claim.document) ?? []), found]);
    }
  }
  return problems;
}

function ownerAcrossNamespaces(
  rivals: readonly Claim[],
  ownerKey: string | undefined,
): ParsedDocument<'Route'> | undefined {
  const owner = rivals.find((claim) => keyOf(claim.document) === ownerKey)?.document;
  const sameNamespace = rivals.filter((claim) => claim.document.namespace === owner?.namespace);
  return sameNamespace.length === 1 ? owner : undefined;
}

function placeOf({ document, pointer }: Claim): string {
  const { span } = atValue(document, pointer, 'HW1025', '');
  return `${document.file}:${span!.line}:${span!.column}`;
}
