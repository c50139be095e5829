/**
 * The stores of this node, by namespace and name. Files are opened when they are asked for and closed when many others
 * were used since; nothing here ever deletes one. Which file of a store is meant is said by its edition (`editions.ts`).
 */
import type { Edition } from '../model/edition.ts';
import { currentOf, fileOf } from './editions.ts';
import { Store } from './store.ts';

/** Open files at a time, three descriptors each. */
export const MAX_OPEN_STORES = 64;

export class Stores {
  readonly #folder: string;
  readonly #maxOpen: number;
  /** The one that was used last is last. */
  readonly #open = new Map<string, Store>();
  /** What those without an edition get, by store. */
  readonly #current = new Map<string, Edition>();

  /** @param folder mode 0700. */
  constructor(folder: string, maxOpen = MAX_OPEN_STORES) {
    this.#folder = folder;
    this.#maxOpen = maxOpen;
  }

  /**
   * @param name a name of the manifests, so that it is a file name as it is.
   * @param edition of the component; without one, what `Use` named last.
   * @throws what node:sqlite and the file system throw.
   */
  open(namespace: string, name: string, edition?: Edition): Store {
    const id = this.#idOf(namespace, name, edition);
    const known = this.#open.get(id);
    if (known) {
      this.#open.delete(id);
      this.#open.set(id, known);
      return known;
    }
    const store = new Store(fileOf(this.#folder, namespace, name, this.editionOf(namespace, name, edition)));
    this.#open.set(id, store);
    this.#closeUnused();
    return store;
  }

  /** Closes a store that has thrown, or whose file is wanted as it is: the next use opens it again. */
  drop(namespace: string, name: string, edition?: Edition): void {
    const id = this.#idOf(namespace, name, edition);
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

  /** `Use` was carried out: what was read of it before is looked up again. */
  forget(namespace: string, name: string): void {
    this.#current.delete(`${namespace}/${name}`);
  }

  editionOf(namespace: string, name: string, edition: Edition | undefined): Edition {
    if (edition !== undefined) return edition;
    const id = `${namespace}/${name}`;
    const known = this.#current.get(id) ?? currentOf(this.#folder, namespace, name).edition;
    this.#current.set(id, known);
    return known;
  }

  #idOf(namespace: string, name: string, edition: Edition | undefined): string {
    return `${namespace}/${name}@${this.editionOf(namespace, name, edition)}`;
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
