import type { Probes } from '../../model/component.ts';
import type { ReleaseSamples } from '../../model/engine.ts';
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
  readonly clockMs: number;
}

/** The first hard stop that applies: probes, crashes, a run of errors. */
export function hardStop(inputs: HardStopInputs): HardStop | undefined {
  return failedProbes(inputs) ?? crashes(inputs) ?? runOfErrors(inputs);
}

/** A probe has failed when its own threshold or deadline says so, which ends the replica; one miss is none. */
function failedProbes({ group, failures, probes }: HardStopInputs): HardStop | undefined {
  const failed = failures.find(
    (failure) => failure.group === group && (failure.end === 'NeverReady' || failure.end === 'Unhealthy'),
  );
  if (!failed) return undefined;
  const { readiness, liveness } = probes;
  const reason = reasonOf(failed.message);
  const evidence =
    failed.end === 'NeverReady'
      ? fact('readiness probe', reason, `success within ${formatDuration(readiness?.deadlineMs ?? 0)}`, 1)
      : fact('liveness probe', reason, `< ${liveness?.failureThreshold ?? 1} failures in a row`, 1);
  return { kind: 'Probes', why: failed.message, evidence };
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
