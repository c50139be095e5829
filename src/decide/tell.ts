/** Events of what has no end of its own: edits that start no attempt, and states that hold until somebody edits git. */
import type { DecidedEvent } from '../model/decision.ts';
import type { Scaling } from '../model/scaling.ts';
import type { EntryContext } from './context.ts';
import type { Headline } from './headline.ts';
import type { EntryDraft } from './memory.ts';
import { isRange } from './scaling.ts';
import { say, type Wish, type World } from './world.ts';

/** A restart or another number of replicas of what serves. Runs before the new form is noted. */
export function tellEdits(events: DecidedEvent[], entry: EntryDraft, wish: Wish, commit: string): void {
  const { desired: before, serving } = entry;
  const { key, target, invalid, deleted } = wish;
  if (!before || !serving || !target || invalid || deleted) return;
  const tell = (message: string) => events.push({ commit, entry: key, reason: 'Progressing', message });
  const after = target.entry;
  if (before.restartToken !== after.restartToken) {
    tell('restart: restartToken changed, the replicas are replaced one by one');
  }
  if (serving.release.release !== target.release.release) return;
  const changes = scalingChanges(before.scaling, after.scaling);
  if (changes.length > 0) tell(`scaling: ${changes.join(', ')}`);
}

function scalingChanges(before: Scaling, after: Scaling): readonly string[] {
  const isFixed = !isRange(before) && !isRange(after);
  const fields = isFixed ? (['minReplicas'] as const) : (['minReplicas', 'maxReplicas'] as const);
  return fields.flatMap((field) =>
    before[field] === after[field] ? [] : [`${field} ${before[field]} → ${after[field]}`],
  );
}

/** Said once, when it begins: the reason that people saw before is in the memory. */
export function tellHold(world: World, { key, entry, wish }: EntryContext, { reason, message }: Headline): void {
  if (reason !== 'PruneHeld' && reason !== 'Suspended') return;
  if (entry.conditions.Ready?.reason === reason) return;
  const commit = wish.deleted ? entry.deletedIn : wish.target?.release.commit;
  say(world, key, { reason, message, ...(commit === undefined ? {} : { commit }) });
}
