/**
 * The audit on disk: an append-only chain in files of bounded size.
 *
 * A1 `append` returns when its bytes are on disk. A write that failed leaves nothing behind that a later one would follow.
 * A2 Nothing is changed or taken out; whole files go, oldest first, when there are too many, and a record says which.
 * A3 A file that does not end where the journal's anchor says is not mended in silence: a record says what was found, and
 *    the numbers go on behind the anchor, so that a gap stays visible.
 */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { err, ok, type Result } from '../../kit/result.ts';
import type { AuditAnchor, AuditEntry, AuditRecord } from '../../model/audit-record.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { syncFolder } from '../seed.ts';
import { GENESIS, lineOf, readLines, type ReadLine } from './chain.ts';
import { bytesOfSegments, listSegments, readSegment, segmentName, type Segment } from './segments.ts';

export const AUDIT_FOLDER = 'audit';

export interface AuditLimits {
  /** A file is not begun larger than this; the last batch may go over it. */
  readonly segmentBytes: number;
  /** Files that are kept. */
  readonly segments: number;
}

export const DEFAULT_AUDIT_LIMITS: AuditLimits = { segmentBytes: 8 * 2 ** 20, segments: 32 };

export interface AuditLogOptions {
  /** The data folder. */
  readonly folder: string;
  readonly limits: AuditLimits;
  /** What the journal has seen last; absent for a new journal. */
  readonly anchor: AuditAnchor | undefined;
  readonly nowWallMs: () => number;
  readonly log: Logger;
}

/** @throws the file system's errors, where the folder cannot be read or written. */
export function openAuditLog(options: AuditLogOptions): AuditLog {
  const folder = join(options.folder, AUDIT_FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new AuditLog(folder, options);
}

export class AuditLog {
  readonly #folder: string;
  readonly #options: AuditLogOptions;
  #segment = 0;
  #descriptor: number | undefined;
  #bytes = 0;
  /** A write failed half-way and could not be taken back. */
  #torn = false;
  #head: AuditAnchor = { seq: 0, hash: GENESIS };
  #lastEvent = 0;

  constructor(folder: string, options: AuditLogOptions) {
    this.#folder = folder;
    this.#options = options;
    const last = listSegments(folder).at(-1);
    const broken = last ? this.#resume(last) : this.#isCut(undefined);
    if (last === undefined) {
      this.#skipTo(options.anchor);
      this.#begin(1);
    }
    if (broken !== undefined) this.#sayBroken(broken);
  }

  /** The last record. */
  get head(): AuditAnchor {
    return this.#head;
  }

  /** The last event of the timeline that has a record; 0 for none. */
  get lastEvent(): number {
    return this.#lastEvent;
  }

  /** On disk, all files. */
  bytes(): number {
    return bytesOfSegments(listSegments(this.#folder));
  }

  /** All of them or none (A1). `atWallMs` is the present where an entry has no time of its own. */
  append(entries: readonly { readonly entry: AuditEntry; readonly atWallMs?: number }[]): Result<void, Problem> {
    if (entries.length === 0) return ok(undefined);
    try {
      if (this.#bytes >= this.#options.limits.segmentBytes) this.#rotate();
      this.#write(entries);
      return ok(undefined);
    } catch (error) {
      return err(problem('HW5040', `the audit could not be written: ${(error as Error).message}`));
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #write(entries: readonly { readonly entry: AuditEntry; readonly atWallMs?: number }[]): void {
    let { seq, hash } = this.#head;
    let text = '';
    let lastEvent = this.#lastEvent;
    for (const { entry, atWallMs = this.#options.nowWallMs() } of entries) {
      seq += 1;
      const record: AuditRecord = { ...entry, seq, at: new Date(atWallMs).toISOString() };
      const line = lineOf(record, hash);
      hash = line.hash;
      text += line.text;
      if (entry.kind === 'Decision') lastEvent = entry.event;
    }
    this.#append(Buffer.from(text));
    this.#head = { seq, hash };
    this.#lastEvent = lastEvent;
  }

  #append(bytes: Buffer): void {
    const descriptor = this.#open();
    if (this.#torn) ftruncateSync(descriptor, this.#bytes);
    this.#torn = true;
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
      fsyncSync(descriptor);
    } catch (error) {
      try {
        ftruncateSync(descriptor, this.#bytes);
        this.#torn = false;
      } catch {
        // The next write begins with it.
      }
      throw error;
    }
    this.#torn = false;
    this.#bytes += bytes.length;
  }

  #open(): number {
    return (this.#descriptor ??= openSync(join(this.#folder, segmentName(this.#segment)), 'a', 0o600));
  }

  /** The next file, and those go that are too many (A2). */
  #rotate(): void {
    this.close();
    this.#begin(this.#segment + 1);
    const surplus = listSegments(this.#folder).slice(0, -this.#options.limits.segments);
    for (const segment of surplus) this.#drop(segment);
    if (surplus.length > 0) syncFolder(this.#folder);
  }

  #begin(segment: number): void {
    this.#segment = segment;
    this.#bytes = 0;
    this.#write([{ entry: { kind: 'Segment', segment, previous: this.#head.hash } }]);
    syncFolder(this.#folder);
  }

  /** The record first: a crash in between leaves a file too many, never a hole that nobody knows of. */
  #drop(segment: Segment): void {
    const bytes = readSegment(segment);
    const last = readLines(bytes).lines.at(-1);
    const lastHash = last?.stated ?? '';
    const lastSeq = last?.record?.seq ?? 0;
    this.#write([{ entry: { kind: 'Dropped', segment: segment.number, lastSeq, lastHash, bytes: bytes.length } }]);
    rmSync(segment.file);
    this.#options.log.info({ file: segment.name, lastSeq }, 'a file of the audit was dropped for want of room');
  }

  /** Goes on at the end of the last file. Returns what is wrong with it. */
  #resume(last: Segment): string | undefined {
    this.#segment = last.number;
    const { lines, rest } = readLines(readSegment(last));
    this.#bytes = lines.at(-1)?.end ?? 0;
    this.#torn = rest > 0;
    this.#head = headOf(lines) ?? this.#headBefore() ?? this.#head;
    this.#lastEvent = this.#findLastEvent();
    const cut = this.#isCut(lines);
    this.#skipTo(this.#options.anchor);
    if (lines.length === 0) this.#begin(this.#segment);
    if (cut !== undefined) return cut;
    if (rest > 0) return `an unfinished line of ${rest} bytes was dropped`;
    return isChained(lines) ? undefined : `a line of ${last.name} was changed`;
  }

  /** Does the end hold what the journal has seen? */
  #isCut(lines: readonly ReadLine[] | undefined): string | undefined {
    const { anchor } = this.#options;
    if (!anchor) return undefined;
    if (this.#head.seq < anchor.seq) {
      return `it ended at record ${this.#head.seq}, and the journal has seen record ${anchor.seq}`;
    }
    const known = (lines ?? []).find(({ record }) => record?.seq === anchor.seq) ?? this.#find(anchor.seq);
    return known && known.stated !== anchor.hash
      ? `record ${anchor.seq} is not the one that the journal has seen`
      : undefined;
  }

  #find(seq: number): ReadLine | undefined {
    return this.#linesBefore().find(({ record }) => record?.seq === seq);
  }

  /** A crash between making a file and writing its first line leaves it empty. */
  #headBefore(): AuditAnchor | undefined {
    return headOf(this.#linesBefore());
  }

  #linesBefore(): readonly ReadLine[] {
    const before = listSegments(this.#folder).at(-2);
    return before ? readLines(readSegment(before)).lines : [];
  }

  /** A3: numbers that were given out are not given out again. */
  #skipTo(anchor: AuditAnchor | undefined): void {
    if (anchor && anchor.seq > this.#head.seq) this.#head = { ...this.#head, seq: anchor.seq };
  }

  #findLastEvent(): number {
    for (const segment of listSegments(this.#folder).toReversed()) {
      const { lines } = readLines(readSegment(segment));
      const last = lines.findLast(({ record }) => record?.kind === 'Decision')?.record;
      if (last?.kind === 'Decision') return last.event;
    }
    return 0;
  }

  #sayBroken(why: string): void {
    const { anchor, log } = this.#options;
    log.error({ problem: problem('HW5041', `the audit is not what it was: ${why}`), anchor }, 'the audit is damaged');
    this.#write([{ entry: { kind: 'Broken', why, ...(anchor ? { expected: anchor } : {}) } }]);
  }
}

function isChained(lines: readonly ReadLine[]): boolean {
  return lines.every((line, index) => index === 0 || line.follows(lines[index - 1]!.stated));
}

function headOf(lines: readonly ReadLine[]): AuditAnchor | undefined {
  const seq = lines.findLast(({ record }) => record !== undefined)?.record?.seq;
  return seq === undefined ? undefined : { seq, hash: lines.at(-1)!.stated };
}
