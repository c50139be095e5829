/**
 * Who walks with whom. Computed from desired, serving and memory, never from a range of commits, so that any number of
 * commits in between changes nothing. Tied are: entries of one `rollout.group`, the owner of a match that serves and
 * the owner that git names now, both ends of `rollout.replaces`, both ends of a remote link whose types do not fit what
 * serves, and what is walking or baking together already.
 */
import { hashOfJson } from '../kit/digest.ts';
import type { EntryKey } from '../model/component.ts';
import type { Release } from '../model/memory.ts';
import { fitsRemotely } from '../model/remote.ts';
import { matchKey } from '../model/route.ts';
import type { EntryDraft } from './memory.ts';
import { scheduleId, schedulesOf } from './schedule/calls.ts';
import type { Party, Wish } from './world.ts';

export interface Parties {
  readonly of: ReadonlyMap<EntryKey, Party>;
  /** For an entry: those whose matches (or name) it takes over, while they still serve. */
  readonly predecessors: ReadonlyMap<EntryKey, readonly EntryKey[]>;
}

type Entries = ReadonlyMap<EntryKey, EntryDraft>;
type Wishes = ReadonlyMap<EntryKey, Wish>;

export function partiesOf(wishes: Wishes, entries: Entries): Parties {
  const predecessors = predecessorsOf(wishes, entries);
  const roots = new Map<EntryKey, EntryKey>([...wishes.keys()].map((key) => [key, key]));
  const tie = (one: EntryKey, other: EntryKey) => {
    const [low, high] = [rootOf(roots, one), rootOf(roots, other)].sort();
    if (low !== high) roots.set(high!, low!);
  };
  for (const [key, owners] of predecessors) for (const owner of owners) tie(key, owner);
  tieByName(wishes, entries, tie);
  tieByTypes(wishes, entries, tie);

  const members = new Map<EntryKey, EntryKey[]>();
  for (const key of [...wishes.keys()].sort()) {
    const root = rootOf(roots, key);
    members.set(root, [...(members.get(root) ?? []), key]);
  }
  const of = new Map<EntryKey, Party>();
  for (const [root, keys] of members) {
    const party: Party = {
      name: root,
      members: keys,
      attempt: keys.length > 1 ? groupAttempt(keys, wishes) : undefined,
    };
    for (const key of keys) of.set(key, party);
  }
  return { of, predecessors };
}

function rootOf(roots: ReadonlyMap<EntryKey, EntryKey>, key: EntryKey): EntryKey {
  let root = key;
  while (roots.get(root)! !== root) root = roots.get(root)!;
  return root;
}

/** Entries that share a name: the group they declare, or the party of a walk or bake that is under way. */
function tieByName(wishes: Wishes, entries: Entries, tie: (one: EntryKey, other: EntryKey) => void): void {
  const first = new Map<string, EntryKey>();
  for (const [key, wish] of wishes) {
    const group = wish.target?.entry.rollout.group;
    const entry = entries.get(key);
    const names = [
      group && `group ${key.split('/')[0]!}/${group}`,
      entry?.candidate && `walk ${entry.candidate.party}`,
      entry?.serving?.bake?.state === 'Watching' && `walk ${entry.serving.bake.party}`,
    ];
    for (const name of names) {
      if (!name) continue;
      const other = first.get(name);
      if (other) tie(key, other);
      else first.set(name, key);
    }
  }
}

/**
 * Both ends of a remote link that change, where a release of one could meet one of the other that it does not fit. What git
 * names fits each other, or it was refused; so does what serves.
 */
function tieByTypes(wishes: Wishes, entries: Entries, tie: (one: EntryKey, other: EntryKey) => void): void {
  const pairOf = (key: EntryKey) => {
    const [next, now] = [wishes.get(key)?.target?.release, entries.get(key)?.serving?.release];
    return { next, now, changes: next !== undefined && next.release !== now?.release };
  };
  for (const key of wishes.keys()) {
    const caller = pairOf(key);
    if (!caller.changes) continue;
    const meet = (from: Release | undefined, to: 'next' | 'now'): void => {
      for (const call of from?.entry.remote?.calls ?? []) {
        const called = pairOf(call.component);
        const other = called[to];
        if (called.changes && other && !fitsRemotely(call, other.entry.remote?.offers)) tie(key, call.component);
      }
    };
    meet(caller.next, 'now');
    meet(caller.now, 'next');
  }
}

function predecessorsOf(wishes: Wishes, entries: Entries): ReadonlyMap<EntryKey, readonly EntryKey[]> {
  const owners = desiredOwners(wishes);
  const found = new Map<EntryKey, Set<EntryKey>>();
  const add = (heir: EntryKey, owner: EntryKey) => found.set(heir, (found.get(heir) ?? new Set()).add(owner));
  for (const [key, entry] of entries) {
    for (const id of entry.serving ? triggerIds(entry.serving.release.entry) : []) {
      const heir = owners.get(id);
      if (heir && heir !== key && !hasSettled(entries.get(heir), (release) => serves(release, id))) add(heir, key);
    }
  }
  for (const [key, { target }] of wishes) {
    const replaced = target?.entry.rollout.replaces;
    if (replaced === undefined) continue;
    const owner: EntryKey = `${key.split('/')[0]!}/${replaced}`;
    const isThere = (release: Release) => release.release === target?.release.release;
    if (owner !== key && entries.get(owner)?.serving && !hasSettled(entries.get(key), isThere)) add(key, owner);
  }
  return new Map([...found].map(([key, keys]) => [key, [...keys].sort()]));
}

/** What it takes over is its own by now: it serves it, and its bake is over. */
function hasSettled(heir: EntryDraft | undefined, took: (release: Release) => boolean): boolean {
  return heir?.serving !== undefined && heir.serving.bake?.state !== 'Watching' && took(heir.serving.release);
}

function serves(release: Release, match: string): boolean {
  return triggerIds(release.entry).includes(match);
}

/** What an entry can take over from another: matches and schedules, each by a name of its own. */
function triggerIds(entry: Release['entry']): readonly string[] {
  return [...entry.rules.map((rule) => matchKey(rule.match)), ...schedulesOf(entry).map(scheduleId)];
}

/** Which entry git names for each match, and for each schedule. */
export function desiredOwners(wishes: Wishes): ReadonlyMap<string, EntryKey> {
  const owners = new Map<string, EntryKey>();
  for (const [key, { target }] of wishes) {
    for (const id of target ? triggerIds(target.entry) : []) owners.set(id, key);
  }
  return owners;
}

function groupAttempt(keys: readonly EntryKey[], wishes: Wishes): string {
  return hashOfJson({ group: keys.map((key) => [key, wishes.get(key)?.target?.attempt ?? 'deleted']) });
}
