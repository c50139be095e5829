/** What is told of a replica that does not change while it runs. */
import type { BindingTier, BundlesInUse, CellSpec, ReplicaObserved } from '../model/engine.ts';
import type { Loaded } from '../wire/frames.ts';
import type { CellProcess } from './cell-process.ts';

/** In which process it is. */
export function placeOf({ pid, kind, shared }: CellProcess): Pick<ReplicaObserved, 'pid' | 'isolation' | 'sharedBy'> {
  return { pid, isolation: kind, ...(shared ? { sharedBy: shared.cells } : {}) };
}

const FROM_FAST: readonly BindingTier[] = ['fast', 'quiet', 'stock'];

/** With the tier of the slowest, by which the calls of the cell go; of several the first. */
export function bundlesOf({ members }: Pick<CellSpec, 'members'>): BundlesInUse {
  const rank = ({ bundle }: CellSpec['members'][number]): number => FROM_FAST.indexOf(bundle.tier);
  const slowest = members.reduce((one, other) => (rank(other) > rank(one) ? other : one));
  const { tier, tierReason } = slowest.bundle;
  const whose =
    slowest === members[0]
      ? tierReason
      : [`${slowest.member.key}, which it links`, tierReason].filter(Boolean).join(': ');
  return {
    digests: members.map(({ bundle }) => bundle.digest),
    toolchain: members[0]!.bundle.toolchain,
    tier,
    ...(whose === undefined ? {} : { tierReason: whose }),
  };
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
