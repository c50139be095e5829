/**
 * Editions of stores: which file is which, and what control may have done with them. Cells cannot ask for any of it.
 *
 * Invariants
 * E1 A copy is there as a whole, on disk, or not at all: it is made beside its place and renamed when it is durable.
 * E2 Nothing is copied from, and nothing removed, while a cell that may write to it is attached.
 * E3 Asking twice is asking once: a copy that is there, or is being made, is not made again.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import {
  EDITION,
  FIRST_EDITION,
  type DataOf,
  type Edition,
  type StoreOrder,
  type StoresDone,
} from '../model/edition.ts';
import { problem, type Problem } from '../model/problem.ts';
import { backUp, openDatabase } from './sqlite.ts';

/** What a copy leaves free for everybody else. */
export const SPARE_BYTES = 64 * 1024 * 1024;
/** What may lie beside a database file. */
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;

export interface EditionsOptions {
  readonly folder: string;
  /** Cells that are attached and may write to this edition, by the names of their replicas. */
  readonly usersOf: (namespace: string, store: string, edition: Edition) => readonly string[];
  /** Closes the file where it is open. */
  readonly release: (namespace: string, store: string, edition: Edition) => void;
  /** For tests: of the file system otherwise. */
  readonly freeBytes?: () => number;
}

/** Where an edition of a store lies; the folder of its namespace is there afterwards. */
export function fileOf(folder: string, namespace: string, store: string, edition: Edition): string {
  const own = path.join(folder, namespace);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  return path.join(own, edition === FIRST_EDITION ? `${store}.sqlite` : `${store}@${edition}.sqlite`);
}

/** What whoever has no edition of its own gets. */
export function currentOf(folder: string, namespace: string, store: string): DataOf {
  try {
    const text = readFileSync(path.join(folder, namespace, `${store}.edition`), 'utf8');
    const { edition, version } = JSON.parse(text) as Partial<DataOf>;
    if (typeof edition === 'string' && (edition === FIRST_EDITION || EDITION.test(edition))) {
      return { edition, ...(typeof version === 'string' ? { version } : {}) };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { edition: FIRST_EDITION };
}

export class Editions {
  readonly #options: EditionsOptions;
  readonly #copying = new Map<string, Promise<void>>();

  constructor(options: EditionsOptions) {
    this.#options = options;
  }

  async carryOut(order: StoreOrder): Promise<Result<StoresDone, Problem>> {
    try {
      switch (order.type) {
        case 'Copy':
          return await this.#copy(order);
        case 'Use':
          for (const store of order.stores) this.#use(namespaceOf(order), store, order.data);
          return ok({});
        case 'Drop':
          return await this.#drop(order);
      }
    } catch (error) {
      return err(problem('HW4622', `${order.entry}: ${(error as Error).message}`));
    }
  }

  async #copy(order: Extract<StoreOrder, { type: 'Copy' }>): Promise<Result<StoresDone, Problem>> {
    const { folder } = this.#options;
    const namespace = namespaceOf(order);
    const sources = order.stores.map((store) => ({ store, data: this.#sourceOf(namespace, store, order.from) }));
    const [first] = sources;
    if (order.from === undefined && sources.some(({ data }) => data.edition !== first?.data.edition)) {
      const stand = sources.map(({ store, data }) => `${store} at ${data.edition || 'its first'}`).join(', ');
      return err(problem('HW4623', `${order.entry}: ${stand}`));
    }
    const missing = sources.filter(
      ({ store, data }) =>
        !existsSync(fileOf(folder, namespace, store, order.to)) &&
        existsSync(fileOf(folder, namespace, store, data.edition)),
    );
    const refused = this.#inUse(namespace, missing) ?? this.#noRoom(namespace, missing);
    if (refused) return err(refused);
    for (const { store, data } of missing) {
      this.#options.release(namespace, store, data.edition);
      await this.#copyOne(fileOf(folder, namespace, store, data.edition), fileOf(folder, namespace, store, order.to));
    }
    const isThere = sources.some(({ store, data }) => existsSync(fileOf(folder, namespace, store, data.edition)));
    const from = order.from === undefined ? first?.data : { edition: order.from };
    return ok({ ...(from ? { from } : {}), ...(isThere ? {} : { isEmpty: true as const }) });
  }

  /** A store that its owner named only later has no file of that edition: then what lies under its name is meant. */
  #sourceOf(namespace: string, store: string, from: Edition | undefined): DataOf {
    const { folder } = this.#options;
    if (from !== undefined && existsSync(fileOf(folder, namespace, store, from))) return { edition: from };
    return currentOf(folder, namespace, store);
  }

  /** E1, E3. */
  async #copyOne(source: string, target: string): Promise<void> {
    const running = this.#copying.get(target);
    if (running) return running;
    const copying = this.#copyNow(source, target).finally(() => this.#copying.delete(target));
    this.#copying.set(target, copying);
    return copying;
  }

  async #copyNow(source: string, target: string): Promise<void> {
    const next = `${target}.next`;
    remove(next);
    const database = openDatabase(source);
    try {
      await backUp(database, next);
      makeDurable(next);
      renameSync(next, target);
      makeDurable(path.dirname(target));
    } catch (error) {
      remove(next);
      throw error;
    } finally {
      database.close();
    }
  }

  #use(namespace: string, store: string, data: DataOf): void {
    const folder = path.join(this.#options.folder, namespace);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = path.join(folder, `${store}.edition`);
    writeFileSync(`${file}.next`, JSON.stringify(data), { flush: true, mode: 0o600 });
    renameSync(`${file}.next`, file);
    makeDurable(folder);
  }

  async #drop(order: Extract<StoreOrder, { type: 'Drop' }>): Promise<Result<StoresDone, Problem>> {
    const namespace = namespaceOf(order);
    // One that is still being made would be there afterwards, and nobody would know.
    for (const store of order.stores) {
      await this.#copying.get(fileOf(this.#options.folder, namespace, store, order.edition))?.catch(() => undefined);
    }
    const used = order.stores.map((store) => ({ store, data: { edition: order.edition } }));
    const refused = this.#inUse(namespace, used);
    if (refused) return err(refused);
    for (const store of order.stores) {
      this.#options.release(namespace, store, order.edition);
      remove(fileOf(this.#options.folder, namespace, store, order.edition));
    }
    return ok({});
  }

  /** E2. */
  #inUse(namespace: string, sources: readonly { store: string; data: DataOf }[]): Problem | undefined {
    for (const { store, data } of sources) {
      const users = this.#options.usersOf(namespace, store, data.edition);
      if (users.length > 0) {
        return problem('HW4620', `${namespace}/${store} may be written to by ${users.slice(0, 3).join(', ')}`);
      }
    }
    return undefined;
  }

  #noRoom(namespace: string, sources: readonly { store: string; data: DataOf }[]): Problem | undefined {
    if (sources.length === 0) return undefined;
    const { folder } = this.#options;
    const files = sources.map(({ store, data }) => fileOf(folder, namespace, store, data.edition));
    const bytes = files.reduce((sum, file) => sum + sizeOf(file) + sizeOf(`${file}-wal`), 0);
    const free = this.#options.freeBytes?.() ?? freeBytesOf(folder);
    if (free >= bytes + SPARE_BYTES) return undefined;
    const names = sources.map(({ store }) => `${namespace}/${store}`).join(', ');
    return problem('HW4621', `a copy of ${names} takes ${bytes} bytes and ${SPARE_BYTES} stay free; there are ${free}`);
  }
}

function namespaceOf({ entry }: StoreOrder): string {
  return entry.slice(0, entry.indexOf('/'));
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function remove(file: string): void {
  for (const companion of COMPANIONS) rmSync(`${file}${companion}`, { force: true });
}

function makeDurable(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
