/** How far the memory's wishes have come, as the loop itself needs to know. */
import { remoteCallers } from '../decide/remotes.ts';
import { isIdle } from '../decide/schedule/calls.ts';
import type { EntryKey } from '../model/component.ts';
import type { EngineObserved } from '../model/engine.ts';
import type { Candidate, End, EntryMemory, Memory } from '../model/memory.ts';
import { groupId, type GroupId } from '../model/snapshot.ts';

/** The engine process in which everything that should serve has been seen to serve; `before`: the last such. */
export function servedIn(
  before: string | undefined,
  memory: Memory,
  engine: EngineObserved | undefined,
): string | undefined {
  return engine && engine.epoch !== before && servesAll(memory, engine) ? engine.epoch : before;
}

/**
 * Does everything that should serve have a ready replica, or was it at least tried? Asked until it once holds in an
 * engine: a start is not over before, and a component that fails later does not take the others out of a load balancer.
 */
function servesAll(memory: Memory, engine: EngineObserved): boolean {
  if (engine.generation < memory.snapshot.generation) return false;
  const entries = new Map(Object.entries(memory.entries)) as ReadonlyMap<EntryKey, EntryMemory>;
  const callers = remoteCallers({ entries });
  return [...entries].every(([key, entry]) => {
    const { serving, candidate, ends, failures } = entry;
    if (isIdle({ callers }, key, entry)) return true;
    if (!serving) return !candidate || takesTraffic(candidate) || wasTried(candidate, ends);
    const group = groupId(key, serving.release.revision);
    const ready = engine.replicas.some(
      (replica) => replica.group === group && (replica.phase === 'Ready' || replica.phase === 'Parked'),
    );
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
