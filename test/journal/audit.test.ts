/** The audit chain (I12): what is written, what a restart, a crash and a full disk leave, and that no edit goes unseen. */
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openAuditLog, type AuditLimits, type AuditLog } from '../../src/journal/audit/audit-log.ts';
import { listSegments, readSegment } from '../../src/journal/audit/segments.ts';
import { verifyAudit, type AuditFile } from '../../src/journal/audit/verify.ts';
import type { AuditAnchor, AuditEntry } from '../../src/model/audit-record.ts';
import { keepingLog } from '../support/log.ts';

let folder: string;
let lines: string[];
const open: AuditLog[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'headway-audit-'));
});
afterEach(() => {
  for (const audit of open.splice(0)) audit.close();
  rmSync(folder, { recursive: true, force: true });
});

const SMALL: AuditLimits = { segmentBytes: 600, segments: 100 };

function openLog(limits: AuditLimits = SMALL, anchor?: AuditAnchor): AuditLog {
  const kept = keepingLog();
  lines = kept.lines;
  const audit = openAuditLog({ folder, limits, anchor, nowWallMs: () => Date.UTC(2026, 10, 28), log: kept.log });
  open.push(audit);
  return audit;
}

function use(n: number): AuditEntry {
  return {
    kind: 'Use',
    entry: 'shop/cart',
    group: 'shop/cart@1',
    capability: 'keyValue',
    grant: 'carts',
    asked: `set ${n}`,
    count: 1,
  };
}

function decision(event: number): AuditEntry {
  return {
    kind: 'Decision',
    commit: 'c1',
    author: 'Ada',
    reason: 'Progressing',
    message: 'x',
    reconcileId: 'r',
    event,
  };
}

function fill(audit: AuditLog, count: number): void {
  for (let n = 1; n <= count; n++) {
    expect(audit.append([{ entry: n % 3 === 0 ? decision(n) : use(n), atWallMs: n * 1000 }])).toEqual({ ok: true });
  }
}

function files(): AuditFile[] {
  return listSegments(path.join(folder, 'audit')).map((segment) => ({ ...segment, bytes: readSegment(segment) }));
}

function findingsOf(changed: readonly AuditFile[], anchor: AuditAnchor | undefined) {
  return verifyAudit(changed, { anchor }).findings;
}

const audit = () => path.join(folder, 'audit');
const names = () => readdirSync(audit()).sort();

describe('the chain', () => {
  test('is whole over many files, and its numbers have no gap', () => {
    const log = openLog();
    fill(log, 20);
    const verdict = verifyAudit(files(), { anchor: log.head });
    expect(verdict.findings).toEqual([]);
    expect(verdict.files).toBeGreaterThan(3);
    expect([verdict.first, verdict.head, verdict.records]).toEqual([1, log.head, log.head.seq]);
    expect(log.bytes()).toBe(files().reduce((sum, { bytes }) => sum + bytes.length, 0));
  });

  test('goes on after a restart where it ended', () => {
    fill(openLog(), 7);
    const { head, lastEvent } = open[0]!;
    open[0]!.close();
    const next = openLog(SMALL, head);
    expect([next.head, next.lastEvent, lastEvent]).toEqual([head, 6, 6]);
    fill(next, 7);
    expect(findingsOf(files(), next.head)).toEqual([]);
    expect(lines.filter((line) => line.includes('HW5041'))).toEqual([]);
  });

  test('knows the last event although it stands in an older file', () => {
    const log = openLog();
    fill(log, 3);
    for (let n = 0; n < 20; n++) log.append([{ entry: use(n) }]);
    log.close();
    expect(openLog(SMALL, log.head).lastEvent).toBe(3);
  });

  test('takes a batch as one', () => {
    const log = openLog();
    const before = log.head.seq;
    log.append([{ entry: use(1) }, { entry: use(2) }, { entry: use(3) }]);
    expect(log.head.seq).toBe(before + 3);
    expect(findingsOf(files(), log.head)).toEqual([]);
  });
});

describe('bounds', () => {
  test.each([
    ['a file that has its size is the last that was written to', 0, 2],
    ['a file that lacks a byte of it is written to once more', 1, 1],
  ])('%s', (_, more, expected) => {
    const measured = openLog();
    measured.append([{ entry: use(1) }]);
    const segmentBytes = measured.bytes() + more;
    measured.close();
    rmSync(audit(), { recursive: true });
    const log = openLog({ segmentBytes, segments: 10 });
    for (let n = 1; n <= 2; n++) log.append([{ entry: use(n) }]);
    expect(listSegments(audit())).toHaveLength(expected);
  });

  test('the oldest files go, a record says which and where the chain goes on, and verify is content with it', () => {
    const log = openLog({ segmentBytes: 600, segments: 3 });
    fill(log, 40);
    expect(listSegments(audit())).toHaveLength(3);
    const verdict = verifyAudit(files(), { anchor: log.head });
    expect(verdict.findings).toEqual([]);
    expect(verdict.first).toBeGreaterThan(1);
    const text = files()
      .map(({ bytes }) => bytes.toString())
      .join('');
    expect(text.match(/"kind":"Dropped"/g)!.length).toBeGreaterThan(0);
  });

  test('one file more that goes is missed', () => {
    const log = openLog({ segmentBytes: 600, segments: 4 });
    fill(log, 40);
    expect(
      findingsOf(files().slice(1), log.head)
        .map(({ message }) => message)
        .join(),
    ).toContain('are missing, and no record');
  });

  test('a crash between the record and the end of a file leaves a file too many, and nothing is wrong', () => {
    const log = openLog({ segmentBytes: 600, segments: 100 });
    fill(log, 12);
    const kept = files().slice(0, 2);
    log.close();
    const small = openLog({ segmentBytes: 600, segments: 3 }, log.head);
    fill(small, 12);
    for (const { name, bytes } of kept) writeFileSync(path.join(audit(), name), bytes);
    const remaining = files();
    // Only the newest of what was dropped can have survived.
    const from = remaining.findIndex(({ number }) => number === listSegments(audit()).at(-3)!.number);
    expect(findingsOf(remaining.slice(from), small.head)).toEqual([]);
  });
});

describe('what is done to it is found', () => {
  function whole(): { readonly original: readonly AuditFile[]; readonly anchor: AuditAnchor } {
    const log = openLog();
    fill(log, 9);
    expect(files().length).toBeGreaterThan(2);
    return { original: files(), anchor: log.head };
  }

  function edited(original: readonly AuditFile[], index: number, bytes: Buffer): AuditFile[] {
    return original.map((file, at) => (at === index ? { ...file, bytes } : file));
  }

  test('every edit of a single byte', () => {
    const { original, anchor } = whole();
    const unseen: string[] = [];
    for (const [index, { bytes }] of original.entries()) {
      for (let at = 0; at < bytes.length; at++) {
        for (const mask of [0x01, 0x20, 0x80, 0xff]) {
          const changed = Buffer.from(bytes);
          changed[at]! ^= mask;
          if (findingsOf(edited(original, index, changed), anchor).length === 0) {
            unseen.push(`byte ${at} of file ${index} ^ ${mask}`);
          }
        }
      }
    }
    expect(unseen).toEqual([]);
  });

  test('every byte that is taken out or put in', () => {
    const { original, anchor } = whole();
    const unseen: string[] = [];
    for (const [index, { bytes }] of original.entries()) {
      for (let at = 0; at < bytes.length; at++) {
        const out = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        const double = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1), bytes.subarray(at)]);
        for (const changed of [out, double]) {
          if (findingsOf(edited(original, index, changed), anchor).length === 0) unseen.push(`byte ${at} of ${index}`);
        }
      }
    }
    expect(unseen).toEqual([]);
  });

  test('every truncation, at every byte of every file', () => {
    const { original, anchor } = whole();
    const unseen: string[] = [];
    for (const [index, { bytes }] of original.entries()) {
      for (let length = 0; length < bytes.length; length++) {
        const changed = edited(original, index, bytes.subarray(0, length));
        if (findingsOf(changed, anchor).length === 0) unseen.push(`file ${index} cut to ${length} bytes`);
        // The rest of the files went with it.
        if (findingsOf(changed.slice(0, index + 1), anchor).length === 0)
          unseen.push(`all behind ${length} of ${index}`);
      }
    }
    expect(unseen).toEqual([]);
  });

  test('every line, and every file, that is taken out, doubled, or changes places with another', () => {
    const { original, anchor } = whole();
    const split = original.map(({ bytes }) => bytes.toString().split(/(?<=\n)/));
    const places = split.flatMap((list, file) => list.map((_, line) => ({ file, line })));
    const found = (change: (copy: string[][]) => void, what: string): void => {
      const copy = split.map((list) => [...list]);
      change(copy);
      const changed = original.map((file, index) => ({ ...file, bytes: Buffer.from(copy[index]!.join('')) }));
      if (findingsOf(changed, anchor).length === 0) expect.fail(what);
    };
    for (const { file, line } of places) {
      found((copy) => copy[file]!.splice(line, 1), `line ${line} of ${file} taken out`);
      found((copy) => copy[file]!.splice(line, 0, copy[file]![line]!), `line ${line} of ${file} doubled`);
      for (const other of places) {
        if (other.file === file && other.line === line) continue;
        found((copy) => {
          const kept = copy[file]![line]!;
          copy[file]![line] = copy[other.file]![other.line]!;
          copy[other.file]![other.line] = kept;
        }, `line ${line} of ${file} and ${other.line} of ${other.file}`);
      }
    }
    for (const index of original.keys()) {
      expect(findingsOf(original.toSpliced(index, 1), anchor), `file ${index}`).not.toEqual([]);
      for (const other of original.keys()) {
        if (other === index) continue;
        const swapped = edited(edited(original, index, original[other]!.bytes), other, original[index]!.bytes);
        expect(findingsOf(swapped, anchor), `files ${index} and ${other}`).not.toEqual([]);
      }
    }
    expect(findingsOf([], anchor)).not.toEqual([]);
  });

  test('any number of such edits at once', () => {
    const { original, anchor } = whole();
    const bytes = original.map((file) => file.bytes);
    const edit = fc.record({ file: fc.nat(bytes.length - 1), at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    const escapes = fc.check(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        const copies = bytes.map((one) => Buffer.from(one));
        for (const { file, at, value } of edits) copies[file]![at % copies[file]!.length] = value;
        const same = copies.every((copy, index) => copy.equals(bytes[index]!));
        const changed = original.map((file, index) => ({ ...file, bytes: copies[index]! }));
        return same || findingsOf(changed, anchor).length > 0;
      }),
      { numRuns: 500 },
    );
    expect(escapes.counterexample).toBeNull();
  });

  test('one edit is one finding, with its place, and the rest is still checked', () => {
    const { original, anchor } = whole();
    const text = original[1]!.bytes.toString();
    const changed = edited(original, 1, Buffer.from(text.replace('"count":1', '"count":2')));
    const findings = findingsOf(changed, anchor);
    expect(findings).toHaveLength(1);
    expect(findings[0]!.place).toMatch(/^audit-00000002\.jsonl:\d+$/);
    expect(findings[0]!.message).toMatch(/^record \d+ was changed/);
  });

  test('a chain that somebody made anew is not the one of the journal, nor of who wrote a hash down', () => {
    const { original, anchor } = whole();
    const known = original[0]!.bytes.toString('latin1', 0, 64);
    rmSync(audit(), { recursive: true });
    const forged = openLog();
    fill(forged, 8);
    forged.append([{ entry: use(99) }]);
    while (forged.head.seq < anchor.seq + 2) forged.append([{ entry: use(100) }]);
    expect(findingsOf(files(), anchor).map(({ message }) => message)).toEqual([
      `record ${anchor.seq} is not the one that the journal has seen`,
    ]);
    expect(verifyAudit(original, { contains: [known] }).findings).toEqual([]);
    expect(verifyAudit(files(), { contains: [anchor.hash] }).findings).toHaveLength(1);
  });
});

describe('a file that does not end where it should', () => {
  test('an unfinished line of a crash goes, and a record says so', () => {
    const log = openLog();
    fill(log, 4);
    log.close();
    appendFileSync(path.join(audit(), names().at(-1)!), '0123456789');
    expect(findingsOf(files(), log.head)).toHaveLength(1);
    const next = openLog(SMALL, log.head);
    fill(next, 2);
    expect(findingsOf(files(), next.head)).toEqual([]);
    expect(
      files()
        .map(({ bytes }) => bytes.toString())
        .join(''),
    ).toContain('an unfinished line of 10 bytes was dropped');
  });

  test('an end that was cut off is said, kept visible, and the numbers go on behind it', () => {
    const log = openLog({ segmentBytes: 100_000, segments: 10 });
    fill(log, 6);
    log.close();
    const file = path.join(audit(), names()[0]!);
    const kept = readFileSync(file, 'utf8')
      .split(/(?<=\n)/)
      .slice(0, 4)
      .join('');
    truncateSync(file, Buffer.byteLength(kept));
    const next = openLog({ segmentBytes: 100_000, segments: 10 }, log.head);
    expect(lines.join('')).toContain('HW5041');
    expect(next.head.seq).toBe(log.head.seq + 1);
    expect(findingsOf(files(), next.head).map(({ message }) => message)).toEqual(['records 5 to 7 are missing']);
    expect(readFileSync(file, 'utf8')).toContain('and the journal has seen record 7');
  });

  test('a folder that is gone is said, and the numbers go on', () => {
    const log = openLog();
    fill(log, 3);
    log.close();
    rmSync(audit(), { recursive: true });
    const next = openLog(SMALL, log.head);
    expect(next.head.seq).toBe(log.head.seq + 2);
    expect(findingsOf(files(), next.head)).not.toEqual([]);
  });

  test('an edit is said at the next start, and found by verify as long as the file is there', () => {
    const log = openLog({ segmentBytes: 100_000, segments: 10 });
    fill(log, 4);
    log.close();
    const file = path.join(audit(), names()[0]!);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"count":1', '"count":7'));
    const next = openLog({ segmentBytes: 100_000, segments: 10 }, log.head);
    expect(lines.join('')).toContain('was changed');
    expect(findingsOf(files(), next.head)).toHaveLength(1);
  });

  test('an empty file of a crash gets its first line', () => {
    const log = openLog();
    fill(log, 3);
    log.close();
    const number = listSegments(audit()).at(-1)!.number + 1;
    writeFileSync(path.join(audit(), `audit-${String(number).padStart(8, '0')}.jsonl`), '');
    const next = openLog(SMALL, log.head);
    fill(next, 3);
    expect(findingsOf(files(), next.head)).toEqual([]);
  });
});
