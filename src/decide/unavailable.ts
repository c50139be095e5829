import type { EntryKey } from '../model/component.ts';
import type { Decided } from './lock-step.ts';
import type { Unavailable } from './snapshot.ts';
import type { World } from './world.ts';

/** The body of the 503 for a route behind which nothing has ever served: why, in the words of the decision. */
export function unavailableIn(world: World, decided: readonly Decided[]): Unavailable {
  const byKey = new Map<EntryKey, Decided>(decided.map((one) => [one.context.key, one]));
  return (key) => {
    const move = byKey.get(key)?.move;
    if (move?.type === 'Hold' || move?.type === 'Drop') return { reason: move.reason, message: move.why };
    const last = world.entries.get(key)?.ends[0];
    const message = last
      ? `not available yet; the last attempt ended: ${last.why}`
      : 'its first deployment is not ready yet';
    return { reason: 'FirstDeployment', message };
  };
}
