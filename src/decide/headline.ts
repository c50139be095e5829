/** The one reason and sentence that stand for an entry: what people read first. */
import { short } from '../kit/digest.ts';
import type { Reason } from '../model/status.ts';
import { liveReplicas, somethingServes } from './context.ts';
import { bakingMessage, unprovenMessage } from './proof.ts';
import type { Decided } from './lock-step.ts';
import { isBlueGreen, shareText, stepOf } from './steps.ts';
import { isParked } from './scaling.ts';
import { callsOf, isIdle } from './schedule/calls.ts';
import { isCrashLoop } from './supervise.ts';
import { migrationApproval, missingApproval } from './walk.ts';
import { canAnswer, groupOf, readyCount, replicasOf, type World } from './world.ts';

export interface Headline {
  readonly reason: Reason;
  readonly message: string;
}

export function headlineOf(world: World, decided: Decided): Headline {
  const { move } = decided;
  if (move.type === 'Hold' || move.type === 'Drop') return { reason: move.reason, message: move.why };
  if (move.type === 'Remove') return { reason: 'Progressing', message: move.why };
  return move.type === 'Settle' ? settled(world, decided) : walking(world, decided);
}

function settled(world: World, { context }: Decided): Headline {
  const { key, entry } = context;
  const serving = entry.serving!;
  const name = `release ${short(serving.release.release)}`;
  if (serving.degraded !== undefined)
    return { reason: 'Degraded', message: `${name} serves unproven: ${serving.degraded}` };
  const group = groupOf(key, serving.release);
  const { supervision } = serving.release.entry;
  const last = isIdle(world, context.key, entry)
    ? undefined
    : entry.failures.findLast((failure) => failure.group === group);
  const isDown = world.observed.engine !== undefined && !canAnswer(world, key, serving.release);
  if (last && (isDown || isCrashLoop(entry.failures, group, supervision, world.memory.clockMs))) {
    const how = isDown ? 'has no ready replica' : 'crashes again and again';
    return { reason: 'Degraded', message: `${name} ${how}; it is restarted with back-off. The last: ${last.message}` };
  }
  if (entry.reverted) return { reason: 'Reverted', message: `git went back to ${name}, which serves` };
  if (serving.bake?.state === 'Watching') {
    return { reason: 'Baking', message: bakingMessage(serving, world.memory.clockMs) };
  }
  if (isIdle(world, context.key, entry))
    return { reason: 'Unreferenced', message: 'nothing points at it, so nothing runs' };
  if (!serving.proven) return { reason: 'Inconclusive', message: unprovenMessage(serving) };
  const missing = missingOf(world, context);
  if (missing !== undefined) return { reason: 'Waiting', message: `${name} serves; ${missing}` };
  if (isParked(entry)) return parkedHeadline(world, context, name);
  const replicas = liveReplicas(context);
  return {
    reason: 'InSync',
    message: `${name} serves, is proven and is what git says; ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
  };
}

function parkedHeadline(world: World, { key, entry }: Decided['context'], name: string): Headline {
  const replicas = replicasOf(world, key, groupOf(key, entry.serving!.release));
  const refused = replicas.find(({ phase, problem }) => phase === 'Parked' && problem)?.problem;
  if (refused) return { reason: 'Waiting', message: `${name} is parked and cannot be started: ${refused.message}` };
  return { reason: 'InSync', message: `${name} is proven and is what git says; parked: the first call starts it` };
}

/** Why there are fewer replicas than its load asks for, where that is not their own doing. */
function missingOf(world: World, { key, entry }: Decided['context']): string | undefined {
  const { serving, scale, failures } = entry;
  if (!serving || !scale) return undefined;
  const ready = readyCount(world, key, serving.release);
  const group = groupOf(key, serving.release);
  const last = failures.findLast((failure) => failure.group === group && failure.waiting);
  if (!last || ready >= scale.wanted) return undefined;
  return `its load asks for ${scale.wanted} replicas and ${ready} are ready: ${last.message}`;
}

function walking(world: World, { context, move }: Decided): Headline {
  const { entry } = context;
  const { candidate } = entry;
  const why = move.type === 'Walk' ? move.why : '';
  if (!candidate) return { reason: 'Progressing', message: why };
  const name = `release ${short(candidate.release.release)}`;
  const passed = candidate.trial.verdict === 'Pass' ? missingApproval(candidate) : undefined;
  const approval = passed ?? migrationApproval(entry);
  if (approval) {
    const line = `spec.rollout.approvals: [{name: ${approval.name}, revision: ${short(candidate.release.revision)}}]`;
    return {
      reason: 'AwaitingApproval',
      message: `${name} ${passed ? `passed step ${candidate.step}` : 'migrates'} and waits for ${line}`,
    };
  }
  if (entry.preemptions >= 3) {
    return {
      reason: 'Starved',
      message: `${entry.preemptions} preemptions in a row without a promotion: slow down the commits`,
    };
  }
  if (candidate.state === 'Pending') {
    const limit = world.environment.maxConcurrentRollouts;
    return { reason: 'Slot', message: `${name} waits for a slot: ${limit} rollouts prepare at once` };
  }
  const step = candidate.state === 'Canary' ? stepOf(candidate) : undefined;
  const where = !step || isBlueGreen(candidate.release) ? 'stands beside what serves' : `at ${shareText(step)}`;
  const message =
    candidate.state === 'Canary' && callsOf(candidate.release.entry) === 'Firings'
      ? `${name} stands beside what serves (step ${candidate.step})`
      : candidate.state === 'Canary'
        ? `${name} ${where} (step ${candidate.step}), ${candidate.trial.step.candidate.requests} of at least ${candidate.release.entry.rollout.settings.gate.minSamples} samples`
        : `${name}: ${candidate.state}. ${why}`;
  return { reason: somethingServes(context) ? 'Progressing' : 'FirstDeployment', message };
}
