import type { Probes } from '../../model/component.ts';
import type { ReplicaObserved, ReleaseSamples } from '../../model/engine.ts';
import type { ReplicaFailure } from '../../model/memory.ts';
import type { Gate } from '../../model/rollout.ts';
import type { GroupId } from '../../model/snapshot.ts';
import type { Evidence } from '../../model/status.ts';
import { formatDuration } from '../../kit/units.ts';

/** What a release did that no sample size can excuse. */
export interface HardStop {
  readonly kind: 'Errors' | 'Crashes' | 'Probes';
  readonly why: string;
  readonly evidence: Evidence;
}

export interface HardStopInputs {
  readonly gate: Gate;
  readonly probes: Probes;
  readonly group: GroupId;
  readonly samples: ReleaseSamples | undefined;
  /** Requests that this attempt has answered: a run of failures from an earlier attempt is not its own. */
  readonly answered: number;
  readonly failures: readonly ReplicaFailure[];
  readonly replicas: readonly ReplicaObserved[];
  readonly clockMs: number;
}

/** The first hard stop that applies: probes, crashes, a run of errors. */
export function hardStop(inputs: HardStopInputs): HardStop | undefined {
  return failedProbes(inputs) ?? crashes(inputs) ?? runOfErrors(inputs);
}

function failedProbes({ replicas, group, failures, probes }: HardStopInputs): HardStop | undefined {
  const sick = replicas.find((replica) => replica.group === group && replica.phase === 'Unhealthy');
  const never = failures.find(
    (failure) => failure.group === group && (failure.end === 'NeverReady' || failure.end === 'Unhealthy'),
  );
  if (!sick && !never) return undefined;
  const why = never?.message ?? sick?.problem?.message ?? 'its liveness probe fails';
  const { readiness, liveness } = probes;
  const evidence =
    never?.end === 'NeverReady'
      ? fact('readiness probe', reasonOf(why), `success within ${formatDuration(readiness?.deadlineMs ?? 0)}`, 1)
      : fact('liveness probe', reasonOf(why), `< ${liveness?.failureThreshold ?? 1} failures in a row`, 1);
  return { kind: 'Probes', why, evidence };
}

/** What came back, without the name of the replica before it. */
function reasonOf(message: string): string {
  return message.slice(message.indexOf(': ') + 1).trim();
}

function crashes({ gate, group, failures, clockMs }: HardStopInputs): HardStop | undefined {
  const { crashes: limit, windowMs } = gate.hardStops;
  const within = failures.filter(
    (failure) => failure.group === group && !failure.waiting && clockMs - failure.atMs <= windowMs,
  );
  if (within.length < limit) return undefined;
  const window = formatDuration(windowMs);
  return {
    kind: 'Crashes',
    why: `${within.length} crashes within ${window} (limit ${limit}); the last: ${within.at(-1)!.message}`,
    evidence: fact('crashes', String(within.length), `< ${limit} in ${window}`, within.length),
  };
}

function runOfErrors({ gate, samples, answered }: HardStopInputs): HardStop | undefined {
  const limit = gate.hardStops.consecutiveErrors;
  const run = Math.min(samples?.consecutiveFailures ?? 0, answered);
  if (!samples || run < limit) return undefined;
  return {
    kind: 'Errors',
    why: `${run} failures in a row (limit ${limit})`,
    evidence: {
      ...fact('consecutive errors', String(run), `< ${limit}`, answered),
      synthetic: Math.min(answered, samples.synthetic.requests),
    },
  };
}

export function fact(metric: string, observed: string, threshold: string, samples: number): Evidence {
  return { metric, observed, threshold, samples, synthetic: 0 };
}
