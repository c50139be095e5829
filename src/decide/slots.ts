import type { EntryKey } from '../model/component.ts';
import type { CandidateState } from '../model/memory.ts';
import type { World } from './world.ts';

const PREPARING: ReadonlySet<CandidateState> = new Set(['Fetching', 'Verified', 'Prepared', 'Warming']);

/**
 * Which waiting candidates may begin to prepare now: as many as there are free slots, longest waiting first. Those that
 * go first (a revert, an emergency, serving down) neither wait for a slot nor count while they wait.
 */
export function grantSlots(world: World, waiting: readonly { readonly key: EntryKey; readonly first: boolean }[]) {
  const busy = [...world.entries.values()].filter(
    ({ candidate }) => candidate !== undefined && PREPARING.has(candidate.state),
  ).length;
  let free = world.environment.maxConcurrentRollouts - busy;
  const granted = new Set<EntryKey>();
  for (const { key, first } of [...waiting].sort((one, other) => order(world, one.key, other.key))) {
    if (!first && free <= 0) continue;
    if (!first) free--;
    granted.add(key);
  }
  return granted;
}

function order(world: World, one: EntryKey, other: EntryKey): number {
  const since = (key: EntryKey) => world.entries.get(key)?.candidate?.sinceMs ?? 0;
  return since(one) - since(other) || (one < other ? -1 : 1);
}
