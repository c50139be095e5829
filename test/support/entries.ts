import type { EntryStatus, ReplicaStatus } from '../../src/model/status.ts';

/** The first replica that takes traffic. */
export function readyReplica({ replicas }: Pick<EntryStatus, 'replicas'>): ReplicaStatus | undefined {
  return replicas.find(({ phase }) => phase === 'Ready');
}

export function isReady(entry: Pick<EntryStatus, 'replicas'>): boolean {
  return readyReplica(entry) !== undefined;
}
