/** What is told of a replica that does not change while it runs. */
import type { BundlesInUse, CellSpec, ReplicaObserved } from '../model/engine.ts';
import type { Loaded } from '../wire/frames.ts';
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

/**
 * Which instances serve which calls, and why that is not what git says.
 *
 * @param mask takes secrets out: the guest may have said one as it failed.
 */
export function instancesOf(
  { members }: Pick<CellSpec, 'members'>,
  { instancePolicy, why }: Pick<Loaded, 'instancePolicy' | 'why'>,
  mask: { hide(text: string): string },
): Pick<ReplicaObserved, 'effectiveInstancePolicy' | 'instancePolicyReason'> {
  const isOfAnother = instancePolicy !== members[0]!.member.instancePolicy;
  const reason = why ?? (isOfAnother ? 'a component that it links inline asks for it' : undefined);
  return {
    effectiveInstancePolicy: instancePolicy,
    ...(reason === undefined ? {} : { instancePolicyReason: mask.hide(reason) }),
  };
}
