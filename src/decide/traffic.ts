import type { Memory, Release } from '../model/memory.ts';
import { entryOfGroup, groupId, type GroupId } from '../model/snapshot.ts';

/** The release that a group of cells runs for: the one that serves before one that is tried, kept warm or judged. */
export function releaseOf({ entries }: Pick<Memory, 'entries'>, group: GroupId): Release | undefined {
  const key = entryOfGroup(group);
  const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (!entry) return undefined;
  const { serving, candidate, leaving, judging, warm } = entry;
  return [serving?.release, candidate?.release, leaving?.release, judging?.release, ...warm].find(
    (release) => release !== undefined && groupId(key, release.revision) === group,
  );
}
