import type { Isolation, Member } from '../model/component.ts';
import type { EngineObserved, ReplicaObserved } from '../model/engine.ts';

type Walls = Pick<ReplicaObserved, 'isolation' | 'sharedBy'>;
type Members = readonly [Member, ...Member[]];

/**
 * One process holds all members. Where one of them demands Strict, all have it; and others come into it only where each of
 * them asks to share.
 */
export function isolationOf([first, ...linked]: Members): Isolation {
  if (linked.some(({ isolation }) => isolation === 'Strict')) return 'Strict';
  if (first.isolation !== 'Shared') return first.isolation;
  return linked.find(({ isolation }) => isolation !== 'Shared')?.isolation ?? 'Shared';
}

/** Sharing is about which guests are in a process; the sandbox around it is what it is. */
export function isolationText({ isolation, sharedBy }: Walls): string | undefined {
  return isolation !== undefined && sharedBy !== undefined ? `Shared (${isolation})` : isolation;
}

/** Why a replica has the walls that it has: who asked for them, or what the engine found out about the machine. */
export function isolationWhy(
  { isolation }: Walls,
  members: Members,
  sandbox: EngineObserved['sandbox'],
): string | undefined {
  if (isolation === undefined) return undefined;
  const asked = isolationOf(members);
  if (asked === 'Process' || asked === 'Strict') return `${whoAsks(asked, members)} asks for it`;
  const whose = asked === 'Auto' ? 'spec.isolation is Auto' : 'the walls are those of Auto';
  // The spawner looks again whenever it starts; what runs by then keeps the walls that it has.
  const isAsThen = sandbox.strict === (isolation === 'Strict');
  return `${whose}: ${isAsThen ? '' : 'it was otherwise when this one started; now '}${sandbox.why}`;
}

function whoAsks(asked: Isolation, [first, ...linked]: Members): string {
  const other = linked.find(({ isolation }) => isolation === asked);
  return first.isolation === asked || !other
    ? 'spec.isolation'
    : `spec.isolation of ${other.key}, which it links inline,`;
}
