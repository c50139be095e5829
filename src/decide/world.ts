import type { Now } from '../kit/clock.ts';
import type { EntryKey } from '../model/component.ts';
import type { Action, DecidedEvent } from '../model/decision.ts';
import type { Desired, DesiredEntry, EnvironmentSettings, InvalidDocument } from '../model/desired.ts';
import type { ReplicaObserved } from '../model/engine.ts';
import type { Memory, Release, Tally } from '../model/memory.ts';
import type { Observed } from '../model/observed.ts';
import { groupId, type GroupId } from '../model/snapshot.ts';
import type { EngineIndex } from './engine-index.ts';
import type { EntryDraft, MemoryDraft } from './memory.ts';

/** A desired entry with its identities. */
export interface Target {
  readonly entry: DesiredEntry;
  readonly release: Release;
  readonly attempt: string;
}

/** What git asks for about one entry. */
export interface Wish {
  readonly key: EntryKey;
  /** Absent when it is deleted, or when it was never valid. */
  readonly target?: Target | undefined;
  /** Its document is invalid; `target` is its last valid form. */
  readonly invalid?: InvalidDocument | undefined;
  readonly deleted: boolean;
}

/** Entries that walk in lock-step; most parties have one member. */
export interface Party {
  readonly name: string;
  /** Sorted. */
  readonly members: readonly EntryKey[];
  /** The attempt of the whole group; undefined for a party of one. */
  readonly attempt?: string | undefined;
}

/** All that one decision works with. Only this object, its drafts and its lists change while it is made. */
export interface World {
  readonly desired: Desired;
  readonly observed: Observed;
  /** What `observed.engine` says, by entry and by release. */
  readonly engine: EngineIndex;
  readonly now: Now;
  /** Length of the time since the last decision. */
  readonly elapsedMs: number;
  readonly memory: MemoryDraft;
  readonly entries: Map<EntryKey, EntryDraft>;
  /** The entries as the last decision left them. */
  readonly before: Memory['entries'];
  readonly wishes: ReadonlyMap<EntryKey, Wish>;
  /** Entries that others' cells call, with those; as the decision begins. */
  readonly callers: ReadonlyMap<EntryKey, ReadonlySet<EntryKey>>;
  /** Of this commit, in force at once. */
  readonly environment: EnvironmentSettings;
  /** Of the commit before: its guards hold as well for what this commit itself introduced. */
  readonly judge: EnvironmentSettings;
  /** What each release answered since the last decision. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** The engine answers and has the snapshot that was last decided. */
  readonly acknowledged: boolean;
  readonly actions: Action[];
  readonly events: DecidedEvent[];
}

export function groupOf(key: EntryKey, release: Release): GroupId {
  return groupId(key, release.revision);
}

/** The observed replicas of a group that this memory started and did not stop. */
export function replicasOf(world: World, key: EntryKey, group: GroupId): readonly ReplicaObserved[] {
  const mine = world.entries.get(key)?.replicas ?? [];
  return world.engine
    .replicasOf(key)
    .filter((replica) => replica.group === group && mine.some((known) => known.id === replica.id && !known.stopping));
}

export function readyCount(world: World, key: EntryKey, release: Release): number {
  return replicasOf(world, key, groupOf(key, release)).filter((replica) => replica.phase === 'Ready').length;
}

/** A replica is ready, or is parked or on its way because a call woke it: requests get their answer. */
export function canAnswer(world: World, key: EntryKey, release: Release): boolean {
  if (readyCount(world, key, release) > 0) return true;
  const mine = world.entries.get(key)?.replicas ?? [];
  return replicasOf(world, key, groupOf(key, release)).some(({ id, phase }) => {
    const isOnCall = phase === 'Parked' || phase === 'Starting' || phase === 'Warming';
    return isOnCall && mine.some((replica) => replica.id === id && replica.parked);
  });
}

/** The engine has the snapshot decided last, and none is on its way. */
export function isInForce({ observed, memory, actions }: World): boolean {
  const inForce = observed.engine?.generation === memory.snapshot.generation;
  return inForce && !actions.some(({ type }) => type === 'Publish');
}

export function entryOf(world: World, key: EntryKey): EntryDraft {
  const entry = world.entries.get(key);
  if (!entry) throw new Error(`no memory of ${key}: every wish has one by the time it is looked at`);
  return entry;
}

export function say(
  world: Pick<World, 'events' | 'desired'>,
  key: EntryKey,
  event: Omit<DecidedEvent, 'entry' | 'commit'> & { commit?: string },
): void {
  world.events.push({ commit: world.desired.commit, ...event, entry: key });
}
