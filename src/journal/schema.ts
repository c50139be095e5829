import { closeSync, openSync, readSync } from 'node:fs';

/** Raised with every change of the tables or of what their JSON means. */
export const SCHEMA_VERSION = 4;
/** "HDWY": tells our files from other databases. */
export const APPLICATION_ID = 0x48445759;

export const STATE_TABLE = `
CREATE TABLE state (
  name TEXT PRIMARY KEY CHECK (name = 'desired'),
  json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** One row per part of the memory (model/memory-parts.ts). */
export const MEMORY_TABLE = `
CREATE TABLE memory (
  part TEXT PRIMARY KEY,
  json TEXT NOT NULL
) STRICT;
`;

/** One row per part of what waits to be told (decide/report/outbox-parts.ts). */
export const OUTBOX_TABLE = `
CREATE TABLE outbox (
  part TEXT PRIMARY KEY,
  json TEXT NOT NULL
) STRICT;
`;

/** The last record of the audit that the journal has seen (audit/audit-log.ts): one row, or none yet. */
export const AUDIT_HEAD_TABLE = `
CREATE TABLE audit_head (
  name TEXT PRIMARY KEY CHECK (name = 'head'),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;

/** `AUTOINCREMENT` because an id is never used twice, pruned or not. */
export const SCHEMA = `
${STATE_TABLE}
${MEMORY_TABLE}
${OUTBOX_TABLE}
${AUDIT_HEAD_TABLE}

CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  reconcile_id TEXT NOT NULL,
  intents TEXT NOT NULL,
  results TEXT
) STRICT;

CREATE INDEX steps_by_reconcile_id ON steps (reconcile_id);

CREATE TABLE timeline (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  reconcile_id TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  entry TEXT,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  evidence TEXT,
  author TEXT
) STRICT;
`;

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const USER_VERSION_OFFSET = 60;
const APPLICATION_ID_OFFSET = 68;

/**
 * The schema version as the file's header tells it (https://sqlite.org/fileformat2.html#the_database_header), read
 * without opening the database: to open one is to touch it. `undefined` where the file is not a journal of ours.
 */
export function versionOfFile(file: string): number | undefined {
  const header = Buffer.alloc(HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    if (readSync(descriptor, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return undefined;
  } finally {
    closeSync(descriptor);
  }
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  if (header.readUInt32BE(APPLICATION_ID_OFFSET) !== APPLICATION_ID) return undefined;
  return header.readUInt32BE(USER_VERSION_OFFSET);
}
