import type { Digest } from '../kit/digest.ts';
import type { Component } from './generated/component.ts';
import type { Route } from './generated/route.ts';
import type { Schedule } from './generated/schedule.ts';
import type { Parsed } from './parsed.ts';

/**
 * Artifacts whose types matter: of components that a Route calls by an exported function, that a Schedule calls, that
 * link others, or are linked.
 * The others are not read, which at ten thousand components is what makes the difference.
 */
export function shapedArtifactsOf(parsed: Parsed): {
  readonly paths: readonly string[];
  readonly digests: readonly Digest[];
} {
  const wanted = new Set<string>();
  for (const { kind, namespace, name, value } of parsed.documents) {
    const links = kind === 'Component' ? ((value as Component).spec.links ?? []) : [];
    if (links.length > 0) wanted.add(`${namespace}/${name}`);
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
