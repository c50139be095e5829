/** The only use of `node:sqlite` in this room: one database file, opened for a store of small values. */
import { backup, DatabaseSync } from 'node:sqlite';

export type Database = DatabaseSync;

/** Another process may hold the write lock for the length of one batch. */
const BUSY_TIMEOUT_MS = 2_000;
/** Negative: KiB. */
const CACHE_KIB = 2_048;
const MMAP_BYTES = 256 * 1024 * 1024;
/** Pages of the log that are moved into the file at a time; the log stays about so long. */
const CHECKPOINT_PAGES = 1_000;

/**
 * `synchronous = NORMAL`: a commit survives the end of any process; the last ones before a power cut may be missing, and
 * the file is whole.
 *
 * @throws what node:sqlite throws.
 */
export function openDatabase(file: string): Database {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA mmap_size = ${MMAP_BYTES};
    PRAGMA trusted_schema = OFF;
  `);
  return database;
}

/** Pages that are copied at a time, in a thread of Node's pool: whoever asks for something meanwhile is answered. */
const BACKUP_PAGES = 1_000;

/** A copy of the whole database, as it is when the last page is copied. Rejects with what node:sqlite throws. */
export async function backUp(database: Database, file: string): Promise<void> {
  await backup(database, file, { rate: BACKUP_PAGES });
}
