/** What people see of each entry, made from the same values that decided. */
import { callName } from '../model/callable.ts';
import type { EntryKey } from '../model/component.ts';
import type { Action } from '../model/decision.ts';
import type { DataOf } from '../model/edition.ts';
import { scheduleOfFiring } from '../model/firing.ts';
import type { EntryMemory, Release, UsedGrant } from '../model/memory.ts';
import type {
  CandidateStatus,
  Condition,
  ConditionType,
  DecisionRecord,
  EditionStatus,
  EntryStatus,
  ReleaseRef,
  ReplicaStatus,
  UseStatus,
} from '../model/status.ts';
import { isServing, type EntryContext } from './context.ts';
import { asideOf, dataOf, presentOf } from './data.ts';
import { headlineOf, type Headline } from './headline.ts';
import { isolationText, isolationWhy } from './isolation.ts';
import { limitsHit, limitStatusOf } from './limits.ts';
import { denialsOfLate, usesOfLate } from './uses.ts';
import type { Decided } from './lock-step.ts';
import { keep } from './memory.ts';
import { regressionMessage, regressionOf } from './pins.ts';
import { remoteStatusOf } from './remotes.ts';
import { scalingOf } from './scaling.ts';
import { isIdle } from './schedule/calls.ts';
import type { Owners } from './schedule/fire.ts';
import { scheduleStatusOf } from './schedule/status.ts';
import { previewLabel } from './snapshot.ts';
import { headerText, stepOf, stepsOf } from './steps.ts';
import { tellHold } from './tell.ts';
import { canAnswer, groupOf, type World } from './world.ts';

export function statusOf(world: World, decided: Decided, owned: Owners): EntryStatus {
  const { context } = decided;
  const { key, entry, wish } = context;
  const headline = headlineOf(world, decided);
  tellHold(world, context, headline);
  entry.decision = recordOf(world, decided);
  const conditions = conditionsOf(world, decided, headline);
  entry.conditions = keep(
    entry.conditions,
    Object.fromEntries(
      conditions.map(({ type, status, reason, since }) => [
        type,
        keep(entry.conditions[type], { status, reason, since }),
      ]),
    ),
  );
  const { serving, candidate } = entry;
  const proven = entry.ledger[0]?.release;
  const weight = 100 - (entry.leaving?.weight ?? (candidate?.state === 'Canary' ? candidate.weight : 0));
  return {
    key,
    conditions,
    ...(wish.target && !wish.deleted ? { desired: refOf(wish.target.release) } : {}),
    ...optional('candidate', candidateOf(world, decided)),
    ...(serving ? { serving: { ...refOf(serving.release), weight } } : {}),
    ...(proven ? { proven: refOf(proven) } : {}),
    draining: drainingOf(world, decided),
    quarantined: entry.ends
      .filter(({ kind }) => kind === 'Failed')
      .map(({ attempt, release, commit, why, releasedBy, evidence }) => ({
        attempt,
        release,
        commit,
        why,
        releasedBy,
        evidence,
      })),
    replicas: replicasOf(world, key, decided),
    ...optional('scaling', scalingOf(world, key, entry)),
    ...optional('limits', limitStatusOf(world, key)),
    ...droppedOf(world, key),
    ...bindingsOf(key, entry),
    ...usesOf(world, entry),
    ...stateOf(entry),
    ...optional('schedules', scheduleStatusOf(world, key, owned)),
    ...callsOf(entry),
    ...optional('remote', remoteStatusOf(world, key, entry)),
    decision: entry.decision,
  };
}

/** Of what serves, else of what is being tried. */
function bindingsOf(
  key: EntryKey,
  { serving, candidate, bundles }: EntryMemory,
): Pick<EntryStatus, 'tier' | 'tierReason' | 'toolchain'> {
  const release = serving?.release ?? candidate?.release;
  const pin = release && bundles?.[groupOf(key, release)];
  if (!pin) return {};
  return { tier: pin.tier, ...optional('tierReason', pin.tierReason), toolchain: pin.toolchain };
}

function usesOf(world: World, entry: EntryMemory): Pick<EntryStatus, 'uses' | 'denied'> {
  const told = (kinds: readonly UsedGrant[]): readonly UseStatus[] | undefined =>
    kinds.length === 0
      ? undefined
      : kinds.map(({ capability, needs, lastWallMs }) => ({
          capability,
          needs,
          lastAt: new Date(lastWallMs).toISOString(),
        }));
  const { wallMs } = world.now;
  return {
    ...optional('uses', told(usesOfLate(entry, wallMs))),
    ...optional('denied', told(denialsOfLate(entry, wallMs))),
  };
}

function stateOf(entry: EntryMemory): Pick<EntryStatus, 'state'> {
  const present = presentOf(entry);
  if (!present) return {};
  const shown = ({ edition, version }: DataOf): EditionStatus => {
    const stores = entry.editions?.find((one) => one.edition === edition)?.stores ?? [];
    return { edition, ...optional('version', version), stores };
  };
  const [before] = entry.warm;
  const kept = before && dataOf(entry, before);
  return {
    state: {
      ...shown(present),
      ...(kept && kept.edition !== present.edition ? { kept: shown(kept) } : {}),
      aside: asideOf(entry).map(shown),
    },
  };
}

function callsOf({ serving }: EntryMemory): Pick<EntryStatus, 'calls'> {
  const called = (serving?.release.entry.rules ?? []).flatMap((rule) => rule.export ?? []);
  const names = new Set(called.map((item) => callName(item.interface, item.function)));
  return names.size > 0 ? { calls: [...names].sort() } : {};
}

function refOf({ release, revision, commit }: Release): ReleaseRef {
  return { release, revision, commit };
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [K in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { [K in Name]?: Value };
}

const STATE_OF_STEPS = { Immediate: 'Canary', Canary: 'Canary', BlueGreen: 'Preview', Rolling: 'Rolling' } as const;

/** The release being tried; a bake is shown as the last of its states. */
function candidateOf(world: World, { context: { key, entry } }: Decided): CandidateStatus | undefined {
  const { candidate, serving } = entry;
  const clockMs = world.memory.clockMs;
  if (candidate) {
    const { strategy } = candidate.release.entry.rollout.settings;
    const step = candidate.state === 'Canary' ? stepOf(candidate) : undefined;
    return {
      ...refOf(candidate.release),
      attempt: candidate.attempt,
      state: candidate.state === 'Canary' ? STATE_OF_STEPS[strategy.type] : candidate.state,
      strategy: strategy.type,
      ...(candidate.state === 'Canary' ? { step: candidate.step } : {}),
      steps: stepsOf(candidate.release.entry).length,
      ...(candidate.state === 'Canary' && strategy.type === 'BlueGreen'
        ? {
            preview: previewLabel(key, candidate.release.release),
            ...optional('previewHostname', strategy.previewHostname),
          }
        : {}),
      ...optional('headers', step?.headers?.map(headerText)),
      ...optional('mirror', step?.mirror),
      weight: candidate.weight,
      inStateMs: Math.round(clockMs - candidate.sinceMs),
      evidence: candidate.trial.evidence,
      verdict: candidate.trial.verdict,
    };
  }
  if (serving?.bake?.state !== 'Watching') return undefined;
  const { strategy } = serving.release.entry.rollout.settings;
  return {
    ...refOf(serving.release),
    attempt: serving.attempt,
    state: 'Promoted',
    strategy: strategy.type,
    steps: stepsOf(serving.release.entry).length,
    weight: 100,
    inStateMs: Math.round(clockMs - serving.bake.sinceMs),
    evidence: serving.bake.trial.evidence,
    verdict: serving.bake.trial.verdict,
  };
}

function conditionsOf(world: World, { context, move, row }: Decided, headline: Headline): readonly Condition[] {
  const { key, entry } = context;
  const stands =
    entry.serving !== undefined && (isIdle(world, key, entry) || canAnswer(world, key, entry.serving.release));
  const moving = entry.candidate !== undefined || entry.serving?.bake?.state === 'Watching' || move.type === 'Remove';
  const stuck = move.type === 'Hold' || (move.type === 'Drop' && row.row !== 10);
  const synced = isServing(context);
  const degraded = headline.reason === 'Degraded';
  const known = world.observed.engine !== undefined;
  const say = (type: ConditionType, holds: boolean | undefined): Condition =>
    conditionOf(world, context.entry.conditions[type], type, holds, headline);
  const limits = limitsHit(world, key);
  return [
    say('Ready', known ? stands && !degraded : undefined),
    say('Reconciling', moving),
    say('Stalled', stuck),
    say('Synced', synced),
    healthOf(world, context, headline, known ? stands : undefined),
    ...(limits ? [conditionOf(world, entry.conditions.WithinLimits, 'WithinLimits', limits.within, limits)] : []),
  ];
}

/** Not as it should be, although it serves: bundles that the present toolchain did not make, or too much processor time. */
function healthOf(
  world: World,
  { key, entry }: EntryContext,
  headline: Headline,
  isHealthy: boolean | undefined,
): Condition {
  const group = entry.serving && groupOf(key, entry.serving.release);
  const before = entry.conditions.Healthy;
  if (isHealthy !== true || !group) return conditionOf(world, before, 'Healthy', isHealthy, headline);
  if (regressionOf(world, entry, group)) {
    const message = regressionMessage(entry.bundles![group]!);
    return conditionOf(world, before, 'Healthy', false, { reason: 'ToolchainRegression', message });
  }
  const greedy = world.engine
    .replicasOf(key)
    .find(({ processor }) => processor?.stage === 'Told' || processor?.stage === 'Recycle');
  if (!greedy?.problem) return conditionOf(world, before, 'Healthy', isHealthy, headline);
  const { code, message } = greedy.problem;
  return conditionOf(world, before, 'Healthy', false, { reason: 'Degraded', message: `${code}: ${message}` });
}

function conditionOf(
  world: World,
  before: Pick<Condition, 'status' | 'reason' | 'since'> | undefined,
  type: ConditionType,
  holds: boolean | undefined,
  { reason, message }: Headline,
): Condition {
  const status = holds === undefined ? 'Unknown' : holds ? 'True' : 'False';
  const since = before?.status === status && before.reason === reason ? before.since : isoOf(world);
  return { type, status, reason, message, since, observedCommit: world.desired.commit };
}

function isoOf(world: World): string {
  return new Date(world.now.wallMs).toISOString();
}

/** The record stays as it is while nothing new is decided, so that "at" says when. */
function recordOf(world: World, { context, row, inputs, move }: Decided): DecisionRecord {
  const { key, entry } = context;
  const actions = world.actions
    .filter((action) => concerns(world, action, key))
    .map(({ type, why }) => `${type}: ${why}`);
  const before = entry.decision;
  const why = move.why;
  if (before && before.row === row.row && before.why === why && actions.length === 0) {
    return keep(before, { ...before, inputs: keep(before.inputs, inputs) });
  }
  return { row: row.row, rule: row.name, why, inputs, actions, at: isoOf(world) };
}

function concerns(world: World, action: Action, key: EntryKey): boolean {
  switch (action.type) {
    case 'Publish':
      return isMoving(world.before[key]) || isMoving(world.entries.get(key)) || isSwitched(world, key);
    case 'Prepare':
      return action.group.startsWith(`${key}@`);
    case 'Synthesize':
      return action.run.group.startsWith(`${key}@`);
    case 'Start':
    case 'Stop':
      return action.replica.startsWith(`${key}@`);
    case 'Fire':
      return action.firing.group.startsWith(`${key}@`);
    case 'Stores':
      return action.order.entry === key;
    case 'StopFiring':
      return world.memory.schedules?.[scheduleOfFiring(action.firing)]?.entry === key;
    case 'ForgetFirings':
      return false;
    case 'Forget':
      return action.replicas.some((replica) => replica.startsWith(`${key}@`));
  }
}

function droppedOf({ engine }: World, key: EntryKey): Pick<EntryStatus, 'droppedDatagrams'> {
  const dropped = engine.droppedOf(key);
  if (dropped.length === 0) return {};
  return { droppedDatagrams: Object.fromEntries(dropped.map(({ reason, count }) => [reason, count])) };
}

/** Its arms follow from more than what serves: a publication may be about it. */
function isMoving(entry: Pick<EntryMemory, 'candidate' | 'leaving'> | undefined): boolean {
  return entry?.candidate !== undefined || entry?.leaving !== undefined;
}

function isSwitched({ before, entries }: World, key: EntryKey): boolean {
  return before[key]?.serving?.release !== entries.get(key)?.serving?.release;
}

function drainingOf(world: World, { context: { entry, key } }: Decided): readonly ReleaseRef[] {
  const kept = new Set(
    [entry.serving?.release, entry.candidate?.release, ...entry.warm].map((one) => one && groupOf(key, one)),
  );
  const gone = entry.replicas.filter(({ group, stopping }) => stopping || !kept.has(group));
  const groups = [...new Set(gone.map(({ group }) => group))].filter((group) => !kept.has(group));
  const leaving = entry.leaving ? [entry.leaving.release] : [];
  const releases = [...leaving, ...entry.ledger.map((line) => line.release), ...entry.ends];
  return groups.map((group) => {
    const revision = group.slice(group.indexOf('@') + 1);
    const known = releases.find((release) => release.revision === revision);
    return { release: known?.release ?? revision, revision, commit: known?.commit ?? world.desired.commit };
  });
}

function replicasOf(world: World, key: EntryKey, { context: { entry } }: Decided): readonly ReplicaStatus[] {
  const releases = [entry.serving?.release, entry.candidate?.release, entry.leaving?.release, ...entry.warm];
  const { ejected: out, sandbox } = world.observed.engine ?? {};
  const ejected = new Map(out?.map(({ replica, leftMs }) => [replica, leftMs]));
  return world.engine.replicasOf(key).map((replica) => {
    const revision = replica.group.slice(key.length + 1);
    const release = releases.find((one) => one?.revision === revision);
    return {
      id: replica.id,
      release: release?.release ?? revision,
      phase: replica.phase,
      ...optional('isolation', isolationText(replica)),
      ...optional('isolationWhy', release && sandbox && isolationWhy(replica, release.entry.members, sandbox)),
      ...optional('sharedBy', replica.sharedBy),
      ...optional('instancePolicy', replica.effectiveInstancePolicy),
      ...optional('instancePolicyReason', replica.instancePolicyReason),
      ...optional('tier', replica.bundles?.tier),
      ...optional('tierReason', replica.bundles?.tierReason),
      ...optional('pid', replica.pid),
      inFlight: replica.inFlight,
      ...optional('ejectedForMs', ejected.get(replica.id)),
      ...optional('processor', replica.processor),
      ...optional('message', replica.problem?.message),
    };
  });
}
