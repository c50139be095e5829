/** What is told of a replica that does not change while it runs. */
import type { BundlesInUse, CellSpec, ReplicaObserved } from '../model/engine.ts';
import type { CellProcess } from './cell-process.ts';

/** In which process it is. */
export function placeOf({ pid, kind, shared }: CellProcess): Pick<ReplicaObserved, 'pid' | 'isolation' | 'sharedBy'> {
  return { pid, isolation: kind, ...(shared ? { sharedBy: shared.cells } : {}) };
}

export function bundlesOf({ members }: CellSpec): BundlesInUse {
  const { toolchain, tier, tierReason } = members[0]!.bundle;
  const digests = members.map(({ bundle }) => bundle.digest);
  return { digests, toolchain, tier, ...(tierReason === undefined ? {} : { tierReason }) };
}
