/** Of which cells an instance took a second call here: whoever wakes one of them need not find out again. */
import type { CellSpec } from '../model/engine.ts';
import { cellKey } from './cell-key.ts';

/** The one that was noted first goes first. */
export const MAX_PROVEN_CELLS = 1_000;

export class ProvenCells {
  readonly #keys = new Set<string>();

  has(cell: CellSpec): boolean {
    return this.#keys.has(cellKey(cell));
  }

  note(cell: CellSpec): void {
    const key = cellKey(cell);
    if (this.#keys.has(key)) return;
    for (const oldest of this.#keys) {
      if (this.#keys.size < MAX_PROVEN_CELLS) break;
      this.#keys.delete(oldest);
    }
    this.#keys.add(key);
  }
}
