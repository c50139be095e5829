import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { EntryKey } from '../model/component.ts';
import type { Evidence, Reason, TimelineEvent } from '../model/status.ts';

/** Of one table of parts. */
export interface PartStatements {
  readonly allParts: StatementSync;
  readonly putPart: StatementSync;
  readonly dropPart: StatementSync;
}

export interface Statements {
  readonly getDesired: StatementSync;
  readonly putDesired: StatementSync;
  readonly memory: PartStatements;
  readonly outbox: PartStatements;
  readonly addStep: StatementSync;
  readonly finishStep: StatementSync;
  readonly pruneSteps: StatementSync;
  readonly unfinished: StatementSync;
  readonly addEvent: StatementSync;
  readonly pruneTimeline: StatementSync;
  readonly timeline: StatementSync;
  readonly lastEventId: StatementSync;
  /** Oldest first. */
  readonly eventsAfter: StatementSync;
  readonly authorOf: StatementSync;
  readonly eventsOf: StatementSync;
  readonly getAuditHead: StatementSync;
  readonly putAuditHead: StatementSync;
}

/** @throws when a table or a column is not there. */
export function prepareStatements(database: DatabaseSync): Statements {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    getDesired: sql(`SELECT json FROM state WHERE name = 'desired'`),
    putDesired: sql(
      `INSERT INTO state (name, json) VALUES ('desired', ?) ON CONFLICT (name) DO UPDATE SET json = excluded.json`,
    ),
    memory: partStatements(sql, 'memory'),
    outbox: partStatements(sql, 'outbox'),
    addStep: sql('INSERT INTO steps (reconcile_id, intents) VALUES (?, ?)'),
    finishStep: sql('UPDATE steps SET results = ? WHERE id = (SELECT max(id) FROM steps WHERE reconcile_id = ?)'),
    pruneSteps: sql('DELETE FROM steps WHERE id <= (SELECT max(id) FROM steps) - ?'),
    unfinished: sql('SELECT reconcile_id, intents FROM steps WHERE results IS NULL ORDER BY id'),
    addEvent: sql(
      'INSERT INTO timeline (at, reconcile_id, commit_id, entry, reason, message, evidence, author) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    pruneTimeline: sql('DELETE FROM timeline WHERE id <= (SELECT max(id) FROM timeline) - ?'),
    timeline: sql('SELECT * FROM timeline ORDER BY id DESC LIMIT ?'),
    lastEventId: sql(`SELECT seq FROM sqlite_sequence WHERE name = 'timeline'`),
    eventsAfter: sql('SELECT * FROM timeline WHERE id > ? ORDER BY id'),
    eventsOf: sql('SELECT * FROM (SELECT * FROM timeline WHERE commit_id = ? ORDER BY id DESC LIMIT ?) ORDER BY id'),
    authorOf: sql('SELECT author FROM timeline WHERE commit_id = ? AND author IS NOT NULL ORDER BY id DESC LIMIT 1'),
    getAuditHead: sql(`SELECT seq, hash FROM audit_head WHERE name = 'head'`),
    putAuditHead: sql(
      `INSERT INTO audit_head (name, seq, hash) VALUES ('head', ?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE seq IS NOT excluded.seq`,
    ),
  };
}

function partStatements(sql: (text: string) => StatementSync, table: 'memory' | 'outbox'): PartStatements {
  return {
    allParts: sql(`SELECT part, json FROM ${table} ORDER BY part`),
    // Another value that prints the same touches no page.
    putPart: sql(
      `INSERT INTO ${table} (part, json) VALUES (?, ?) ON CONFLICT (part) DO UPDATE SET json = excluded.json WHERE json IS NOT excluded.json`,
    ),
    dropPart: sql(`DELETE FROM ${table} WHERE part = ?`),
  };
}

export function rowToEvent(row: Record<string, SQLOutputValue>): TimelineEvent {
  const evidence = row['evidence'] as string | null;
  const entry = row['entry'] as EntryKey | null;
  const author = row['author'] as string | null;
  return {
    id: row['id'] as number,
    at: row['at'] as string,
    reconcileId: row['reconcile_id'] as string,
    commit: row['commit_id'] as string,
    ...(author === null ? {} : { author }),
    ...(entry === null ? {} : { entry }),
    reason: row['reason'] as Reason,
    message: row['message'] as string,
    ...(evidence === null ? {} : { evidence: JSON.parse(evidence) as readonly Evidence[] }),
  };
}
