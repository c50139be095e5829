/** The audit of a data folder, read by somebody else than its daemon: nothing is opened for writing, nothing is locked. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { err, ok, type Result } from '../../kit/result.ts';
import type { AuditAnchor, AuditRecord } from '../../model/audit-record.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { JOURNAL_FILE } from '../database.ts';
import { SCHEMA_VERSION, versionOfFile } from '../schema.ts';
import { AUDIT_FOLDER } from './audit-log.ts';
import { readLines } from './chain.ts';
import { listSegments, readSegment } from './segments.ts';
import type { AuditFile } from './verify.ts';

const ROOTS_FOLDER = 'roots';

export interface AuditFolder {
  /** What the journal has seen last, or why that is not known. */
  readonly anchor: Result<AuditAnchor, string>;
  /** Oldest first; each is read when its turn comes. @throws the file system's errors. */
  files(): Iterable<AuditFile>;
}

export function openAuditFolder(data: string): Result<AuditFolder, Problem> {
  const folder = join(data, AUDIT_FOLDER);
  if (!existsSync(folder)) return err(problem('HW5042', `there is no ${folder}`, remedyWithRoots(data)));
  // The anchor first: a daemon that writes meanwhile is ahead of it, never behind.
  const anchor = anchorOf(data);
  const segments = listSegments(folder);
  return ok({
    anchor,
    *files() {
      for (const segment of segments) yield { ...segment, bytes: readSegment(segment) };
    },
  });
}

/** A daemon with several roots has an audit for each. */
function remedyWithRoots(data: string): { readonly remedy?: string } {
  const folder = join(data, ROOTS_FOLDER);
  const roots = existsSync(folder) ? readdirSync(folder).sort() : [];
  if (roots.length === 0) return {};
  return { remedy: `each root has its own: --data ${roots.map((root) => join(folder, root)).join(', or --data ')}` };
}

function anchorOf(data: string): Result<AuditAnchor, string> {
  const file = join(data, JOURNAL_FILE);
  if (!existsSync(file)) return err('there is no journal');
  let database: DatabaseSync | undefined;
  try {
    const version = versionOfFile(file);
    if (version === undefined || version > SCHEMA_VERSION)
      return err(`the journal is not of a version up to ${SCHEMA_VERSION}`);
    database = new DatabaseSync(file, { readOnly: true });
    const anchor = database.prepare('SELECT seq, hash FROM audit_head').get() as AuditAnchor | undefined;
    return anchor ? ok({ seq: anchor.seq, hash: anchor.hash }) : err('the journal has seen no record yet');
  } catch (error) {
    return err(`the journal cannot be read: ${(error as Error).message}`);
  } finally {
    database?.close();
  }
}

/** All records that can be read, oldest first; `damaged` is called for each line that cannot. */
export function* recordsOf(files: Iterable<AuditFile>, damaged: (place: string) => void): Generator<AuditRecord> {
  for (const { name, bytes } of files) {
    for (const [index, { record }] of readLines(bytes).lines.entries()) {
      if (record) yield record;
      else damaged(`${name}:${index + 1}`);
    }
  }
}
