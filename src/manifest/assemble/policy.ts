import type { CapabilityCeiling, InvalidDocument, PolicySettings } from '../../model/desired.ts';
import type { Ceiling, LimitCeiling, Policy } from '../generated/policy.ts';
import { POLICY_DEFAULTS } from '../defaults.ts';
import { bytesOf, milliseconds, processorMillis, share } from '../quantity.ts';
import { defaultsOf } from './roles.ts';
import { signatureRules } from './signatures.ts';
import type { Tenancy } from './tenancy.ts';
import type { Assembly } from './assembly.ts';

export function policySettings(name: string, spec: Policy['spec']): PolicySettings {
  const { limits, rollout = {}, artifacts } = spec;
  return {
    name,
    namespaces: [...spec.namespaces].sort(),
    enforcement: spec.enforcement ?? POLICY_DEFAULTS.enforcement,
    ...(spec.hostnames ? { hostnames: [...spec.hostnames].sort() } : {}),
    limits: ceilingsOfLimits(limits),
    isolation: [...(spec.isolation ?? [])].sort(),
    ...(spec.capabilities ? { capabilities: spec.capabilities.map(ceilingOf) } : {}),
    // Who only says who signs does not say from where.
    ...(artifacts && (artifacts.registries || artifacts.httpsHosts || !artifacts.signatures)
      ? { artifacts: { registries: artifacts.registries ?? [], httpsHosts: artifacts.httpsHosts ?? [] } }
      : {}),
    ...(artifacts?.signatures ? { signatures: signatureRules(artifacts) } : {}),
    rollout: {
      ...(rollout.minBake === undefined ? {} : { minBakeMs: milliseconds(rollout.minBake) }),
      ...(rollout.maxTolerableErrors === undefined ? {} : { maxTolerableErrors: share(rollout.maxTolerableErrors) }),
      allowEmergency: rollout.allowEmergency ?? POLICY_DEFAULTS.rollout.allowEmergency,
    },
  };
}

function ceilingsOfLimits(limits: LimitCeiling = {}): PolicySettings['limits'] {
  const { memory, cpu, startTimeout, responseBody, logBytesPerSecond, ...counts } = limits;
  return {
    ...counts,
    ...(memory === undefined ? {} : { memoryBytes: bytesOf(memory) }),
    ...(cpu === undefined ? {} : { cpuMillis: processorMillis(cpu) }),
    ...(startTimeout === undefined ? {} : { startTimeoutMs: milliseconds(startTimeout) }),
    ...(responseBody === undefined ? {} : { responseBodyBytes: bytesOf(responseBody) }),
    ...(logBytesPerSecond === undefined ? {} : { logBytesPerSecond: bytesOf(logBytesPerSecond) }),
  };
}

/** Quotas are a grant's: a ceiling has none. */
function ceilingOf({ name, ...capabilities }: Ceiling): CapabilityCeiling {
  const [capability, settings] = Object.entries(capabilities)[0]!;
  const defaults = Object.entries(defaultsOf(capability)).filter(([field]) => !field.startsWith('max'));
  return { name, capability, settings: { ...Object.fromEntries(defaults), ...settings } };
}

export function appliesTo(policy: PolicySettings, namespace: string): boolean {
  return policy.namespaces.includes('*') || policy.namespaces.includes(namespace);
}

export interface PoliciesInForce {
  readonly policies: readonly PolicySettings[];
  /** Policies that are invalid and never were valid: what they would forbid is not known. */
  readonly unknown: readonly string[];
}

/**
 * The valid policies, and for each that is invalid (or may stand in a file that cannot be read) its last valid form.
 * A policy that was deleted is gone.
 */
export function policiesInForce(
  assembly: Assembly,
  tenancy: Tenancy,
  unreadableFiles: readonly string[],
  previous: readonly PolicySettings[],
): PoliciesInForce {
  const valid = assembly.all('Policy').map((document) => policySettings(document.name, document.value.spec));
  const invalid = assembly.invalid().filter(isPolicy);
  const present = new Set([...valid, ...invalid].map((policy) => policy.name));
  const platformUnreadable = unreadableFiles.some((file) => tenancy.isOfPlatform(file));
  const kept = previous.filter(
    ({ name }) => invalid.some((document) => document.name === name) || (platformUnreadable && !present.has(name)),
  );
  const unknown = invalid.map(({ name }) => name).filter((name) => !kept.some((policy) => policy.name === name));
  return { policies: [...valid, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1)), unknown };
}

function isPolicy(document: InvalidDocument): document is InvalidDocument & { readonly name: string } {
  return document.kind === 'Policy' && document.name !== undefined;
}
