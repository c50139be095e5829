/**
 * The stores of this node, by namespace and name. Files are opened when they are asked for and closed when many others
 * were used since; nothing here ever deletes one.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Store } from './store.ts';

/** Open files at a time, three descriptors each. */
export const MAX_OPEN_STORES = 64;

export class Stores {
  readonly #folder: string;
  readonly #maxOpen: number;
  /** The one that was used last is last. */
  readonly #open = new Map<string, Store>();

  /** @param folder mode 0700. */
  constructor(folder: string, maxOpen = MAX_OPEN_STORES) {
    this.#folder = folder;
    this.#maxOpen = maxOpen;
  }

  /**
   * @param name a name of the manifests, so that it is a file name as it is.
   * @throws what node:sqlite and the file system throw.
   */
  open(namespace: string, name: string): Store {
    const id = `${namespace}/${name}`;
    const known = this.#open.get(id);
    if (known) {
      this.#open.delete(id);
      this.#open.set(id, known);
      return known;
    }
    const folder = path.join(this.#folder, namespace);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const store = new Store(path.join(folder, `${name}.sqlite`));
    this.#open.set(id, store);
    this.#closeUnused();
    return store;
  }

  /** Drops a store that has thrown: the next use opens it again. */
  drop(namespace: string, name: string): void {
    const id = `${namespace}/${name}`;
    const store = this.#open.get(id);
    this.#open.delete(id);
    try {
      store?.close();
    } catch {
      // What is broken may not even close.
    }
  }

  close(): void {
    for (const store of this.#open.values()) store.close();
    this.#open.clear();
  }

  /** One in the middle of a batch stays, whatever its turn is. */
  #closeUnused(): void {
    for (const [id, store] of this.#open) {
      if (this.#open.size <= this.#maxOpen) return;
      if (store.writing) continue;
      this.#open.delete(id);
      store.close();
    }
  }
}
