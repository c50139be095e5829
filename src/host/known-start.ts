import type { CellSpec } from '../model/engine.ts';
import type { Loaded } from '../wire/frames.ts';
import type { StartOf } from './assignment.ts';
import type { CellProcess } from './cell-process.ts';
import type { CompiledBindings } from './compiled-bindings.ts';
import { CompiledHandover } from './compiled-handover.ts';
import type { ProvenCells } from './proven.ts';

/** One start of a cell, and what earlier ones that were made of the same have left on this engine. */
export class KnownStart {
  readonly #cell: CellSpec;
  readonly #proven: ProvenCells;
  readonly #compiled: CompiledHandover;

  constructor(cell: CellSpec, proven: ProvenCells, compiled: CompiledBindings) {
    this.#cell = cell;
    this.#proven = proven;
    this.#compiled = new CompiledHandover(compiled, cell);
  }

  /** Before the assignment. */
  async begin(cell: CellProcess, isWake: boolean): Promise<StartOf> {
    await this.#compiled.begin(cell);
    return { isWake, isProven: this.#proven.has(this.#cell), handsOutCompiled: this.#compiled.isAsked };
  }

  loaded({ isProven, isCompiled }: Loaded): void {
    if (isProven) this.#proven.note(this.#cell);
    this.#compiled.loaded(isCompiled);
  }

  /** From hostile bytes; a text says how they broke the protocol. */
  takeCompiled(packed: Buffer): string | undefined {
    return this.#compiled.take(packed);
  }
}
