/** What a commit changes of the settings that hold for all: they are in no attempt and take effect with the commit. */
import { hashOfJson } from '../kit/digest.ts';
import { canonicalJson, type Json } from '../kit/json.ts';
import type { Desired, EnvironmentSettings } from '../model/desired.ts';
import type { Memory } from '../model/memory.ts';

/** By the names of the manifest. `sync` and the others are compared as a whole. */
const FIELDS: readonly (readonly [keyof EnvironmentSettings, string])[] = [
  ['sync', 'sync'],
  ['tenants', 'tenants'],
  ['prune', 'prune'],
  ['freezeWindows', 'freezeWindows'],
  ['maxConcurrentRollouts', 'rollouts.maxConcurrent'],
  ['platformNamespace', 'platformNamespace'],
  ['report', 'report'],
  ['bases', 'bases'],
  ['defaultRolloutPolicy', 'defaultRolloutPolicy'],
];

export function policyHashes({ policies }: Desired): { readonly [policy: string]: string } {
  return Object.fromEntries(policies.map((policy) => [policy.name, hashOfJson(policy as unknown as Json)]));
}

/** One sentence per document; none where nothing is known of the commit before. */
export function settingsChange(
  before: Pick<Memory, 'environment' | 'policies'>,
  environment: EnvironmentSettings,
  policies: { readonly [policy: string]: string },
): readonly string[] {
  return [
    ...(before.environment ? environmentChange(before.environment, environment) : []),
    ...(before.policies ? policyChange(before.policies, policies) : []),
  ];
}

function environmentChange(before: EnvironmentSettings, after: EnvironmentSettings): readonly string[] {
  if (before.name !== after.name) return [`Environment ${after.name} takes the place of ${before.name || 'none'}`];
  const fields = FIELDS.filter(([field]) => print(before[field]) !== print(after[field])).map(([, name]) => name);
  return fields.length > 0 ? [`Environment ${after.name}: ${fields.join(', ')}`] : [];
}

function policyChange(
  before: { readonly [policy: string]: string },
  after: { readonly [policy: string]: string },
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    if (before[name] === after[name]) return [];
    if (before[name] === undefined) return [`Policy ${name} is new`];
    return [after[name] === undefined ? `Policy ${name} is gone` : `Policy ${name} is changed`];
  });
}

function print(value: unknown): string {
  return canonicalJson({ value } as { readonly value: Json });
}
