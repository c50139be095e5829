import { entryKey } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { PolicySettings } from '../../model/desired.ts';
import type { Match, RouteRule } from '../../model/route.ts';
import type { Match as MatchSpec, Rule } from '../generated/route.ts';
import { MAX_RULES_PER_ROUTE } from '../bounds.ts';
import { ROUTE_DEFAULTS } from '../defaults.ts';
import { keyOf, type ParsedDocument } from '../parsed.ts';
import { bytesOf, milliseconds } from '../quantity.ts';
import { atKey, atValue, type Assembly } from './assembly.ts';
import { exportOf } from './called.ts';
import { hostCovers } from '../../model/containment.ts';
import { appliesTo } from './policy.ts';

/** A rule and where in the document its match is written. */
export interface WrittenRule {
  readonly rule: RouteRule;
  readonly pointer: string;
}

/** Hostnames and matches multiplied out, in the order of the document. */
export function rulesOf(document: ParsedDocument<'Route'>): readonly WrittenRule[] {
  const { hostnames, rules } = document.value.spec;
  return rules.flatMap((rule, index) => {
    const at = `/spec/rules/${index}`;
    const matches: readonly MatchSpec[] = rule.matches ?? [{}];
    return matches.flatMap((match, position) =>
      (hostnames ?? [undefined]).map((hostname) => ({
        rule: ruleOf(document, rule, matchOf(match, hostname)),
        pointer: rule.matches ? `${at}/matches/${position}` : at,
      })),
    );
  });
}

function ruleOf(document: ParsedDocument<'Route'>, rule: Rule, match: Match): RouteRule {
  const { timeouts, limits, backendRef } = rule;
  return {
    route: keyOf(document),
    match,
    backend: entryKey(document.namespace, backendRef.name),
    ...(backendRef.export ? { export: exportOf(backendRef.export) } : {}),
    ...(rule.mirroredWrites === 'Allow' ? { mirroredWrites: rule.mirroredWrites } : {}),
    ...(timeouts?.request === undefined ? {} : { requestTimeoutMs: milliseconds(timeouts.request) }),
    ...(limits?.requestBody === undefined ? {} : { requestBodyBytes: bytesOf(limits.requestBody) }),
  };
}

function matchOf({ path = {}, method, headers = [] }: MatchSpec, hostname: string | undefined): Match {
  const type = path.type ?? ROUTE_DEFAULTS.path.type;
  const value = path.value ?? ROUTE_DEFAULTS.path.value;
  return {
    ...(hostname === undefined ? {} : { hostname }),
    // A prefix is one of whole segments: `/a/` and `/a` are the same.
    path: { type, value: type === 'PathPrefix' ? value.replace(/(.)\/$/, '$1') : value },
    ...(method === undefined ? {} : { method }),
    headers: headers
      .map((header) => ({ name: header.name.toLowerCase(), type: 'Exact' as const, value: header.value }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What is wrong with one Route by itself, by its references and by the hosts it may claim. */
export function routeProblems(
  document: ParsedDocument<'Route'>,
  assembly: Assembly,
  policies: readonly PolicySettings[],
): readonly Diagnostic[] {
  const { hostnames, rules } = document.value.spec;
  const count = rules.reduce((sum, rule) => sum + (rule.matches?.length ?? 1) * (hostnames?.length ?? 1), 0);
  if (count > MAX_RULES_PER_ROUTE) {
    const message = `hostnames times matches are ${count}; at most ${MAX_RULES_PER_ROUTE} are routed`;
    return [atKey(document, '/spec/rules', 'HW1032', message)];
  }
  return [
    ...rules.flatMap((rule, index) => backendProblems(document, rule.backendRef.name, index, assembly)),
    ...rules.flatMap((rule, index) =>
      (rule.matches ?? []).flatMap((match, position) =>
        matchProblems(document, match, `/spec/rules/${index}/matches/${position}`),
      ),
    ),
    ...hostnameProblems(document, policies, 'Enforce'),
    ...hostnameProblems(document, policies, 'Audit').map((found) => ({ ...found, severity: 'warning' as const })),
  ];
}

function backendProblems(
  document: ParsedDocument<'Route'>,
  name: string,
  index: number,
  assembly: Assembly,
): readonly Diagnostic[] {
  const pointer = `/spec/rules/${index}/backendRef/name`;
  const key = entryKey(document.namespace, name);
  const { type } = assembly.find('Component', key);
  if (type === 'Found') return [];
  return type === 'Invalid'
    ? [atValue(document, pointer, 'HW1024', `the Component ${key} is invalid`)]
    : [atValue(document, pointer, 'HW1023', `there is no Component ${key}`)];
}

function matchProblems(document: ParsedDocument<'Route'>, match: MatchSpec, at: string): readonly Diagnostic[] {
  const problems: Diagnostic[] = [];
  if (match.path?.value?.split('/').some((segment) => segment === '.' || segment === '..')) {
    const message = `the path ${match.path.value} has a segment of dots: no request arrives with one`;
    problems.push(atValue(document, `${at}/path/value`, 'HW1017', message, 'write the path without `.` and `..`'));
  }
  const seen = new Set<string>();
  for (const [index, { name }] of (match.headers ?? []).entries()) {
    if (seen.has(name.toLowerCase())) {
      problems.push(atValue(document, `${at}/headers/${index}/name`, 'HW1030', `the header ${name} is matched twice`));
    }
    seen.add(name.toLowerCase());
  }
  return problems;
}

/** The hosts that the policies of the namespace grant; without such a policy every host may be claimed. */
function hostnameProblems(
  document: ParsedDocument<'Route'>,
  policies: readonly PolicySettings[],
  enforcement: PolicySettings['enforcement'],
): readonly Diagnostic[] {
  const granting = policies.filter(
    (policy) => policy.hostnames && policy.enforcement === enforcement && appliesTo(policy, document.namespace),
  );
  if (granting.length === 0) return [];
  const granted = granting.flatMap((policy) => policy.hostnames!);
  const names = granting.map((policy) => policy.name).join(', ');
  const { hostnames } = document.value.spec;
  if (!hostnames) {
    const message = `without hostnames this Route claims every host; Policy ${names} grants ${granted.join(', ') || 'none'}`;
    return [atKey(document, '/spec', 'HW1031', message, 'add spec.hostnames')];
  }
  return hostnames.flatMap((hostname, index) =>
    granted.some((bound) => hostCovers(bound, hostname))
      ? []
      : [
          atValue(
            document,
            `/spec/hostnames/${index}`,
            'HW1031',
            `Policy ${names} does not grant ${hostname} to ${document.namespace}`,
          ),
        ],
  );
}
