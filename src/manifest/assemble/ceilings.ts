import { formatDuration } from '../../kit/units.ts';
import type { ArtifactSource, Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { DesiredEntry, PolicySettings } from '../../model/desired.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey } from './assembly.ts';
import { isContained } from '../../model/containment.ts';
import { limitExcesses } from './limit-ceilings.ts';
import { appliesTo } from './policy.ts';
import { pointerOfGrant } from './roles.ts';

/** What an entry asks for, before it is known whether it may. */
export type Asking = Pick<DesiredEntry, 'members' | 'scaling' | 'rollout'>;

interface Excess {
  readonly pointer: string;
  readonly message: string;
  /** Where there is a better one than to ask for less. */
  readonly remedy?: string;
}

/** Where a component exceeds the policies of its namespace; findings of policies in Audit are warnings. */
export function ceilingProblems(
  document: ParsedDocument<'Component'>,
  asking: Asking,
  policies: readonly PolicySettings[],
): readonly Diagnostic[] {
  const applying = policies.filter((policy) => appliesTo(policy, document.namespace));
  return [
    ...sharedProblems(document, asking.members[0], applying),
    ...applying.flatMap((policy) =>
      excesses(document, asking, policy).map(
        ({ pointer, message, remedy = `ask for less, or raise the ceiling in Policy ${policy.name}` }) => {
          const problem = atKey(document, pointer, 'HW1040', `${message} of Policy ${policy.name}`, remedy);
          return policy.enforcement === 'Audit' ? { ...problem, severity: 'warning' as const } : problem;
        },
      ),
    ),
  ];
}

/** All other kinds are allowed where no Policy forbids them; that cells of a namespace trust each other, one has to say. */
function sharedProblems(
  document: ParsedDocument<'Component'>,
  { isolation }: Member,
  applying: readonly PolicySettings[],
): readonly Diagnostic[] {
  // One that is only in Audit allows nothing. One that says what it allows, and not this, has its own finding.
  const inForce = applying.filter(({ enforcement }) => enforcement === 'Enforce');
  if (isolation !== 'Shared' || inForce.some((policy) => policy.isolation.length > 0)) return [];
  const message = `no Policy allows isolation Shared to namespace ${document.namespace}`;
  const allow = 'isolation: [Process, Strict, Shared]';
  const [policy] = inForce;
  const remedy = policy
    ? `write ${allow} into the spec of Policy ${policy.name}, or leave spec.isolation out`
    : `write a Policy for the namespace whose spec has ${allow}, or leave spec.isolation out`;
  return [atKey(document, '/spec/isolation', 'HW1217', message, remedy)];
}

function excesses(
  document: ParsedDocument<'Component'>,
  { members, scaling, rollout }: Asking,
  policy: PolicySettings,
): readonly Excess[] {
  const { limits } = policy;
  const found = members.flatMap((member) => memberExcesses(document, member, policy));
  if (scaling.maxReplicas > (limits.maxReplicas ?? Infinity)) {
    const message = `maxReplicas ${scaling.maxReplicas} exceeds the ${limits.maxReplicas}`;
    found.push({ pointer: '/spec/scaling/maxReplicas', message });
  }
  const { bake, gate } = rollout.settings;
  const { minBakeMs = 0, maxTolerableErrors = 1, allowEmergency } = policy.rollout;
  if (bake.durationMs < minBakeMs) {
    const message = `the bake of ${formatDuration(bake.durationMs)} is shorter than the ${formatDuration(minBakeMs)}`;
    found.push({ pointer: '/spec/rollout/bake/duration', message });
  }
  if (gate.errors.tolerable > maxTolerableErrors) {
    const message = `gate.errors.tolerable ${percent(gate.errors.tolerable)} exceeds the ${percent(maxTolerableErrors)}`;
    found.push({ pointer: '/spec/rollout/gate/errors/tolerable', message });
  }
  if (rollout.emergency && !allowEmergency) {
    found.push({ pointer: '/spec/rollout/emergency', message: 'an emergency is against the allowEmergency: false' });
  }
  return found;
}

function memberExcesses(document: ParsedDocument<'Component'>, member: Member, policy: PolicySettings): Excess[] {
  const { isolation, capabilities } = policy;
  const found = [...sourceExcesses(member.source, policy.artifacts), ...limitExcesses(member.limits, policy.limits)];
  const kinds = member.isolation === 'Auto' ? ['Process', 'Strict'] : [member.isolation];
  if (isolation.length > 0 && !kinds.every((kind) => isolation.includes(kind))) {
    found.push({ pointer: '/spec/isolation', ...isolationExcess(member.isolation, policy) });
  }
  for (const grant of capabilities ? member.capabilities : []) {
    if (isContained(grant, capabilities!)) continue;
    const message = `the grant ${grant.name} (${grant.capability}) goes beyond the capabilities`;
    // What a linked member asks for stands in another document.
    const isOwn = member.key === `${document.namespace}/${document.name}`;
    found.push({ pointer: isOwn ? pointerOfGrant(document, grant.name) : '/spec/links', message });
  }
  return found;
}

/** `Auto` may come out as either, so what it lacks is the decision, not a lower demand. */
function isolationExcess(asked: string, { name, isolation }: PolicySettings): Omit<Excess, 'pointer'> {
  const allowed = isolation.join(', ');
  const write = `write spec.isolation: ${isolation[0]}`;
  if (asked !== 'Auto') {
    const message = `isolation ${asked} is not among the ${allowed}`;
    return { message, remedy: `${write}, or add ${asked} to spec.isolation of Policy ${name}` };
  }
  const message = `isolation Auto may run as Process or Strict, and not both are among the ${allowed}`;
  return { message, remedy: `${write}, or allow Process and Strict in spec.isolation of Policy ${name}` };
}

/** Where the bytes may come from, besides the repository. A policy without `artifacts` does not restrict it. */
function sourceExcesses(source: ArtifactSource, allowed: PolicySettings['artifacts']): Excess[] {
  if (!allowed || source.type === 'path') return [];
  if (source.type === 'https') {
    const host = URL.parse(source.url)?.hostname ?? '';
    if (allowed.httpsHosts.some((pattern) => isHostWithin(host, pattern))) return [];
    return [{ pointer: '/spec/source/https', message: `the host ${host} is not among the artifacts.httpsHosts` }];
  }
  if (allowed.registries.some((prefix) => isImageWithin(source.image, prefix))) return [];
  return [{ pointer: '/spec/source/oci', message: `the image ${source.image} is not among the artifacts.registries` }];
}

/** `*.example.com` is every name below it, never `example.com` itself. */
function isHostWithin(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : host === pattern;
}

/** Whole segments: `registry/shop` holds `registry/shop/cart` and not `registry/shopping`. */
function isImageWithin(image: string, prefix: string): boolean {
  return image === prefix || image.startsWith(`${prefix}/`);
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(4))}%`;
}
