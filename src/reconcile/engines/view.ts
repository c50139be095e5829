/** One engine among several, as it was seen last. The first of the list is home: what lives on one engine lives there. */
import type { EngineObserved, EngineState, ReplicaObserved } from '../../model/engine.ts';
import type { GroupId } from '../../model/snapshot.ts';

export interface EngineView {
  readonly observed: EngineObserved;
  readonly state: EngineState;
}

export const HOME = 0;

/** `undefined` where an engine gave no answer and was not seen before. */
export function viewsOf(
  answers: readonly (EngineObserved | undefined)[],
  before: readonly (EngineObserved | undefined)[],
): readonly EngineView[] | undefined {
  const newest = answers.map((answer, index) => answer ?? before[index]);
  if (newest.some((one) => one === undefined)) return undefined;
  const all = newest as readonly EngineObserved[];
  const serves = all.some(({ generation }) => generation > 0);
  return all.map((observed, index) => {
    if (answers[index] === undefined) return { observed, state: 'Away' };
    return { observed, state: serves && observed.generation === 0 ? 'CatchingUp' : 'Serving' };
  });
}

/** It has no snapshot while others do: it listens to nobody, and gets one when it is as far as they are. */
export function servesNothing(views: readonly EngineView[], index: number): boolean {
  return views[index]?.observed.generation === 0 && views.some(({ observed }) => observed.generation > 0);
}

/** May get calls one day without being started anew. */
export function isLive({ phase }: ReplicaObserved): boolean {
  return phase !== 'Ended' && phase !== 'Draining';
}

/** Engines that are to have the replicas of a group. */
export function hostsOf(group: GroupId, home: ReadonlySet<GroupId>, count: number): readonly number[] {
  return home.has(group) ? [HOME] : Array.from({ length: count }, (_, index) => index);
}
