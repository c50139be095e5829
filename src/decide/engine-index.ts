/** What the engine reported, by entry and by release: looked through once a decision and not once for each entry. */
import type { EntryKey } from '../model/component.ts';
import type { DroppedDatagrams } from '../model/datagrams.ts';
import type { EngineObserved, GroupLoad, ReleaseSamples, ReplicaObserved } from '../model/engine.ts';
import type { LimitHits } from '../model/limits.ts';
import { entryOfGroup, type GroupId } from '../model/snapshot.ts';

export interface EngineIndex {
  /** In the order of the report. */
  replicasOf(key: EntryKey): readonly ReplicaObserved[];
  samplesOf(key: EntryKey): readonly ReleaseSamples[];
  loadsOf(key: EntryKey): readonly GroupLoad[];
  limitHitsOf(key: EntryKey): readonly LimitHits[];
  droppedOf(key: EntryKey): readonly DroppedDatagrams[];
  sample(release: string): ReleaseSamples | undefined;
}

export function indexEngine(engine: EngineObserved | undefined): EngineIndex {
  const replicas = byEntry(engine?.replicas ?? []);
  const samples = byEntry(engine?.samples ?? []);
  const loads = byEntry(engine?.loads ?? []);
  const hits = Map.groupBy(engine?.limitHits ?? [], ({ entry }) => entry);
  const dropped = Map.groupBy(engine?.droppedDatagrams ?? [], ({ entry }) => entry);
  // The first of a release counts, should there be two.
  const releases = new Map((engine?.samples ?? []).toReversed().map((one) => [one.release, one]));
  return {
    replicasOf: (key) => replicas.get(key) ?? [],
    samplesOf: (key) => samples.get(key) ?? [],
    loadsOf: (key) => loads.get(key) ?? [],
    limitHitsOf: (key) => hits.get(key) ?? [],
    droppedOf: (key) => dropped.get(key) ?? [],
    sample: (release) => releases.get(release),
  };
}

function byEntry<T extends { readonly group: GroupId }>(items: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const lists = new Map<string, T[]>();
  for (const item of items) {
    const key = entryOfGroup(item.group);
    const list = lists.get(key);
    if (list) list.push(item);
    else lists.set(key, [item]);
  }
  return lists;
}
