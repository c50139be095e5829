/** How many datagrams of each entry went nowhere since the engine's start, as its broker counts them. */
import type { EntryKey } from '../model/component.ts';
import type { DroppedDatagrams, DropReason } from '../model/datagrams.ts';
import { EntryCounts } from './entry-counts.ts';

export class DropCounts {
  readonly #entries = new EntryCounts<DropReason, number>();

  note(entry: EntryKey, reason: DropReason, count: number): void {
    const counts = this.#entries.of(entry);
    counts.set(reason, (counts.get(reason) ?? 0) + count);
  }

  read(): readonly DroppedDatagrams[] {
    return this.#entries
      .all()
      .flatMap(([entry, counts]) => [...counts].map(([reason, count]) => ({ entry, reason, count })));
  }
}
