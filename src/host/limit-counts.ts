/**
 * How often the limits of each entry were hit since the engine's start, counted where each is enforced. Nothing is done for a
 * call that hits none.
 */
import type { EntryKey } from '../model/component.ts';
import { LIMIT_NAMES, type LimitHits, type LimitName } from '../model/limits.ts';
import { EntryCounts } from './entry-counts.ts';

interface Counted {
  hits: number;
  lastWallMs: number;
  bytes: number;
}

export class LimitCounts {
  readonly #entries = new EntryCounts<LimitName, Counted>();
  readonly #wallMs: () => number;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** Of `TellLimit`. */
  note(entry: EntryKey, limit: LimitName, count = 1, bytes = 0): void {
    const counts = this.#entries.of(entry);
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
    return this.#entries.all().flatMap(([entry, counts]) =>
      LIMIT_NAMES.flatMap((limit) => {
        const counted = counts.get(limit);
        if (counted === undefined) return [];
        const { hits, lastWallMs, bytes } = counted;
        return [{ entry, limit, hits, lastWallMs, ...(bytes > 0 ? { bytes } : {}) }];
      }),
    );
  }
}
