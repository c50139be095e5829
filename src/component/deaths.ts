import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashOfJson } from '../kit/digest.ts';
import type { PreparationKey } from './bundle-index.ts';

/** After this many children a component is refused for as long as toolchain and limit stay the same. */
export const MAX_DEATHS = 2;
const MAX_REMEMBERED = 1_000;

/** How often a component took its child with it; on disk, so that a restart does not start counting again. */
export class Deaths {
  readonly #folder: string;
  readonly #counts = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(folder).slice(0, MAX_REMEMBERED)) {
      this.#counts.set(name, Number(readFileSync(path.join(folder, name), 'utf8')) || 0);
    }
  }

  of(key: PreparationKey): number {
    return this.#counts.get(nameOf(key)) ?? 0;
  }

  /** Counts one more and returns how many there are now. */
  add(key: PreparationKey): number {
    const count = this.of(key) + 1;
    const name = nameOf(key);
    if (this.#counts.size >= MAX_REMEMBERED) this.#forgetOldest();
    this.#counts.set(name, count);
    try {
      writeFileSync(path.join(this.#folder, name), String(count), { mode: 0o600 });
    } catch {
      // A disk that refuses costs the count at the next restart; it is right until then.
    }
    return count;
  }

  forgive(key: PreparationKey): void {
    if (this.#counts.delete(nameOf(key))) rmSync(path.join(this.#folder, nameOf(key)), { force: true });
  }

  #forgetOldest(): void {
    const [oldest] = this.#counts.keys();
    if (oldest === undefined) return;
    this.#counts.delete(oldest);
    rmSync(path.join(this.#folder, oldest), { force: true });
  }
}

function nameOf({ artifact, memoryBytes, toolchain }: PreparationKey): string {
  return hashOfJson({ artifact, memoryBytes, toolchain });
}
