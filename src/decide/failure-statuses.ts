import type { Release } from '../model/memory.ts';
import type { Arm, RemoteTarget, Snapshot } from '../model/snapshot.ts';
import type { Parties } from './parties.ts';
import type { World } from './world.ts';

/** By release; what is not in it counts every 5xx. */
type FailureStatuses = ReadonlyMap<string, readonly string[]>;

/**
 * What counts as a failure is said by the gate of what is being tried, for both sides of the comparison: what serves,
 * and what the candidate takes over from, are measured by the same words.
 */
export function failureStatusesOf(world: World, parties: Parties): FailureStatuses {
  const found = new Map<string, readonly string[]>();
  const note = (release: Release | undefined, judge: Release) => {
    const { statuses } = judge.entry.rollout.settings.gate.errors;
    if (release && statuses) found.set(release.release, statuses);
    else if (release) found.delete(release.release);
  };
  for (const { serving } of world.entries.values()) if (serving) note(serving.release, serving.release);
  for (const [key, { candidate, serving }] of world.entries) {
    if (!candidate) continue;
    const served = (parties.predecessors.get(key) ?? []).map((owner) => world.entries.get(owner)?.serving?.release);
    for (const release of [candidate.release, serving?.release, ...served]) note(release, candidate.release);
  }
  return found;
}

/** The rules, with what their arms are to count. */
export function counted(rules: Snapshot['rules'], statuses: FailureStatuses): Snapshot['rules'] {
  if (statuses.size === 0) return rules;
  return rules.map((rule) => ({ ...rule, arms: rule.arms.map((arm) => countedArm(arm, statuses)) }));
}

/** The same for what other cells call. */
export function countedRemotes(remotes: readonly RemoteTarget[], statuses: FailureStatuses): readonly RemoteTarget[] {
  if (statuses.size === 0) return remotes;
  return remotes.map(({ pairs, ...target }) => ({
    ...target,
    arms: target.arms.map((arm) => countedArm(arm, statuses)),
    ...(pairs ? { pairs: pairs.map(({ from, arm }) => ({ from, arm: countedArm(arm, statuses) })) } : {}),
  }));
}

function countedArm(arm: Arm, statuses: FailureStatuses): Arm {
  const failureStatuses = statuses.get(arm.release);
  return failureStatuses ? { ...arm, failureStatuses } : arm;
}
