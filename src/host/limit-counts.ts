/**
 * How often the limits of each entry were hit since the engine's start, counted where each is enforced. Nothing is done for a
 * call that hits none.
 */
import type { EntryKey } from '../model/component.ts';
import { LIMIT_NAMES, type LimitHits, type LimitName } from '../model/limits.ts';

/** Entries come and go with commits; the one that was counted first leaves first. */
export const MAX_COUNTED_ENTRIES = 4_096;

interface Counted {
  hits: number;
  lastWallMs: number;
  bytes: number;
}

export class LimitCounts {
  readonly #entries = new Map<EntryKey, Map<LimitName, Counted>>();
  readonly #wallMs: () => number;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Of `TellLimit`. */
  note(entry: EntryKey, limit: LimitName, count = 1, bytes = 0): void {
    const counts = this.#entries.get(entry) ?? this.#begin(entry);
    const counted = counts.get(limit);
    if (counted === undefined) {
      counts.set(limit, { hits: count, lastWallMs: this.#wallMs(), bytes });
      return;
    }
    counted.hits += count;
    counted.bytes += bytes;
    counted.lastWallMs = this.#wallMs();
  }

  /** In the order of the list. */
  read(): readonly LimitHits[] {
    return [...this.#entries].flatMap(([entry, counts]) =>
      LIMIT_NAMES.flatMap((limit) => {
        const counted = counts.get(limit);
        if (counted === undefined) return [];
        const { hits, lastWallMs, bytes } = counted;
        return [{ entry, limit, hits, lastWallMs, ...(bytes > 0 ? { bytes } : {}) }];
      }),
    );
  }

  #begin(entry: EntryKey): Map<LimitName, Counted> {
    if (this.#entries.size >= MAX_COUNTED_ENTRIES) this.#entries.delete(this.#entries.keys().next().value!);
    const counts = new Map<LimitName, Counted>();
    this.#entries.set(entry, counts);
    return counts;
  }
}
