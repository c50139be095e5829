import { entryKey, type EntryKey } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Desired, PolicySettings } from '../../model/desired.ts';
import type { RouteRule } from '../../model/route.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey, atValue } from './assembly.ts';
import { hostCovers } from '../../model/containment.ts';
import type { RolloutSource } from './entry.ts';
import { appliesTo } from './policy.ts';

interface Claim {
  readonly document: ParsedDocument<'Component'>;
  readonly key: EntryKey;
  readonly hostname: string;
  /** Written in the component itself, not in a RolloutPolicy. */
  readonly own: boolean;
}

export interface PreviewInputs {
  readonly documents: readonly ParsedDocument<'Component'>[];
  readonly sources: ReadonlyMap<EntryKey, RolloutSource>;
  readonly rules: ReadonlyMap<EntryKey, readonly RouteRule[]>;
  readonly policies: readonly PolicySettings[];
  readonly previous: Desired | undefined;
}

/**
 * What is wrong with `blueGreen.previewHostname`. It is granted by Policy as a host of a Route is, and belongs to one
 * component. Between namespaces the one that has it in force keeps it. Whether the host opens its domain at all is not
 * known here: that is said in runtime.yaml.
 */
export function previewHostProblems(inputs: PreviewInputs): ReadonlyMap<EntryKey, readonly Diagnostic[]> {
  const claims = inputs.documents.flatMap((document) => claimOf(document, inputs.sources));
  const routed = new Map([...inputs.rules.values()].flat().map(({ match, route }) => [match.hostname, route]));
  return new Map(
    claims.map((claim) => [
      claim.key,
      [...notGranted(claim, inputs.policies), ...taken(claim, claims, routed, inputs.previous)],
    ]),
  );
}

function claimOf(document: ParsedDocument<'Component'>, sources: PreviewInputs['sources']): readonly Claim[] {
  const key = entryKey(document.namespace, document.name);
  const source = sources.get(key);
  if (!source || source.type === 'Broken') return [];
  const own = source.type === 'Inline';
  const spec = own ? source.spec : source.document.value.spec;
  const hostname = spec.strategy?.blueGreen?.previewHostname;
  return hostname === undefined ? [] : [{ document, key, hostname, own }];
}

function notGranted({ document, hostname, own }: Claim, policies: readonly PolicySettings[]): readonly Diagnostic[] {
  return (['Enforce', 'Audit'] as const).flatMap((enforcement) => {
    const granting = policies.filter(
      (policy) => policy.hostnames && policy.enforcement === enforcement && appliesTo(policy, document.namespace),
    );
    const granted = granting.flatMap((policy) => policy.hostnames!);
    if (granting.length === 0 || granted.some((bound) => hostCovers(bound, hostname))) return [];
    const names = granting.map((policy) => policy.name).join(', ');
    const message = `Policy ${names} does not grant the preview host ${hostname} to ${document.namespace}`;
    const found = at(document, own, 'HW1031', message);
    return enforcement === 'Audit' ? [{ ...found, severity: 'warning' as const }] : [found];
  });
}

function taken(
  claim: Claim,
  claims: readonly Claim[],
  routed: ReadonlyMap<string | undefined, string>,
  previous: Desired | undefined,
): readonly Diagnostic[] {
  const { document, key, hostname, own } = claim;
  const route = routed.get(hostname);
  if (route) return [at(document, own, 'HW1071', `the preview host ${hostname} is a host of the Route ${route}`)];
  const rivals = claims.filter((other) => other.hostname === hostname && other.key !== key);
  const others = rivals.filter((other) => other.document.namespace !== document.namespace);
  if (rivals.length === 0 || (rivals.length === others.length && holds(previous, key, hostname))) return [];
  const message = `the preview host ${hostname} is claimed by the Component ${rivals[0]!.key} too`;
  return [at(document, own, 'HW1071', message)];
}

function holds(previous: Desired | undefined, key: EntryKey, hostname: string): boolean {
  const strategy = previous?.entries.get(key)?.rollout.settings.strategy;
  return strategy?.type === 'BlueGreen' && strategy.previewHostname === hostname;
}

function at(
  document: ParsedDocument<'Component'>,
  own: boolean,
  code: 'HW1031' | 'HW1071',
  message: string,
): Diagnostic {
  return own
    ? atValue(document, '/spec/rollout/strategy/blueGreen/previewHostname', code, message)
    : atKey(document, '/spec/rollout', code, message);
}
