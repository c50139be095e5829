/**
 * What the broker judges by, beside the grants that each cell was started with: the ceilings of the Policies, in force for
 * whatever runs as soon as it is published, and whose traffic each group has, for the audit.
 */
import type { PolicySettings } from '../model/desired.ts';
import type { EntryKey, Member } from '../model/component.ts';
import type { Release } from '../model/memory.ts';
import type { Ceilings, GrantsInForce, GroupId } from '../model/snapshot.ts';
import { groupOf, type World } from './world.ts';

/** Absent where nothing that runs was granted anything: there is nobody to judge. */
export function grantsOf(world: World): GrantsInForce | undefined {
  const groups = groupsWithGrants(world);
  return groups.length === 0 ? undefined : { ceilings: world.memory.ceilings ?? [], groups };
}

/** Policies that restrict capabilities, sorted by name as they are. */
export function ceilingsOf(policies: readonly PolicySettings[]): readonly Ceilings[] {
  return policies.flatMap(({ name, namespaces, enforcement, capabilities }) =>
    capabilities ? [{ policy: name, namespaces, enforcement, capabilities }] : [],
  );
}

/** One row per group: the release that serves comes before one that is tried or kept warm in the same cells. */
function groupsWithGrants(world: World): GrantsInForce['groups'] {
  const rows = new Map<GroupId, { readonly release: string; readonly commit: string }>();
  for (const [key, { serving, candidate, leaving, warm, judging }] of world.entries) {
    const releases = [serving?.release, candidate?.release, leaving?.release, judging?.release, ...warm];
    for (const release of releases) if (release) addRow(rows, key, release);
  }
  return [...rows]
    .map(([group, { release, commit }]) => ({ group, release, commit }))
    .sort((a, b) => (a.group < b.group ? -1 : 1));
}

function addRow(rows: Map<GroupId, { release: string; commit: string }>, key: EntryKey, release: Release): void {
  const group = groupOf(key, release);
  if (rows.has(group) || !release.entry.members.some(hasGrants)) return;
  rows.set(group, { release: release.release, commit: release.commit });
}

function hasGrants({ capabilities }: Member): boolean {
  return capabilities.length > 0;
}
