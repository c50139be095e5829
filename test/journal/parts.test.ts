/** The memory by parts: what a step writes, what an older journal held, and how both are taken apart. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EMPTY_MEMORY } from '../../src/decide/memory.ts';
import { openJournal, type Journal, type JournalOptions } from '../../src/journal/journal.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import type { Json } from '../../src/kit/json.ts';
import { partsOf, wholeOf, type MemoryParts } from '../../src/model/memory-parts.ts';
import { systemClock } from '../../src/process/clock.ts';
import { keepingLog } from '../support/log.ts';
import { desiredOf, eventOf } from './samples.ts';

let folder: string;
const open: Journal[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-parts-'));
});

afterEach(async () => {
  for (const journal of open.splice(0)) journal.close();
  await rm(folder, { recursive: true, force: true });
});

function openOk(limits: JournalOptions['limits'] = {}): Journal {
  const opened = openJournal({ folder, clock: systemClock, log: keepingLog().log, limits });
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value;
}

function write(journal: Journal, memory: MemoryParts): ReturnType<Journal['write']> {
  return journal.write({ reconcileId: 'r', memory, intents: [], events: [] });
}

/** What the last step changed in the file, as a second reader sees it. */
function rows(): { readonly [part: string]: string } {
  const database = new DatabaseSync(path.join(folder, 'journal.db'), { readOnly: true });
  const found = database.prepare('SELECT part, json FROM memory').all() as { part: string; json: string }[];
  database.close();
  return Object.fromEntries(found.map(({ part, json }) => [part, json]));
}

const MEMORY = {
  ...EMPTY_MEMORY,
  lastMonotonicMs: undefined,
  snapshot: { generation: 3, hash: 'h', groups: ['shop/a@1'], commit: 'c2' },
  entries: { 'shop/a': { warm: [] }, '__proto__/constructor': { warm: ['x'] } },
  commits: [
    { commit: 'c2', attempts: [] },
    { commit: 'c1', attempts: [] },
  ],
} as unknown as { readonly [field: string]: Json };

describe('parts', () => {
  test('one per entry and commit, and back again to the same memory', () => {
    const parts = partsOf(MEMORY);
    expect(Object.keys(parts).sort()).toEqual([
      'clockMs',
      'commits',
      'commits/c1',
      'commits/c2',
      'entries/__proto__/constructor',
      'entries/shop/a',
      'groupEnds',
      'identity',
      'nextReplica',
      'nextRun',
      'snapshot',
      'snapshot/groups',
      'version',
    ]);
    const { lastMonotonicMs: _, ...rest } = MEMORY;
    expect(wholeOf(parts)).toEqual(rest);
    expect(wholeOf(JSON.parse(JSON.stringify(parts)) as MemoryParts)).toEqual(rest);
  });

  test('the value of an entry is that of its part: who keeps the one keeps the other', () => {
    const parts = partsOf(MEMORY);
    expect(parts['entries/shop/a']).toBe((MEMORY['entries'] as { [key: string]: Json })['shop/a']);
    expect(parts['snapshot/groups']).toBe((MEMORY['snapshot'] as { groups: Json }).groups);
  });
});

describe('a step writes what changed', () => {
  test('a part with the value of the step before is not even printed', () => {
    const journal = openOk();
    let printed = 0;
    const counted = { n: 1, toJSON: () => ((printed += 1), { n: 1 }) } as unknown as Json;
    write(journal, { counted, other: 1 });
    expect(printed).toBe(1);
    write(journal, { counted, other: 2 });
    expect(printed).toBe(1);
    expect(rows()).toEqual({ counted: '{"n":1}', other: '2' });
    // Another object that says the same is printed, and changes nothing.
    write(journal, { counted: { n: 1 }, other: 2 });
    expect(rows()).toEqual({ counted: '{"n":1}', other: '2' });
  });

  test('a part that is gone is gone, and comes back', () => {
    const journal = openOk();
    write(journal, { a: 1, b: 2 });
    write(journal, { a: 1 });
    expect(rows()).toEqual({ a: '1' });
    write(journal, { a: 1, b: 2 });
    expect(journal.memory()).toEqual({ a: 1, b: 2 });
    expect(rows()).toEqual({ a: '1', b: '2' });
  });

  test('what a start reads is known: the first step writes only what it changes', () => {
    const first = openOk();
    write(first, { a: { n: 1 }, b: { n: 2 } });
    first.close();
    const second = openOk();
    const parts = second.memory()!;
    let printed = 0;
    write(second, { ...parts, b: { toJSON: () => ((printed += 1), { n: 3 }) } as unknown as Json });
    expect(printed).toBe(1);
    expect(rows()).toEqual({ a: '{"n":1}', b: '{"n":3}' });
  });

  test('a step that could not be written is written by the next, whatever kept its identity', () => {
    const journal = openOk({ databaseBytes: 60 * 4_096 });
    write(journal, { a: 1 });
    const changed = { n: 2 };
    const refused = write(journal, { a: changed, big: 'x'.repeat(400_000) });
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW5023' } });
    expect(journal.memory()).toEqual({ a: 1 });
    expect(rows()).toEqual({ a: '1' });
    expect(write(journal, { a: changed }).ok).toBe(true);
    expect(rows()).toEqual({ a: '{"n":2}' });
  });

  test('the limit counts every part, written now or before', () => {
    const journal = openOk({ memoryBytes: 6 });
    expect(write(journal, { a: 'x' }).ok).toBe(true);
    expect(write(journal, { a: 'x', b: 'y' }).ok).toBe(true);
    expect(write(journal, { a: 'x', b: 'yy' })).toMatchObject({ ok: false, error: { code: 'HW5024' } });
    expect(write(journal, { b: 'yyyy' }).ok).toBe(true);
    expect(write(journal, { b: 'yyyyy' })).toMatchObject({ ok: false, error: { code: 'HW5024' } });
  });
});

/** The tables of version 1, as that version made them. */
const VERSION_1 = `
PRAGMA journal_mode = WAL; PRAGMA application_id = 1212438361;
CREATE TABLE state (
  name TEXT PRIMARY KEY CHECK (name IN ('memory', 'desired')),
  json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, reconcile_id TEXT NOT NULL, intents TEXT NOT NULL, results TEXT
) STRICT;
CREATE INDEX steps_by_reconcile_id ON steps (reconcile_id);
CREATE TABLE timeline (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, reconcile_id TEXT NOT NULL, commit_id TEXT NOT NULL,
  entry TEXT, reason TEXT NOT NULL, message TEXT NOT NULL, evidence TEXT
) STRICT;
PRAGMA user_version = 1;`;

describe('a journal of version 1', () => {
  const desired = desiredOf('c2');
  const desiredText = JSON.stringify({ ...desired, entries: [...desired.entries] });

  function makeVersion1(memory: string): void {
    const database = new DatabaseSync(path.join(folder, 'journal.db'));
    database.exec(VERSION_1);
    const put = database.prepare('INSERT INTO state (name, json) VALUES (?, ?)');
    put.run('memory', memory);
    put.run('desired', desiredText);
    database.exec(`INSERT INTO steps (reconcile_id, intents) VALUES ('r1', '[{"n":1}]')`);
    database.exec(`INSERT INTO timeline (at, reconcile_id, commit_id, reason, message)
      VALUES ('2026-11-01T10:00:00.000Z', 'r1', 'c2', 'Proven', 'event 1')`);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
  }

  test('is taken over with all it holds, once', () => {
    makeVersion1(JSON.stringify(MEMORY));
    for (let start = 0; start < 2; start += 1) {
      const journal = openOk();
      expect(journal.bootstrapped).toBe(false);
      expect(journal.memory()).toEqual(partsOf(MEMORY));
      expect(journal.desired()).toEqual(desired);
      expect(journal.unfinished()).toEqual([{ reconcileId: 'r1', intents: [{ n: 1 }] }]);
      expect(journal.timeline(10)).toMatchObject([{ id: 1, message: 'event 1' }]);
      expect(journal.timeline(10)[0]).not.toHaveProperty('author');
      journal.close();
    }
    const database = new DatabaseSync(path.join(folder, 'journal.db'));
    expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 4 });
    const names = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`).all();
    expect(names.map(({ name }) => name)).toEqual([
      'audit_head',
      'memory',
      'outbox',
      'sqlite_sequence',
      'state',
      'steps',
      'timeline',
    ]);
    database.close();
  });

  test('before its first step, too', () => {
    const database = new DatabaseSync(path.join(folder, 'journal.db'));
    database.exec(VERSION_1);
    database.close();
    const journal = openOk();
    expect(journal.memory()).toBeUndefined();
    expect(write(journal, { n: 1 }).ok).toBe(true);
  });

  test('whose memory is no JSON is damaged, and the copy of version 1 takes its place', async () => {
    const journal = openOk();
    journal.close();
    await rm(path.join(folder, 'journal.db'));
    const body = JSON.stringify({ memory: JSON.stringify(MEMORY), desired: desiredText, lastEventId: 7 });
    const digest = digestOfBytes(Buffer.from(body));
    const seed = path.join(folder, 'seed.json');
    await writeFile(seed, JSON.stringify({ format: 'headway-seed', version: 1, digest, body }));
    makeVersion1('{"entries":');
    const restarted = openOk();
    expect(restarted.bootstrapped).toBe(true);
    expect(restarted.memory()).toEqual(partsOf(MEMORY));
    expect(restarted.desired()).toEqual(desired);
    restarted.write({ reconcileId: 'r', memory: { n: 1 }, intents: [], events: [eventOf(1, 'r', 'Proven')] });
    expect(restarted.timeline(1)).toMatchObject([{ id: 9 }]);
    const copy = JSON.parse(await readFile(seed, 'utf8')) as { version: number; body: string };
    expect(copy.version).toBe(2);
    expect((JSON.parse(copy.body) as { memory: Json }).memory).toEqual({ n: 1 });
  });
});

describe('the copy of a large memory', () => {
  test('is written at a promotion, after a pause that its cost sets, and at the end in any case', async () => {
    let monotonicMs = 0;
    // Every look at the clock takes a while: a copy costs 10 ms.
    const clock = { ...systemClock, now: () => ({ wallMs: 0, monotonicMs: (monotonicMs += 10) }) };
    const opened = openJournal({ folder, clock, log: keepingLog().log });
    if (!opened.ok) throw new Error(opened.error.message);
    const journal = opened.value;
    const copied = async () => {
      const text = await readFile(path.join(folder, 'seed.json'), 'utf8');
      return (JSON.parse((JSON.parse(text) as { body: string }).body) as { memory: Json }).memory;
    };
    const prove = (n: number) =>
      journal.write({ reconcileId: 'r', memory: { n }, intents: [], events: [eventOf(n, 'r', 'Proven')] });
    prove(1);
    expect(await copied()).toEqual({ n: 1 });
    prove(2);
    expect(await copied()).toEqual({ n: 1 });
    monotonicMs += 300;
    // Any step after the pause brings what is due.
    write(journal, { n: 3 });
    expect(await copied()).toEqual({ n: 3 });
    prove(4);
    journal.close();
    expect(await copied()).toEqual({ n: 4 });
  });
});
