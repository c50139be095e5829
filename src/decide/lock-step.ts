/**
 * One party, one pace: where a member may not go on, no other does. What the table said for each stands; this only
 * takes back.
 */
import type { Chosen } from './table.ts';
import { isServing, type EntryContext } from './context.ts';

export interface Decided extends Chosen {
  readonly context: EntryContext;
}

/** Members that git wants to change and the table keeps from it hold (or take down) the others that walk. */
export function inLockStep(decided: readonly Decided[]): readonly Decided[] {
  const blockers = new Map<string, Decided>();
  for (const one of decided) {
    if (one.context.party.members.length > 1 && isBlocking(one)) blockers.set(one.context.party.name, one);
  }
  return decided.map((one): Decided => {
    const blocker = one.move.type === 'Walk' ? blockers.get(one.context.party.name) : undefined;
    if (!blocker) return one;
    const { move } = blocker;
    if (move.type !== 'Hold' && move.type !== 'Drop') return one;
    const why = `its group waits for ${blocker.context.key}: ${move.why}`;
    if (move.type === 'Hold') return { ...one, move: { type: 'Hold', reason: move.reason, why, clocks: move.clocks } };
    const reason = move.reason === 'Quarantined' || move.reason === 'RolledBack' ? 'GroupRolledBack' : move.reason;
    return { ...one, move: { type: 'Drop', reason, why } };
  });
}

function isBlocking({ move, context }: Decided): boolean {
  if (move.type !== 'Hold' && move.type !== 'Drop') return false;
  return context.wish.target !== undefined && !isServing(context);
}
