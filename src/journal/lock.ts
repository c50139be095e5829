/**
 * One daemon per data folder. Node has no flock, but SQLite locks its files with the kernel's own: an exclusive
 * transaction that is never ended is a lock that dies with its process, however it dies.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import { isBusy, isCorrupt } from './sqlite.ts';

export interface DataLock {
  release(): void;
}

const LOCK_FILE = 'lock.db';
/** Who holds the lock, for the message of whoever comes second. Says nothing about whether it is held. */
const HOLDER_FILE = 'holder.pid';
/** A database that nothing refers to is closed by the garbage collector, and its lock is gone. */
const HELD = new Set<DatabaseSync>();

/** `asked` is what the message names, where the lock lies in a folder below it. */
export function lockDataFolder(folder: string, asked = folder): Result<DataLock, Problem> {
  const file = join(folder, LOCK_FILE);
  const locked = tryLock(file);
  if (locked === 'corrupt') {
    // Nobody can hold a lock on what is not a database.
    rmSync(file, { force: true });
    return finish(folder, asked, tryLock(file));
  }
  return finish(folder, asked, locked);
}

function finish(folder: string, asked: string, locked: DatabaseSync | 'busy' | 'corrupt'): Result<DataLock, Problem> {
  const holder = join(folder, HOLDER_FILE);
  if (locked === 'busy') {
    const pid = readHolder(holder);
    const who = pid ? `the process ${pid}` : 'another process';
    return err(problem('HW5020', `${who} holds the data folder ${asked}`));
  }
  if (locked === 'corrupt') return err(problem('HW5022', `the lock ${join(folder, LOCK_FILE)} cannot be used`));
  HELD.add(locked);
  writeFileSync(holder, `${process.pid}\n`, { mode: 0o600 });
  return ok({
    release() {
      rmSync(holder, { force: true });
      locked.close();
      HELD.delete(locked);
    },
  });
}

function tryLock(file: string): DatabaseSync | 'busy' | 'corrupt' {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (isBusy(error)) return 'busy';
    if (isCorrupt(error)) return 'corrupt';
    throw error;
  }
}

function readHolder(file: string): string | undefined {
  try {
    return /^([0-9]{1,10})\n$/.exec(readFileSync(file, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
