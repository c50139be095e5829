/**
 * One store: the keys and values of one name in one namespace, in one SQLite file.
 *
 * Invariants
 * V1 What is written in one turn of the event loop is one transaction (`begin` … `commit`): all of it is there, or none,
 *    and nobody is answered before it is.
 * V2 `usage` is what the rows add up to. It is read when a transaction begins, under the write lock, so that it is right
 *    whoever else writes this file.
 * V3 A version is given out once in the life of a store: a key that was deleted and set again has another one.
 * V4 What is read in one turn (`beginReading` … `endReading`) is of one moment.
 */
import { MAX_PAGE_KEYS } from '../wire/broker-frames.ts';
import { openDatabase, type Database } from './sqlite.ts';

/** What a grant lets its component make of a store. */
export interface Quota {
  /** Keys and values together. */
  readonly bytes: number;
  readonly keys: number;
  readonly valueBytes: number;
}

/** A key and where to go on after it. */
export interface Listed {
  readonly id: number;
  readonly key: Uint8Array;
}

interface Usage {
  keys: number;
  bytes: number;
  version: number;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    value BLOB NOT NULL,
    version INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS usage (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    keys INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    version INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO usage VALUES (1, 0, 0, 0);
`;

export class Store {
  readonly #database: Database;
  readonly #statements: ReturnType<typeof prepare>;
  #usage: Usage | undefined;
  #reading = false;

  /** @throws what node:sqlite throws: no disk, no file, no database. */
  constructor(file: string) {
    this.#database = openDatabase(file);
    this.#database.exec(SCHEMA);
    this.#statements = prepare(this.#database);
  }

  get writing(): boolean {
    return this.#usage !== undefined;
  }

  /**
   * What is read from now on is of one moment, until `begin`, `endReading` or `close`: a lock of the file is taken once and not
   * for each key.
   */
  beginReading(): void {
    if (this.#reading || this.#usage) return;
    this.#statements.begin.run();
    this.#reading = true;
  }

  endReading(): void {
    if (!this.#reading) return;
    this.#reading = false;
    this.#statements.end.run();
  }

  /** Takes the write lock. */
  begin(): void {
    this.endReading();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#usage = this.#statements.usage.get() as unknown as Usage;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** V1, V2. */
  commit(): void {
    const { keys, bytes, version } = this.#writable();
    this.#statements.setUsage.run(keys, bytes, version);
    this.#database.exec('COMMIT');
    this.#usage = undefined;
  }

  /** After anything has thrown in between: nothing of the batch has happened. */
  rollback(): void {
    this.#usage = undefined;
    this.#reading = false;
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return (this.#statements.get.get(key) as unknown as readonly [Uint8Array] | undefined)?.[0];
  }

  has(key: Uint8Array): boolean {
    return this.#statements.version.get(key) !== undefined;
  }

  /** 0 where the key is not there. */
  version(key: Uint8Array): number {
    return (this.#statements.version.get(key)?.['version'] as number | undefined) ?? 0;
  }

  /**
   * At most `MAX_PAGE_KEYS`, in the order in which they came into the store: a key that is there throughout is met once,
   * whatever else comes and goes meanwhile.
   */
  page(after: number): readonly Listed[] {
    return this.#statements.page.all(after, MAX_PAGE_KEYS) as unknown as readonly Listed[];
  }

  /** Why the pairs do not fit, as a text for the guest; `undefined` where they do. Nothing has changed either way. */
  excess(pairs: readonly (readonly [Uint8Array, Uint8Array])[], quota: Quota): string | undefined {
    const usage = this.#writable();
    let { keys, bytes } = usage;
    const seen = pairs.length > 1 ? new Map<string, number>() : undefined;
    for (const [key, value] of pairs) {
      if (value.length > quota.valueBytes) {
        return `a value of ${value.length} bytes; the grant allows ${quota.valueBytes}`;
      }
      const name = seen && Buffer.from(key).toString('latin1');
      const before = (name === undefined ? undefined : seen!.get(name)) ?? this.#sizeOf(key);
      if (before === undefined) keys += 1;
      bytes += key.length + value.length - (before ?? 0);
      if (name !== undefined) seen!.set(name, key.length + value.length);
    }
    // What makes a store smaller is always allowed: it may be over a quota that was lowered.
    if (keys > quota.keys && keys > usage.keys)
      return `the store would have ${keys} keys; the grant allows ${quota.keys}`;
    if (bytes > quota.bytes && bytes > usage.bytes) {
      return `the store would have ${bytes} bytes; the grant allows ${quota.bytes}`;
    }
    return undefined;
  }

  /** The caller has asked for the excess. */
  set(key: Uint8Array, value: Uint8Array): void {
    const usage = this.#writable();
    const before = this.#sizeOf(key);
    usage.version += 1;
    this.#statements.set.run(key, value, usage.version);
    if (before === undefined) usage.keys += 1;
    usage.bytes += key.length + value.length - (before ?? 0);
  }

  delete(key: Uint8Array): void {
    const usage = this.#writable();
    const before = this.#sizeOf(key);
    if (before === undefined) return;
    this.#statements.delete.run(key);
    usage.keys -= 1;
    usage.bytes -= before;
  }

  /** Keys and bytes that are in it. */
  usage(): { readonly keys: number; readonly bytes: number } {
    return this.#usage ?? (this.#statements.usage.get() as unknown as Usage);
  }

  close(): void {
    this.rollback();
    this.#database.close();
  }

  #writable(): Usage {
    if (!this.#usage) throw new Error('a write outside of begin and commit');
    return this.#usage;
  }

  #sizeOf(key: Uint8Array): number | undefined {
    return this.#statements.size.get(key)?.['size'] as number | undefined;
  }
}

function prepare(database: Database) {
  const get = database.prepare('SELECT value FROM entries WHERE key = ?');
  // An array costs a sixth less than an object with a name in it.
  get.setReturnArrays(true);
  return {
    begin: database.prepare('BEGIN'),
    end: database.prepare('COMMIT'),
    get,
    version: database.prepare('SELECT version FROM entries WHERE key = ?'),
    size: database.prepare('SELECT length(key) + length(value) AS size FROM entries WHERE key = ?'),
    set: database.prepare(
      'INSERT INTO entries (key, value, version) VALUES (?, ?, ?) ' +
        'ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version',
    ),
    delete: database.prepare('DELETE FROM entries WHERE key = ?'),
    page: database.prepare('SELECT id, key FROM entries WHERE id > ? ORDER BY id LIMIT ?'),
    usage: database.prepare('SELECT keys, bytes, version FROM usage'),
    setUsage: database.prepare('UPDATE usage SET keys = ?, bytes = ?, version = ?'),
  };
}
