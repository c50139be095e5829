/** How many datagrams of each entry went nowhere since the engine's start, as its broker counts them. */
import type { EntryKey } from '../model/component.ts';
import type { DroppedDatagrams, DropReason } from '../model/datagrams.ts';
import { MAX_COUNTED_ENTRIES } from './limit-counts.ts';

export class DropCounts {
  readonly #entries = new Map<EntryKey, Map<DropReason, number>>();

  note(entry: EntryKey, reason: DropReason, count: number): void {
    const counts = this.#entries.get(entry) ?? this.#begin(entry);
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  }

  read(): readonly DroppedDatagrams[] {
    return [...this.#entries].flatMap(([entry, counts]) =>
      [...counts].map(([reason, count]) => ({ entry, reason, count })),
    );
  }

  #begin(entry: EntryKey): Map<DropReason, number> {
    if (this.#entries.size >= MAX_COUNTED_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
    const counts = new Map<DropReason, number>();
    this.#entries.set(entry, counts);
    return counts;
  }
}
