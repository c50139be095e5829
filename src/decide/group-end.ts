/** What the end of one member means for the others of its group. */
import { short } from '../kit/digest.ts';
import type { EntryKey } from '../model/component.ts';
import type { EndKind } from '../model/memory.ts';
import { MAX_GROUP_ENDS } from './memory.ts';
import type { Parties } from './parties.ts';
import { takeDown } from './retreat.ts';
import { entryOf, say, type Party, type World } from './world.ts';

/** A member failed: the group's attempt is quarantined with it, and the others go back. */
export function takeGroupDown(world: World, key: EntryKey, why: string, kind: EndKind, parties: Parties): void {
  const party = parties.of.get(key);
  if (!party?.attempt) return;
  if (kind === 'Failed') rememberGroupEnd(world, party, key, why);
  for (const other of party.members) {
    const member = entryOf(world, other);
    if (other === key || !member.candidate) continue;
    const { release } = member.candidate;
    takeDown(world, other);
    say(world, other, {
      reason: 'GroupRolledBack',
      message: `release ${short(release.release)} goes back with its group: ${why}`,
      commit: release.commit,
    });
  }
}

/**
 * Quarantines the attempt of the whole group. Not where git asks for another one by now: what failed is then not what
 * would be held.
 */
export function rememberGroupEnd(world: World, party: Party, member: EntryKey, why: string): void {
  const { attempt } = party;
  if (attempt === undefined || !isStillAsked(world, party)) return;
  if (world.memory.groupEnds.some((end) => end.attempt === attempt)) return;
  world.memory.groupEnds = [{ attempt, member, why }, ...world.memory.groupEnds].slice(0, MAX_GROUP_ENDS);
}

function isStillAsked(world: World, party: Party): boolean {
  return party.members.every((key) => {
    const asked = world.wishes.get(key)?.target?.attempt;
    const { candidate, serving, ends } = entryOf(world, key);
    const tried = [candidate?.attempt, serving?.attempt, ends[0]?.attempt];
    return asked === undefined || tried.includes(asked);
  });
}
