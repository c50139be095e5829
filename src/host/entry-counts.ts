/** Counts by entry and name, of as many entries as may be: entries come and go with commits, the one that was counted first leaves first. */
import type { EntryKey } from '../model/component.ts';

export const MAX_COUNTED_ENTRIES = 4_096;

export class EntryCounts<Name, Counted> {
  readonly #entries = new Map<EntryKey, Map<Name, Counted>>();

  /** Those of an entry, to be written to. */
  of(entry: EntryKey): Map<Name, Counted> {
    const known = this.#entries.get(entry);
    if (known) return known;
    if (this.#entries.size >= MAX_COUNTED_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
    const counts = new Map<Name, Counted>();
    this.#entries.set(entry, counts);
    return counts;
  }

  all(): readonly (readonly [EntryKey, ReadonlyMap<Name, Counted>])[] {
    return [...this.#entries];
  }
}
