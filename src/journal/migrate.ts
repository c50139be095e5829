/** From the tables of an older version to ours: in one transaction, so that a crash leaves the one or the other. */
import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../kit/json.ts';
import { partsOf } from '../model/memory-parts.ts';
import { AUDIT_HEAD_TABLE, MEMORY_TABLE, OUTBOX_TABLE, SCHEMA_VERSION, STATE_TABLE } from './schema.ts';

/** @throws SyntaxError where the memory of version 1 is no JSON, and SQLite's errors. */
export function migrate(database: DatabaseSync): void {
  const { user_version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (user_version >= SCHEMA_VERSION) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    if (user_version < 2) splitMemory(database);
    if (user_version < 3) database.exec(`${AUDIT_HEAD_TABLE} ALTER TABLE timeline ADD COLUMN author TEXT;`);
    if (user_version < 4) database.exec(OUTBOX_TABLE);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
  // The version is read from the file's header, which is behind until the log is in it.
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

/** Version 1 held the whole memory as one text beside the desired state. */
function splitMemory(database: DatabaseSync): void {
  const row = database.prepare(`SELECT json FROM state WHERE name = 'memory'`).get() as { json: string } | undefined;
  database.exec(MEMORY_TABLE);
  const put = database.prepare('INSERT INTO memory (part, json) VALUES (?, ?)');
  const memory = row ? (JSON.parse(row.json) as { readonly [field: string]: Json }) : {};
  for (const [part, value] of Object.entries(partsOf(memory))) put.run(part, JSON.stringify(value));
  database.exec(`ALTER TABLE state RENAME TO state_1; ${STATE_TABLE}
    INSERT INTO state SELECT name, json FROM state_1 WHERE name = 'desired'; DROP TABLE state_1;`);
}
