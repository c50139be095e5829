/** The audit beside the journal: each decision once, whatever happens in between; authors; the anchor; a disk that is full. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AuditLog } from '../../src/journal/audit/audit-log.ts';
import { openAuditFolder, recordsOf } from '../../src/journal/audit/read.ts';
import { verifyAudit } from '../../src/journal/audit/verify.ts';
import { openJournal, type Journal } from '../../src/journal/journal.ts';
import { problem } from '../../src/model/problem.ts';
import type { AccessRecord } from '../../src/model/audit.ts';
import type { AuditRecord } from '../../src/model/audit-record.ts';
import { systemClock } from '../../src/process/clock.ts';
import { keepingLog } from '../support/log.ts';
import { eventOf } from './samples.ts';

let folder: string;
const open: Journal[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'headway-trail-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  for (const journal of open.splice(0)) journal.close();
  rmSync(folder, { recursive: true, force: true });
});

function openOk(): Journal {
  const opened = openJournal({ folder, clock: systemClock, log: keepingLog().log });
  if (!opened.ok) throw new Error(opened.error.message);
  open.push(opened.value);
  return opened.value;
}

function write(journal: Journal, n: number, author?: string) {
  const event = { ...eventOf(n, `r${n}`), ...(author === undefined ? {} : { author }) };
  return journal.write({ reconcileId: `r${n}`, memory: { n }, intents: [], events: [event] });
}

/** What is in the audit; it has to be whole, up to the anchor. */
function records(): readonly AuditRecord[] {
  const read = openAuditFolder(folder);
  if (!read.ok) throw new Error(read.error.message);
  const { anchor } = read.value;
  expect(verifyAudit(read.value.files(), { anchor: anchor.ok ? anchor.value : undefined }).findings).toEqual([]);
  return [...recordsOf(read.value.files(), () => expect.fail('a line cannot be read'))];
}

function anchor() {
  const read = openAuditFolder(folder);
  return read.ok ? read.value.anchor : undefined;
}

const decisions = () => records().flatMap((record) => (record.kind === 'Decision' ? [record.message] : []));
const head = () => records().at(-1)!;

const ACCESS: AccessRecord = {
  atWallMs: Date.UTC(2026, 10, 28),
  component: 'shop/cart',
  group: 'shop/cart@1',
  release: 'r1',
  commit: 'c'.repeat(40),
  capability: 'keyValue',
  grant: 'carts',
  outcome: 'Denied',
  asked: 'set carts',
  why: 'it may only read',
  count: 3,
};

describe('decisions', () => {
  test('are recorded once, with commit and author, in the order of the timeline', () => {
    const journal = openOk();
    for (const n of [1, 2, 3]) expect(write(journal, n, 'Ada')).toEqual({ ok: true, value: undefined });
    expect(decisions()).toEqual(['event 1', 'event 2', 'event 3']);
    expect(head()).toMatchObject({ author: 'Ada', commit: ACCESS.commit, reason: 'Progressing', event: 3 });
    expect(journal.timeline(1)[0]).toMatchObject({ author: 'Ada' });
  });

  test('that a crash left out of it are caught up at the next start, and only those', () => {
    const journal = openOk();
    write(journal, 1);
    const append = vi.spyOn(AuditLog.prototype, 'append');
    append.mockReturnValueOnce({ ok: true, value: undefined }); // `ready`
    append.mockReturnValueOnce({ ok: false, error: problem('HW5040', 'no room') });
    write(journal, 2, 'Bo');
    append.mockReturnValue({ ok: false, error: problem('HW5040', 'no room') });
    journal.close();
    append.mockRestore();
    expect(decisions()).toEqual(['event 1']);
    openOk().close();
    expect(decisions()).toEqual(['event 1', 'event 2']);
    expect(head()).toMatchObject({ author: 'Bo' });
    openOk();
    expect(decisions()).toEqual(['event 1', 'event 2']);
  });

  test('wait for the audit: one may be ahead of its record, no other is written until it is there', () => {
    const journal = openOk();
    write(journal, 1);
    const append = vi.spyOn(AuditLog.prototype, 'append');
    append.mockReturnValueOnce({ ok: true, value: undefined });
    append.mockReturnValue({ ok: false, error: problem('HW5040', 'no room') });
    expect(write(journal, 2)).toMatchObject({ ok: true });
    expect(write(journal, 3)).toMatchObject({ ok: false, error: { code: 'HW5040', policy: 'Retry' } });
    expect(journal.memory()).toEqual({ n: 2 });
    expect(journal.record([ACCESS])).toMatchObject({ ok: false, error: { code: 'HW5040' } });
    append.mockRestore();
    expect(write(journal, 3)).toMatchObject({ ok: true });
    expect(decisions()).toEqual(['event 1', 'event 2', 'event 3']);
  });

  test('a lost journal is itself a decision in it, and the numbers go on', () => {
    const journal = openOk();
    for (const n of [1, 2]) write(journal, n);
    journal.close();
    writeFileSync(path.join(folder, 'journal.db'), 'not a database');
    const next = openOk();
    expect(next.bootstrapped).toBe(true);
    write(next, 3);
    expect(records().flatMap((record) => (record.kind === 'Decision' ? [record.reason] : []))).toEqual([
      'Progressing',
      'Progressing',
      'Bootstrapped',
      'Progressing',
    ]);
  });
});

describe('uses', () => {
  test('are recorded as they are, with the author of their commit', () => {
    const journal = openOk();
    write(journal, 1, 'Ada');
    expect(
      journal.record([ACCESS, { ...ACCESS, outcome: 'Allowed', why: '' }, { ...ACCESS, outcome: 'Audited' }]),
    ).toMatchObject({
      ok: true,
    });
    const found = records().slice(-3);
    expect(found.map(({ kind }) => kind)).toEqual(['Denial', 'Use', 'Audited']);
    expect(found[0]).toMatchObject({
      entry: 'shop/cart',
      author: 'Ada',
      grant: 'carts',
      asked: 'set carts',
      why: 'it may only read',
      count: 3,
      at: '2026-11-28T00:00:00.000Z',
    });
    expect(found[1]).not.toHaveProperty('why');
    journal.record([ACCESS]);
    expect(journal.accessCounts()).toEqual([
      { entry: 'shop/cart', kind: 'Denial', capability: 'keyValue', count: 6 },
      { entry: 'shop/cart', kind: 'Use', capability: 'keyValue', count: 3 },
      { entry: 'shop/cart', kind: 'Audited', capability: 'keyValue', count: 3 },
    ]);
    expect(journal.record([])).toMatchObject({ ok: true });
  });

  test('that nobody could write down are counted', () => {
    const journal = openOk();
    journal.lost(0);
    journal.lost(7);
    expect(head()).toMatchObject({ kind: 'Lost', count: 7 });
  });

  test('half a character of a guest is no reason to lose one', () => {
    openOk().record([{ ...ACCESS, asked: 'get \ud800' }]);
    expect(head()).toMatchObject({ asked: 'get \ufffd' });
  });
});

describe('the anchor', () => {
  test('is at the end with each use, with each outcome, and when the journal is closed', () => {
    const journal = openOk();
    write(journal, 1);
    journal.outcome('r1', []);
    expect(anchor()).toEqual({ ok: true, value: { seq: head().seq, hash: expect.any(String) } });
    journal.record([ACCESS]);
    expect(anchor()).toMatchObject({ value: { seq: head().seq } });
    write(journal, 2);
    journal.close();
    expect(anchor()).toMatchObject({ value: { seq: head().seq } });
  });

  test('is read beside a journal that is open, and says why where there is none', () => {
    openOk().record([ACCESS]);
    expect(anchor()).toMatchObject({ ok: true });
    const other = mkdtempSync(path.join(tmpdir(), 'headway-trail-'));
    expect(openAuditFolder(other)).toMatchObject({ ok: false, error: { code: 'HW5042' } });
    rmSync(other, { recursive: true });
    open.splice(0)[0]!.close();
    rmSync(path.join(folder, 'journal.db'));
    expect(anchor()).toEqual({ ok: false, error: 'there is no journal' });
  });

  test('of a journal that is of another program is none', () => {
    openOk().close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(path.join(folder, `journal.db${suffix}`), { force: true });
    new DatabaseSync(path.join(folder, 'journal.db')).exec('CREATE TABLE t (x)');
    expect(anchor()).toMatchObject({ ok: false });
  });
});

test('a folder that cannot be made is a reason not to start', () => {
  writeFileSync(path.join(folder, 'audit'), '');
  const refused = openJournal({ folder, clock: systemClock, log: keepingLog().log });
  expect(refused).toMatchObject({ ok: false, error: { code: 'HW5022' } });
});
