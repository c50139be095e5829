import type { EntryKey, Member, Supervision } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { DesiredEntry, EnvironmentSettings, PolicySettings } from '../../model/desired.ts';
import type { RemoteSide } from '../../model/remote.ts';
import type { Rollout } from '../../model/rollout.ts';
import type { RouteRule } from '../../model/route.ts';
import type { ScheduleTrigger } from '../../model/schedule.ts';
import type { ComponentSpec, RolloutSpec } from '../generated/component.ts';
import type { RolloutPolicySpec } from '../generated/rolloutpolicy.ts';
import { COMPONENT_DEFAULTS } from '../defaults.ts';
import { keyOf, valueSpan, type ParsedDocument } from '../parsed.ts';
import { milliseconds } from '../quantity.ts';
import { unimplementedIn } from '../unimplemented.ts';
import { atKey, atValue, type Assembly } from './assembly.ts';
import { ceilingProblems } from './ceilings.ts';
import { membersOfCell, type Members } from './cell.ts';
import { probesOf } from './probes.ts';
import { rolloutProblems, rolloutSettings } from './rollout.ts';
import { withDemands } from './signatures.ts';
import { handedOver, singletonProblems } from './singleton.ts';

/** Where a component's rollout settings come from. */
export type RolloutSource =
  | { readonly type: 'Inline'; readonly spec: RolloutPolicySpec }
  | { readonly type: 'Policy'; readonly document: ParsedDocument<'RolloutPolicy'> }
  | { readonly type: 'Broken'; readonly problem: Diagnostic };

const OWN_SETTINGS = ['strategy', 'gate', 'bake', 'history', 'breaker'] as const;

/** The component's own settings, the policy it names, the Environment's, or the defaults: the first that is there. */
export function rolloutSource(
  document: ParsedDocument<'Component'>,
  environment: EnvironmentSettings,
  assembly: Assembly,
): RolloutSource {
  const rollout = document.value.spec.rollout ?? {};
  if (OWN_SETTINGS.some((field) => rollout[field] !== undefined)) return { type: 'Inline', spec: rollout };
  const named = rollout.policyRef;
  const ref = named ?? environment.defaultRolloutPolicy;
  if (!ref) return { type: 'Inline', spec: {} };
  const key = keyOf({ namespace: ref.namespace ?? document.namespace, name: ref.name });
  const pointer = named ? '/spec/rollout/policyRef/name' : '/spec/rollout';
  const what = named
    ? `RolloutPolicy ${key}`
    : `RolloutPolicy ${key}, the default of the Environment ${environment.name}`;
  if (named?.namespace && ![document.namespace, environment.platformNamespace].includes(named.namespace)) {
    const message = `namespace ${document.namespace} may not use the RolloutPolicy ${key}`;
    const remedy = `use one of the own namespace or of ${environment.platformNamespace}`;
    return {
      type: 'Broken',
      problem: atValue(document, '/spec/rollout/policyRef/namespace', 'HW1023', message, remedy),
    };
  }
  const found = assembly.find('RolloutPolicy', key);
  if (found.type === 'Found') return { type: 'Policy', document: found.document };
  const problem =
    found.type === 'Invalid'
      ? atValue(document, pointer, 'HW1024', `invalid: ${what}`)
      : atValue(document, pointer, 'HW1023', `not there: ${what}`);
  return { type: 'Broken', problem };
}

/** What is wrong with a component beyond what its member shows: rollout, scaling, supervision. */
export function entryProblems(
  document: ParsedDocument<'Component'>,
  source: RolloutSource,
  assembly: Assembly,
): readonly Diagnostic[] {
  const { spec } = document.value;
  const problems: Diagnostic[] = [];
  if (source.type === 'Broken') problems.push(source.problem);
  if (source.type === 'Inline') problems.push(...rolloutProblems(document, '/spec/rollout', source.spec));
  problems.push(...singletonProblems(document, source));
  const { minReplicas, maxReplicas } = scalingOf(spec);
  if (maxReplicas < minReplicas) {
    const message = `maxReplicas ${maxReplicas} is less than minReplicas ${minReplicas}`;
    problems.push(atValue(document, '/spec/scaling/maxReplicas', 'HW1027', message));
  }
  const { backoffInitialMs, backoffMaxMs } = supervisionOf(spec);
  if (backoffMaxMs < backoffInitialMs) {
    const message = 'backoff.max is less than backoff.initial';
    problems.push(atValue(document, '/spec/supervision/backoff/max', 'HW1027', message));
  }
  const replaced = spec.rollout?.replaces;
  if (replaced !== undefined && assembly.find('Component', `${document.namespace}/${replaced}`).type !== 'Missing') {
    const message = `replaces names ${replaced}, and there is still a Component ${replaced}`;
    const remedy = `delete the Component ${replaced} in the same commit, or this line`;
    problems.push(atValue(document, '/spec/rollout/replaces', 'HW1027', message, remedy));
  }
  return problems;
}

export interface EntryInputs {
  readonly document: ParsedDocument<'Component'>;
  readonly source: Exclude<RolloutSource, { type: 'Broken' }>;
  readonly members: Members;
  readonly documents: ReadonlyMap<EntryKey, ParsedDocument<'Component'>>;
  readonly rules: readonly RouteRule[];
  readonly schedules: readonly ScheduleTrigger[];
  readonly policies: readonly PolicySettings[];
  /** What the binaries say against their documents; each is found at its own document. */
  readonly binaries: ReadonlyMap<EntryKey, readonly Diagnostic[]>;
  readonly remote: RemoteSide | undefined;
  /** What forbids every start: no Environment, an unknown Policy. */
  readonly withheld: readonly Diagnostic[];
}

/** The entry, and what was found about it (refusals, and what policies in Audit would refuse). */
export function entryOf(inputs: EntryInputs): {
  readonly entry: DesiredEntry;
  readonly findings: readonly Diagnostic[];
} {
  const { document, source, members, documents, rules, schedules, policies, binaries, remote, withheld } = inputs;
  const { spec, metadata } = document.value;
  const key: EntryKey = `${document.namespace}/${document.name}`;
  const own: Member = members.get(key)!;
  const [first, ...others] = membersOfCell(own, members);
  const cell = [withDemands(first, policies), ...others.map((member) => withDemands(member, policies))] as const;
  const probes = probesOf(spec.probes);
  const scaling = scalingOf(spec);
  const written = rolloutOf(spec.rollout ?? {}, source, probes.readiness?.call);
  const rollout = own.instancePolicy === 'Singleton' ? handedOver(written) : written;
  const retryOf = (member: Member) => documents.get(member.key)?.value.spec.rollout?.retry ?? 0;
  const findings = [
    ...withheld,
    ...(binaries.get(key) ?? []),
    ...cell.flatMap((member) => notImplemented(documents.get(member.key)!)),
    ...ceilingProblems(document, { members: cell, scaling, rollout }, policies),
  ];
  const linked = cell.slice(1).flatMap((member) => binaries.get(member.key) ?? []);
  const entry: DesiredEntry = {
    key,
    labels: metadata.labels ?? {},
    members: cell,
    rules,
    ...(schedules.length > 0 ? { schedules } : {}),
    ...(remote ? { remote } : {}),
    probes,
    scaling,
    supervision: supervisionOf(spec),
    drainDeadlineMs: milliseconds(spec.drain?.deadline ?? COMPONENT_DEFAULTS.drain.deadline),
    rollout,
    retries: cell.map(retryOf),
    suspend: spec.suspend ?? COMPONENT_DEFAULTS.suspend,
    restartToken: spec.restartToken ?? COMPONENT_DEFAULTS.restartToken,
    refusals: [...findings, ...linked].filter(({ severity }) => severity === 'error').map(toProblem),
    span: valueSpan(document, '/metadata/name'),
  };
  return { entry, findings };
}

function toProblem({ code, message, remedy, policy, span }: Diagnostic) {
  return { code, message, remedy, policy, ...(span ? { span } : {}) };
}

function notImplemented(document: ParsedDocument<'Component'>): readonly Diagnostic[] {
  return unimplementedIn('Component', document.value).map(({ pointer, what }) =>
    atKey(document, pointer, 'HW1042', `not implemented yet: ${what}`),
  );
}

function rolloutOf(
  spec: RolloutSpec,
  source: EntryInputs['source'],
  readiness: Parameters<typeof rolloutSettings>[1],
): Rollout {
  const { group, retry, approvals, replaces, emergency } = spec;
  const settings = source.type === 'Policy' ? source.document.value.spec : source.spec;
  return {
    settings: rolloutSettings(settings, readiness),
    ...(source.type === 'Policy' ? { policy: keyOf(source.document) } : {}),
    ...(group === undefined ? {} : { group }),
    retry: retry ?? COMPONENT_DEFAULTS.rollout.retry,
    approvals: (approvals ?? [])
      .map(({ name, revision }) => ({ name, revision }))
      .sort((a, b) => (`${a.name} ${a.revision}` < `${b.name} ${b.revision}` ? -1 : 1)),
    ...(replaces === undefined ? {} : { replaces }),
    ...(emergency ? { emergency: { revision: emergency.revision, reason: emergency.reason } } : {}),
  };
}

function scalingOf({ scaling }: ComponentSpec): DesiredEntry['scaling'] {
  const minReplicas = scaling?.minReplicas ?? COMPONENT_DEFAULTS.scaling.minReplicas;
  const maxReplicas = scaling?.maxReplicas ?? Math.max(1, minReplicas);
  if (maxReplicas <= minReplicas) return { minReplicas, maxReplicas };
  const { scaleDownAfter } = COMPONENT_DEFAULTS.scaling;
  return { minReplicas, maxReplicas, scaleDownAfterMs: milliseconds(scaling?.scaleDownAfter ?? scaleDownAfter) };
}

function supervisionOf({ supervision = {} }: ComponentSpec): Supervision {
  const { maxRestarts, window, backoff } = COMPONENT_DEFAULTS.supervision;
  return {
    maxRestarts: supervision.maxRestarts ?? maxRestarts,
    windowMs: milliseconds(supervision.window ?? window),
    backoffInitialMs: milliseconds(supervision.backoff?.initial ?? backoff.initial),
    backoffMaxMs: milliseconds(supervision.backoff?.max ?? backoff.max),
  };
}
