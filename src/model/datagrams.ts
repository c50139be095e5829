/** Datagrams of guests that went nowhere, and why: a closed list for the broker's counts, status and the metric. */
import type { EntryKey } from './component.ts';

export const DROP_REASONS = [
  /** It arrived while the guest had not read what came before, 256 kB of it. */
  'QueueFull',
  /** It arrived from somebody whom the guest may not send to. */
  'FromNotGranted',
  /** The guest sent it to somebody whom it may not send to; it is told, and the audit has it too. */
  'ToNotGranted',
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Since the engine's start. */
export interface DroppedDatagrams {
  readonly entry: EntryKey;
  readonly reason: DropReason;
  readonly count: number;
}

/** What was counted in several places, added up: in the order of the first of each. */
export function addDropped(counts: Iterable<DroppedDatagrams>): readonly DroppedDatagrams[] {
  const sums = new Map<string, DroppedDatagrams>();
  for (const one of counts) {
    const name = `${one.reason} ${one.entry}`;
    sums.set(name, { ...one, count: one.count + (sums.get(name)?.count ?? 0) });
  }
  return [...sums.values()];
}
