import type { CellSpec } from '../model/engine.ts';
import { unpackCompiled } from '../wire/compiled-bindings.ts';
import type { CellProcess } from './cell-process.ts';
import type { CompiledBindings } from './compiled-bindings.ts';

/** What one start of a cell is given of what V8 has compiled of its bindings, or what it is asked for. */
export class CompiledHandover {
  readonly #kept: CompiledBindings;
  readonly #cell: CellSpec;
  #wasGiven = false;
  #isAsked = false;

  constructor(kept: CompiledBindings, cell: CellSpec) {
    this.#kept = kept;
    this.#cell = cell;
  }

  /** The cell is to hand it out (V2). */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Not where others share the process (V1). Resolves when the kernel has it: what the spawner writes comes behind it. */
  async begin({ channel, shared }: CellProcess): Promise<void> {
    if (shared) return;
    const frame = this.#kept.frameFor(this.#cell);
    this.#isAsked = frame === undefined;
    this.#wasGiven = frame !== undefined;
    if (frame) await new Promise((resolve) => channel.write(frame, resolve));
  }

  /** V8 refuses what another V8 has compiled, and whatever else it does not trust: the next cell is asked again. */
  loaded(isCompiled: boolean): void {
    if (this.#wasGiven && !isCompiled) this.#kept.forget(this.#cell);
  }

  /** From hostile bytes; a text says how they broke the protocol. */
  take(packed: Buffer): string | undefined {
    if (!this.#isAsked) return 'compiled bindings that nobody asked for';
    this.#isAsked = false;
    const pieces = unpackCompiled(packed, 0, packed.length, this.#cell.members.length);
    if (!pieces) return 'compiled bindings of another shape';
    if (pieces.every(({ length }) => length > 0)) this.#kept.keep(this.#cell, packed);
    return undefined;
  }
}
