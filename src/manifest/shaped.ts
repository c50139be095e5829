import type { Digest } from '../kit/digest.ts';
import type { Component } from './generated/component.ts';
import type { Environment } from './generated/environment.ts';
import type { RolloutPolicy } from './generated/rolloutpolicy.ts';
import type { Route } from './generated/route.ts';
import type { Schedule } from './generated/schedule.ts';
import type { Parsed } from './parsed.ts';

/**
 * Artifacts whose types matter: of components that a Route calls by an exported function, that a Schedule, a probe or
 * a synthetic sample calls, that link others, or are linked.
 * The others are not read, which at ten thousand components is what makes the difference.
 */
export function shapedArtifactsOf(parsed: Parsed): {
  readonly paths: readonly string[];
  readonly digests: readonly Digest[];
} {
  const wanted = new Set<string>();
  const probing = probingPolicies(parsed);
  for (const { kind, namespace, name, value } of parsed.documents) {
    const links = kind === 'Component' ? ((value as Component).spec.links ?? []) : [];
    if (links.length > 0) wanted.add(`${namespace}/${name}`);
    if (kind === 'Component' && isProbed(value as Component, namespace, probing)) wanted.add(`${namespace}/${name}`);
    for (const { componentRef } of links) wanted.add(`${componentRef.namespace ?? namespace}/${componentRef.name}`);
    if (kind === 'Schedule') wanted.add(`${namespace}/${(value as Schedule).spec.backendRef.name}`);
    if (kind !== 'Route') continue;
    for (const { backendRef } of (value as Route).spec.rules) {
      if (backendRef.export) wanted.add(`${namespace}/${backendRef.name}`);
    }
  }
  const paths = new Set<string>();
  const digests = new Set<Digest>();
  for (const { kind, namespace, name, value } of parsed.documents) {
    if (kind !== 'Component' || !wanted.has(`${namespace}/${name}`)) continue;
    const { path, https, oci } = (value as Component).spec.source;
    const digest = https?.digest ?? oci?.digest;
    if (path !== undefined) paths.add(path.replace(/^\.\//, ''));
    else if (digest !== undefined) digests.add(digest as Digest);
  }
  return { paths: [...paths].sort(), digests: [...digests].sort() };
}

/** Policies whose synthetic samples call an exported function, by key, and whether the Environment's default is one. */
interface Probing {
  readonly policies: ReadonlySet<string>;
  readonly byDefault: boolean;
}

function probingPolicies({ documents }: Parsed): Probing {
  const policies = new Set<string>();
  for (const { kind, namespace, name, value } of documents) {
    if (kind === 'RolloutPolicy' && (value as RolloutPolicy).spec.gate?.synthetic?.export) {
      policies.add(`${namespace}/${name}`);
    }
  }
  const byDefault = documents.some(({ kind, value }) => {
    const ref = kind === 'Environment' ? (value as Environment).spec.defaults?.rolloutPolicyRef : undefined;
    return ref !== undefined && policies.has(`${ref.namespace}/${ref.name}`);
  });
  return { policies, byDefault };
}

function isProbed({ spec }: Component, namespace: string, { policies, byDefault }: Probing): boolean {
  const { probes, rollout } = spec;
  if (probes?.readiness?.export || probes?.liveness?.export || rollout?.gate?.synthetic?.export) return true;
  const ref = rollout?.policyRef;
  return ref ? policies.has(`${ref.namespace ?? namespace}/${ref.name}`) : byDefault;
}
