import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJournal, type Journal, type JournalOptions } from '../../src/journal/journal.ts';
import { systemClock } from '../../src/process/clock.ts';
import { keepingLog } from '../support/log.ts';
import { desiredOf, eventOf, PARTS } from './samples.ts';

let folder: string;
let logged: string[];
const open: Journal[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'headway-journal-'));
});

afterEach(async () => {
  for (const journal of open.splice(0)) journal.close();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function optionsOf(more: Partial<JournalOptions> = {}): JournalOptions {
  const { log, lines } = keepingLog();
  logged = lines;
  return { folder, clock: systemClock, log, ...more };
}

function openOk(limits: JournalOptions['limits'] = {}): Journal {
  const opened = openJournal(optionsOf({ limits }));
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value;
}

function writeStep(
  journal: Journal,
  n: number,
  more: { seed?: boolean; memory?: { n: number; pad?: string } } = {},
): void {
  const reconcileId = `r${n}`;
  const { seed = false, memory = { n } } = more;
  const written = journal.write({ reconcileId, memory, intents: [{ do: n }], events: [eventOf(n, reconcileId)], seed });
  expect(written).toEqual({ ok: true, value: undefined });
}

function startWriter(mode = 'write'): ChildProcess {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'writer.ts'), folder, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return child;
}

async function digestsOfFolder(): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const found of await readdir(folder, { withFileTypes: true, recursive: true })) {
    // SQLite's own, for the moment in which somebody tries the lock.
    if (found.name === 'lock.db-journal' || !found.isFile()) continue;
    const name = path.relative(folder, path.join(found.parentPath, found.name));
    const bytes = await readFile(path.join(folder, name));
    digests[name] = createHash('sha256').update(bytes).digest('hex');
  }
  return digests;
}

describe('what is written is there after a restart', () => {
  test('nothing at first', () => {
    const journal = openOk();
    expect(journal.bootstrapped).toBe(false);
    expect(journal.memory()).toBeUndefined();
    expect(journal.desired()).toBeUndefined();
    expect(journal.timeline(10)).toEqual([]);
    expect(journal.unfinished()).toEqual([]);
  });

  test('memory, desired with its map and order, steps, timeline', () => {
    const first = openOk();
    const desired = desiredOf('c1');
    expect(first.writeDesired(desired)).toEqual({ ok: true, value: undefined });
    const evidence = [{ metric: 'errors', observed: '33 %', threshold: '2 %', samples: 14, synthetic: 3 }];
    const event = { ...eventOf(1, 'r1', 'RolledBack'), entry: 'shop/greet' as const, evidence };
    first.write({ reconcileId: 'r1', memory: { n: [1, 'two', null] }, intents: [{ a: 1 }], events: [event] });
    first.outcome('r1', [{ ok: true }]);
    first.write({ reconcileId: 'r2', memory: { n: 2 }, intents: [{ b: 2 }], events: [eventOf(2, 'r2')] });
    first.close();
    const second = openOk();
    expect(second.bootstrapped).toBe(false);
    expect(second.memory()).toEqual({ n: 2 });
    expect(second.desired()).toEqual(desired);
    expect([...second.desired()!.entries.keys()]).toEqual([...desired.entries.keys()]);
    expect(second.unfinished()).toEqual([{ reconcileId: 'r2', intents: [{ b: 2 }] }]);
    expect(second.timeline(10)).toEqual([
      { ...eventOf(2, 'r2'), id: 2 },
      { ...event, id: 1 },
    ]);
    expect(second.timeline(1).map(({ id }) => id)).toEqual([2]);
  });

  test('kill -9 in the middle of writing, again and again: what was said to be safe is, and nothing is half there', async () => {
    let safe = 0;
    for (let round = 0; round < 8; round += 1) {
      const child = startWriter();
      const lines = createInterface({ input: child.stdout! });
      const wanted = safe + 3 + round * 5;
      for await (const line of lines) {
        safe = Number(line);
        if (safe >= wanted) child.kill('SIGKILL');
      }
      const journal = openOk();
      expect(journal.bootstrapped).toBe(false);
      const { n, ...parts } = journal.memory() as { n: number; [part: string]: unknown };
      // A step is there as a whole: every part of it, and none that it took out.
      expect(Object.values(parts)).toEqual(Array.from({ length: PARTS }, () => ({ n })));
      expect(Object.keys(parts).every((part) => part.endsWith(n % 2 === 0 ? 'even' : 'odd'))).toBe(true);
      expect(n).toBeGreaterThanOrEqual(safe);
      const timeline = journal.timeline(1_000_000);
      expect(timeline.map(({ id, message }) => `${id} ${message}`)).toEqual(
        Array.from({ length: n }, (_, index) => `${n - index} event ${n - index}`),
      );
      expect(Number(journal.desired()?.commit)).toBeGreaterThanOrEqual(n - 1);
      for (const step of journal.unfinished()) expect(JSON.stringify(step.intents)).toMatch(/^\[\{"n":[0-9]+\}\]$/);
      journal.close();
      safe = n;
    }
  });
});

describe('one daemon per data folder', () => {
  test('the second is told who the first is, and gets in when the first is killed', async () => {
    const child = startWriter('hold');
    for await (const line of createInterface({ input: child.stdout! })) {
      if (line === 'held') break;
    }
    const before = await digestsOfFolder();
    const refused = openJournal(optionsOf());
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW5020', policy: 'Terminal' } });
    expect(!refused.ok && refused.error.message).toContain(`process ${child.pid}`);
    expect(await digestsOfFolder()).toEqual(before);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(openOk().bootstrapped).toBe(false);
  });

  test('twice in one process', () => {
    openOk();
    expect(openJournal(optionsOf())).toMatchObject({ ok: false, error: { code: 'HW5020' } });
  });

  test('a lock file that is no database stops nobody', async () => {
    await writeFile(path.join(folder, 'lock.db'), 'x'.repeat(5_000));
    expect(openOk().memory()).toBeUndefined();
  });
});

describe('a journal of a newer version', () => {
  test('is refused, both versions named, and not a byte is changed', async () => {
    openOk().close();
    const database = new DatabaseSync(path.join(folder, 'journal.db'));
    database.exec('PRAGMA user_version = 7; PRAGMA wal_checkpoint(TRUNCATE);');
    database.close();
    const before = await digestsOfFolder();
    const refused = openJournal(optionsOf());
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW5021', policy: 'Terminal' } });
    expect(!refused.ok && refused.error.message).toMatch(/version 7.*version 4/);
    const after = await digestsOfFolder();
    expect(after['journal.db']).toBe(before['journal.db']);
    expect(Object.keys(after).filter((name) => name.startsWith('journal'))).toEqual(['journal.db']);
  });

  test('a newer seed behind a lost journal is refused as well', async () => {
    await writeFile(
      path.join(folder, 'seed.json'),
      JSON.stringify({ format: 'headway-seed', version: 3, digest: '', body: '' }),
    );
    const refused = openJournal(optionsOf());
    expect(refused).toMatchObject({ ok: false, error: { code: 'HW5021' } });
    expect(await readdir(folder)).not.toContain('journal.db');
  });
});

describe('a journal that is lost', () => {
  const damages: readonly (readonly [string, (file: string) => Promise<void>])[] = [
    ['gone', (file) => rm(file)],
    ['empty', (file) => truncate(file, 0)],
    ['cut', (file) => truncate(file, 6_000)],
    ['not a database', (file) => writeFile(file, 'x'.repeat(20_000))],
    [
      'overwritten in the middle',
      async (file) => {
        const bytes = await readFile(file);
        bytes.fill(0xa5, 4_096);
        await writeFile(file, bytes);
      },
    ],
    [
      'without a table',
      (file) => {
        const database = new DatabaseSync(file);
        database.exec('DROP TABLE timeline; PRAGMA wal_checkpoint(TRUNCATE);');
        database.close();
        return Promise.resolve();
      },
    ],
    [
      'with a memory that is no JSON',
      (file) => {
        const database = new DatabaseSync(file);
        database.exec(`UPDATE memory SET json = '{"n":' WHERE part = 'n'; PRAGMA wal_checkpoint(TRUNCATE);`);
        database.close();
        return Promise.resolve();
      },
    ],
  ];

  test.each(damages)('%s: starts from the copy of the last promotion, loudly', async (_what, damage) => {
    const journal = openOk();
    journal.writeDesired(desiredOf('promoted'));
    writeStep(journal, 1);
    writeStep(journal, 2, { seed: true });
    writeStep(journal, 3);
    journal.close();
    await damage(path.join(folder, 'journal.db'));
    const restarted = openOk();
    expect(restarted.bootstrapped).toBe(true);
    expect(logged.join('')).toContain('the journal is lost');
    expect(restarted.memory()).toEqual({ n: 2 });
    expect(restarted.desired()).toEqual(desiredOf('promoted'));
    writeStep(restarted, 4);
    expect(restarted.timeline(10).map(({ id, reason }) => ({ id, reason }))).toEqual([
      { id: 4, reason: expect.any(String) },
      { id: 3, reason: 'Bootstrapped' },
    ]);
    expect(restarted.timeline(10)[1]).toMatchObject({
      commit: desiredOf('promoted').commit,
      message: expect.stringMatching(/^the journal was lost \(.+\): it starts from the copy of the last promotion/),
    });
    restarted.close();
    const again = openOk();
    expect(again.bootstrapped).toBe(false);
    expect(again.memory()).toEqual({ n: 4 });
  });

  test('a proven release writes the copy without being asked', () => {
    const journal = openOk();
    journal.write({ reconcileId: 'r1', memory: { n: 1 }, intents: [], events: [eventOf(1, 'r1', 'Proven')] });
    journal.close();
    return rm(path.join(folder, 'journal.db')).then(() => expect(openOk().memory()).toEqual({ n: 1 }));
  });

  test('without a copy, or with a damaged one, it starts empty and says so', async () => {
    const journal = openOk();
    writeStep(journal, 1, { seed: true });
    journal.close();
    const seed = path.join(folder, 'seed.json');
    const text = await readFile(seed, 'utf8');
    await writeFile(seed, text.replace('\\"n\\"', '\\"m\\"'));
    await truncate(path.join(folder, 'journal.db'), 10);
    const restarted = openOk();
    expect(restarted.bootstrapped).toBe(true);
    expect(restarted.memory()).toBeUndefined();
    expect(logged.join('')).toContain('"seed":"damaged"');
    expect(restarted.timeline(10)).toMatchObject([
      { reason: 'Bootstrapped', message: expect.stringContaining('no copy of it') },
    ]);
  });

  test('what was damaged is kept, three times at most', async () => {
    for (let round = 0; round < 5; round += 1) {
      const journal = openJournal(
        optionsOf({ clock: { ...systemClock, now: () => ({ wallMs: round * 1_000, monotonicMs: 0 }) } }),
      );
      if (!journal.ok) throw new Error(journal.error.message);
      journal.value.close();
      await writeFile(path.join(folder, 'journal.db'), `damage ${round} ${'x'.repeat(200)}`);
    }
    const aside = (await readdir(folder)).filter((name) => name.startsWith('journal.corrupt-'));
    expect(aside.sort()).toEqual([
      'journal.corrupt-1970-01-01T00-00-02-000Z.db',
      'journal.corrupt-1970-01-01T00-00-03-000Z.db',
      'journal.corrupt-1970-01-01T00-00-04-000Z.db',
    ]);
  });

  test('a crash while the journal was first made leaves no trace', async () => {
    await writeFile(path.join(folder, 'journal.db.next'), 'half');
    await writeFile(path.join(folder, 'journal.db.next-wal'), 'half');
    const journal = openOk();
    expect(journal.bootstrapped).toBe(false);
    writeStep(journal, 1);
    expect(await readdir(folder)).not.toContain('journal.db.next');
  });
});

describe('bounds, at N and N + 1', () => {
  test('memory', () => {
    const journal = openOk({ memoryBytes: 9 });
    writeStep(journal, 1, { memory: { n: 1, pad: 'x'.repeat(6) } });
    const step = { reconcileId: 'r2', memory: { n: 1, pad: 'x'.repeat(7) }, intents: [], events: [eventOf(2, 'r2')] };
    expect(journal.write(step)).toMatchObject({ ok: false, error: { code: 'HW5024' } });
    expect(journal.timeline(10)).toHaveLength(1);
  });

  test('desired state', () => {
    const desired = desiredOf('c');
    const bytes = JSON.stringify({ ...desired, entries: [...desired.entries] }).length;
    expect(openOk({ desiredBytes: bytes }).writeDesired(desired).ok).toBe(true);
    open.pop()!.close();
    expect(openOk({ desiredBytes: bytes - 1 }).writeDesired(desired)).toMatchObject({ error: { code: 'HW5024' } });
  });

  test('intents and results', () => {
    const journal = openOk({ intentsBytes: 5 });
    expect(journal.write({ reconcileId: 'r', memory: { n: 1 }, intents: ['a'], events: [] }).ok).toBe(true);
    expect(journal.write({ reconcileId: 'r', memory: { n: 1 }, intents: ['ab'], events: [] })).toMatchObject({
      error: { code: 'HW5024' },
    });
    expect(journal.outcome('r', ['a']).ok).toBe(true);
    expect(journal.outcome('r', ['ab'])).toMatchObject({ error: { code: 'HW5024' } });
  });

  test('timeline: the oldest go, ids go on', () => {
    const journal = openOk({ timelineEvents: 3 });
    for (const n of [1, 2, 3]) writeStep(journal, n);
    expect(journal.timeline(10).map(({ id }) => id)).toEqual([3, 2, 1]);
    writeStep(journal, 4);
    expect(journal.timeline(10).map(({ id }) => id)).toEqual([4, 3, 2]);
    journal.close();
    const restarted = openOk({ timelineEvents: 3 });
    writeStep(restarted, 5);
    expect(restarted.timeline(10).map(({ id }) => id)).toEqual([5, 4, 3]);
  });

  test('length of a message', () => {
    const journal = openOk({ messageCharacters: 5 });
    const events = ['12345', '123456', '123😀5'].map((message) => ({ ...eventOf(1, 'r'), message }));
    journal.write({ reconcileId: 'r', memory: { n: 1 }, intents: [], events });
    expect(journal.timeline(10).map(({ message }) => message)).toEqual(['123\ufffd…', '1234…', '12345']);
  });

  test('steps', () => {
    const journal = openOk({ steps: 2 });
    for (const n of [1, 2]) writeStep(journal, n);
    expect(journal.unfinished().map(({ reconcileId }) => reconcileId)).toEqual(['r1', 'r2']);
    writeStep(journal, 3);
    expect(journal.unfinished().map(({ reconcileId }) => reconcileId)).toEqual(['r2', 'r3']);
  });

  test('a full database refuses the step as a whole and takes a smaller one', () => {
    const journal = openOk({ databaseBytes: 60 * 4_096 });
    writeStep(journal, 1);
    const step = { reconcileId: 'r2', memory: { n: 'x'.repeat(400_000) }, intents: [], events: [eventOf(2, 'r2')] };
    expect(journal.write(step)).toMatchObject({ ok: false, error: { code: 'HW5023' } });
    expect(journal.memory()).toEqual({ n: 1 });
    writeStep(journal, 3);
    expect(journal.bytes()).toBeGreaterThan(4_096);
  });
});

describe('a data folder that does not serve', () => {
  test('is a file', async () => {
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    expect(openJournal(optionsOf({ folder: file }))).toMatchObject({ ok: false, error: { code: 'HW5022' } });
  });

  test('is not readable for others', async () => {
    await chmod(folder, 0o755);
    const journal = openOk();
    writeStep(journal, 1, { seed: true });
    const inside = path.join(folder, 'made');
    openJournal(optionsOf({ folder: inside }));
    const { mode } = await import('node:fs/promises').then((fs) => fs.stat(inside));
    expect(mode & 0o077).toBe(0);
  });

  test('held by somebody who looks into it: the write waits, the lock is never the loop’s business', async () => {
    const journal = openOk();
    const reader = new DatabaseSync(path.join(folder, 'journal.db'));
    reader.exec('BEGIN; SELECT * FROM steps;');
    writeStep(journal, 1);
    reader.exec('COMMIT');
    // A writer in another process lets go after 300 ms; `write` blocks that long and then succeeds.
    const script = `
      const { DatabaseSync } = require('node:sqlite');
      const database = new DatabaseSync(${JSON.stringify(path.join(folder, 'journal.db'))});
      database.exec('BEGIN IMMEDIATE');
      console.log('held');
      setTimeout(() => database.exec('COMMIT'), 300);
    `;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout })) if (line === 'held') break;
    writeStep(journal, 2);
    expect(journal.memory()).toEqual({ n: 2 });
    reader.close();
  });

  test('after close nothing is written and nothing thrown', () => {
    const journal = openOk();
    journal.close();
    journal.close();
    expect(journal.writeDesired(desiredOf('c'))).toMatchObject({ ok: false, error: { code: 'HW5023' } });
  });
});
