/** How far the memory's wishes have come, as the loop itself needs to know. */
import type { EngineObserved } from '../model/engine.ts';
import type { Candidate, End, Memory } from '../model/memory.ts';
import { groupId, type GroupId } from '../model/snapshot.ts';

/**
 * Does everything that should serve have a ready replica, or was it at least tried? Asked until it once holds in an
 * engine: a start is not over before, and a component that fails later does not take the others out of a load balancer.
 */
export function servesAll(memory: Memory, engine: EngineObserved): boolean {
  if (engine.generation < memory.snapshot.generation) return false;
  return Object.entries(memory.entries).every(([key, { serving, candidate, ends, failures }]) => {
    if (!serving) return !candidate || takesTraffic(candidate) || wasTried(candidate, ends);
    const group = groupId(key as `${string}/${string}`, serving.release.revision);
    const ready = engine.replicas.some((replica) => replica.group === group && replica.phase === 'Ready');
    return ready || failures.some((failure) => failure.group === group);
  });
}

/** It serves its share: how long it stays there is for its gate, or a person, to say. */
function takesTraffic({ state, weight }: Candidate): boolean {
  return state === 'Canary' && weight > 0;
}

/** A first deployment that ended, and that is only tried again, keeps nobody else waiting. */
function wasTried({ attempt }: Candidate, ends: readonly End[]): boolean {
  return ends.some((end) => end.attempt === attempt);
}

/** Groups whose preparation somebody still waits for. */
export function preparing(memory: Memory): ReadonlySet<GroupId> {
  const groups = new Set<GroupId>();
  for (const [key, { candidate, bundles = {} }] of Object.entries(memory.entries)) {
    if (candidate) groups.add(groupId(key as `${string}/${string}`, candidate.release.revision));
    for (const [group, { renewing }] of Object.entries(bundles)) if (renewing) groups.add(group as GroupId);
  }
  return groups;
}
