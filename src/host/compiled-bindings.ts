/**
 * What V8 has compiled of the bindings of cells, as a cell handed it out, for later cells of the same group and the same bundles.
 *
 * Invariants
 * V1 It comes from a process that only this cell was in, and goes to such a process: who could forge it runs there too.
 * V2 It is one frame a replica, where it was asked for. A cell sends it before it reads its first request, so nobody who asks it something
 *    has a say in it.
 * V3 It is bounded; what was used longest ago goes first.
 */
import { RecentBuffers } from '../kit/recent-buffers.ts';
import type { CellSpec } from '../model/engine.ts';
import { frameHeader } from '../wire/frame-header.ts';
import { ToCell } from '../wire/frames.ts';
import { cellKey } from './cell-key.ts';

/** Of some 50 to 100 kB each. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;

export class CompiledBindings {
  /** Whole frames. */
  readonly #frames: RecentBuffers<string>;

  constructor(mostBytes = MAX_KEPT_BYTES) {
    this.#frames = new RecentBuffers(mostBytes);
  }

  /** The frame to begin the cell's channel with; absent where there is nothing yet. */
  frameFor(cell: CellSpec): Buffer | undefined {
    return this.#frames.get(cellKey(cell));
  }

  /** @param packed copied. */
  keep(cell: CellSpec, packed: Uint8Array): void {
    this.#frames.set(cellKey(cell), Buffer.concat([frameHeader(ToCell.Compiled, 0, packed.length), packed]));
  }

  /** V8 did not take it. */
  forget(cell: CellSpec): void {
    this.#frames.delete(cellKey(cell));
  }
}
