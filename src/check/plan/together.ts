/** Who rolls out with whom, and what is deleted: the daemon's own rules, with the base as what runs. */
import { newEntry, type EntryDraft } from '../../decide/memory.ts';
import { identitiesOf, type IdentityCache } from '../../decide/identity.ts';
import { partiesOf, type Parties } from '../../decide/parties.ts';
import { pruneHash, widerThanAllowed } from '../../decide/prune.ts';
import type { Target, Wish } from '../../decide/world.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';

export interface PlannedDeletion {
  readonly keys: readonly EntryKey[];
  /** Why the daemon would hold it; absent where it goes on. */
  readonly held?: string;
  /** What `prune.confirm` of the Environment has to carry to let it go. */
  readonly confirm: string;
}

/** Entries that walk in lock-step, where more than one does. */
export function partiesBetween(base: Desired, head: Desired, cache: IdentityCache): Parties {
  const wishes = new Map<EntryKey, Wish>();
  const entries = new Map<EntryKey, EntryDraft>();
  for (const [key, entry] of base.entries) {
    const { release, attempt } = targetOf(entry, base.commit, cache);
    entries.set(key, { ...newEntry(), serving: { release, attempt, sinceMs: 0, proven: true } });
    wishes.set(key, { key, deleted: !head.entries.has(key) });
  }
  for (const [key, entry] of head.entries) {
    wishes.set(key, { key, target: targetOf(entry, head.commit, cache), deleted: false });
  }
  return partiesOf(wishes, entries);
}

/** Replaced entries leave with what replaces them, unguarded: they are no deletion. */
export function deletionBetween(base: Desired, head: Desired, parties: Parties): PlannedDeletion | undefined {
  const replaced = new Set([...parties.predecessors.values()].flat());
  const broken = new Set(head.invalid.map(({ namespace, name }) => `${namespace}/${name}`));
  const running = [...base.entries.keys()];
  const keys = running.filter((key) => !head.entries.has(key) && !replaced.has(key) && !broken.has(key)).sort();
  if (keys.length === 0) return undefined;
  const confirm = pruneHash(keys);
  const held = heldBecause(base, head, keys);
  return { keys, confirm, ...(held === undefined ? {} : { held }) };
}

function heldBecause(base: Desired, head: Desired, keys: readonly EntryKey[]): string | undefined {
  const [before, after] = [base.environment.prune, head.environment.prune];
  if (!before.enabled || !after.enabled) return 'prune.enabled is false';
  if (after.confirm === pruneHash(keys)) return undefined;
  // No commit lifts the guard for its own deletion.
  const limit = Math.min(before.maxDeletePercent, after.maxDeletePercent);
  return widerThanAllowed(keys, [...base.entries.keys()], limit, [...head.entries.keys()]);
}

function targetOf(entry: DesiredEntry, commit: string, cache: IdentityCache): Target {
  const { attempt, ...identity } = identitiesOf(entry, cache);
  return { entry, attempt, release: { ...identity, commit, entry } };
}
