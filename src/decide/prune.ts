import { hashOfJson, short } from '../kit/digest.ts';
import type { EntryKey } from '../model/component.ts';
import type { EnvironmentSettings } from '../model/desired.ts';
import type { EntryDraft } from './memory.ts';
import { isUnreadable } from './wishes.ts';
import type { Parties } from './parties.ts';
import type { World } from './world.ts';

export interface PruneGuard {
  /** Why the deletion of an entry is held; absent where it may go on. */
  readonly held: ReadonlyMap<EntryKey, string>;
}

/** What `prune.confirm` has to carry: it names the exact set, so a confirmed deletion confirms no other. */
export function pruneHash(keys: readonly EntryKey[]): string {
  return short(hashOfJson({ prune: [...keys].sort() }));
}

/**
 * Compares what runs with desired, never one commit with another. The limits of this commit are in force; for what it
 * deletes itself those of the commit before hold as well, so that no commit lifts the guard for its own deletion. The
 * confirmation may come with the commit that deletes: it names the exact set.
 */
export function guardPrune(world: World, parties: Parties): PruneGuard {
  const running = [...world.entries].filter(([, entry]) => isRunning(entry)).map(([key]) => key);
  const replaced = new Set([...parties.predecessors.values()].flat());
  const gone = running.filter((key) => world.wishes.get(key)?.deleted === true);
  const set = gone.filter((key) => !replaced.has(key)).sort();
  const held = new Map<EntryKey, string>();
  const staying = [...world.wishes].filter(([, { deleted }]) => !deleted).map(([key]) => key);
  const confirmed = isConfirmed(world.environment, pruneHash(set));
  for (const key of gone) {
    const namespace = key.split('/')[0]!;
    if (isUnreadable(world.desired, namespace)) {
      held.set(key, `a file in the path of tenant ${namespace} cannot be read: nothing is pruned there until it can`);
      continue;
    }
    const { enabled, maxDeletePercent } = limitsFor(world, key);
    const wide =
      set.includes(key) && !confirmed ? widerThanAllowed(set, running, maxDeletePercent, staying) : undefined;
    if (!world.environment.prune.enabled) {
      held.set(key, 'prune.enabled is false: it runs on; set it to true in the Environment to let it go');
    } else if (!enabled) {
      held.set(key, 'prune.enabled was false before the commit that deletes it: it runs on until the next commit');
    } else if (wide) {
      held.set(key, `${wide}; to go on, write prune.confirm: "${pruneHash(set)}" in the Environment`);
    }
  }
  return { held };
}

function limitsFor({ environment, judge, entries, desired }: World, key: EntryKey): EnvironmentSettings['prune'] {
  const { prune } = environment;
  if (entries.get(key)?.deletedIn !== desired.commit) return prune;
  const enabled = prune.enabled && judge.prune.enabled;
  return { ...prune, enabled, maxDeletePercent: Math.min(prune.maxDeletePercent, judge.prune.maxDeletePercent) };
}

function isRunning(entry: EntryDraft): boolean {
  return entry.serving !== undefined;
}

function isConfirmed(environment: EnvironmentSettings, hash: string): boolean {
  return environment.prune.confirm === hash;
}

/** Why this set is too much to be deleted unconfirmed: its share of what runs, or all of a namespace. */
export function widerThanAllowed(
  set: readonly EntryKey[],
  running: readonly EntryKey[],
  limit: number,
  staying: readonly EntryKey[],
): string | undefined {
  const share = (set.length / running.length) * 100;
  if (set.length > 1 && share > limit) {
    return `this deletes ${set.length} of ${running.length} running components (${Math.round(share)} %, limit ${limit} %)`;
  }
  const namespaces = new Set(set.map((key) => key.split('/')[0]!));
  const emptied = [...namespaces].find((namespace) => !staying.some((key) => key.startsWith(`${namespace}/`)));
  return emptied === undefined ? undefined : `this deletes everything that runs in namespace ${emptied}`;
}
