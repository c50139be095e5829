/** Opens the database file, or makes a new one, and tells a good one from a damaged one. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { JournalLimits } from './limits.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION, versionOfFile } from './schema.ts';
import { syncFolder } from './seed.ts';
import { isBusy, isSqliteError } from './sqlite.ts';
import { migrate } from './migrate.ts';

export const JOURNAL_FILE = 'journal.db';
const ASIDE_PREFIX = 'journal.corrupt-';
const MAX_ASIDE = 3;
/** Somebody who looks into the file by hand may hold it for a moment. */
const BUSY_TIMEOUT_MS = 5_000;
const SUFFIXES = ['', '-wal', '-shm'];

export type Opened =
  | { readonly type: 'good'; readonly database: DatabaseSync }
  | { readonly type: 'absent' }
  | { readonly type: 'newer'; readonly version: number }
  | { readonly type: 'damaged'; readonly why: string };

export function openDatabase(folder: string, limits: JournalLimits): Opened {
  const file = join(folder, JOURNAL_FILE);
  if (!existsSync(file)) return { type: 'absent' };
  const version = versionOfFile(file);
  if (version === undefined) return { type: 'damaged', why: 'it is not a journal of Headway' };
  if (version > SCHEMA_VERSION) return { type: 'newer', version };
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    setUp(database, limits);
    const check = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (check.quick_check !== 'ok') {
      database.close();
      return { type: 'damaged', why: check.quick_check };
    }
    migrate(database);
    return { type: 'good', database };
  } catch (error) {
    database?.close();
    if (error instanceof SyntaxError) return { type: 'damaged', why: 'what it holds cannot be read' };
    if (!isSqliteError(error) || isBusy(error)) throw error;
    return { type: 'damaged', why: error.message };
  }
}

/**
 * Made beside its place and moved there when it is whole, so that a journal never exists without its tables and its
 * version always stands in the file's header.
 */
export function createDatabase(folder: string, limits: JournalLimits, lastEventId: number): DatabaseSync {
  const file = join(folder, JOURNAL_FILE);
  const next = `${file}.next`;
  for (const suffix of SUFFIXES) rmSync(next + suffix, { force: true });
  const fresh = new DatabaseSync(next, { timeout: BUSY_TIMEOUT_MS });
  fresh.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID};`);
  fresh.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION};`);
  fresh.prepare(`INSERT INTO sqlite_sequence (name, seq) VALUES ('timeline', ?)`).run(lastEventId);
  fresh.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE);');
  fresh.close();
  renameSync(next, file);
  syncFolder(folder);
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
  setUp(database, limits);
  return database;
}

function setUp(database: DatabaseSync, limits: JournalLimits): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;');
  const { page_size } = database.prepare('PRAGMA page_size').get() as { page_size: number };
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(limits.databaseBytes / page_size))};`);
}

/** Keeps what is damaged for whoever wants to look at it, but never more than the last few. */
export function moveAside(folder: string, wallMs: number): string {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[:.]/g, '-');
  const aside = join(folder, `${ASIDE_PREFIX}${stamp}.db`);
  for (const suffix of SUFFIXES) {
    if (existsSync(join(folder, JOURNAL_FILE + suffix))) {
      renameSync(join(folder, JOURNAL_FILE + suffix), aside + suffix);
    }
  }
  const older = readdirSync(folder).filter((name) => name.startsWith(ASIDE_PREFIX) && name.endsWith('.db'));
  for (const name of older.sort().slice(0, -MAX_ASIDE)) {
    for (const suffix of SUFFIXES) rmSync(join(folder, name + suffix), { force: true });
  }
  return aside;
}
