/** Of which cells an instance took a second call here: whoever wakes one of them need not find out again. */
import type { CellSpec } from '../model/engine.ts';

/** The one that was noted first goes first. */
export const MAX_PROVEN_CELLS = 1_000;

export class ProvenCells {
  readonly #keys = new Set<string>();

  has(cell: CellSpec): boolean {
    return this.#keys.has(keyOf(cell));
  }

  note(cell: CellSpec): void {
    const key = keyOf(cell);
    if (this.#keys.has(key)) return;
    for (const oldest of this.#keys) {
      if (this.#keys.size < MAX_PROVEN_CELLS) break;
      this.#keys.delete(oldest);
    }
    this.#keys.add(key);
  }
}

/** The group has the settings, the bundles what is made of them here. */
function keyOf({ group, members }: CellSpec): string {
  return [group, ...members.map(({ bundle }) => bundle.digest)].join(' ');
}
