/**
 * Is the audit whole? Every line is checked against the one before it, every file against the one before it, and the end
 * against the anchor that the journal keeps. What is found does not stop the search: after a damaged line the chain is
 * taken up again, so that one edit is one finding.
 */
import type { AuditAnchor, AuditFinding, AuditRecord, AuditVerdict } from '../../model/audit-record.ts';
import { GENESIS, readLines, type ReadLine } from './chain.ts';

export interface AuditFile {
  readonly number: number;
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Expected {
  /** What the journal has seen last; absent where the journal is lost or has seen none. */
  readonly anchor?: AuditAnchor | undefined;
  /** Hashes that somebody wrote down earlier and that have to be in it. */
  readonly contains?: readonly string[] | undefined;
}

/** @param files oldest first; each is read when its turn comes. */
export function verifyAudit(files: Iterable<AuditFile>, { anchor, contains = [] }: Expected): AuditVerdict {
  const walk = new Walk(anchor, contains);
  for (const file of files) walk.file(file);
  return walk.end();
}

class Walk {
  readonly #anchor: AuditAnchor | undefined;
  readonly #missing: Set<string>;
  readonly #findings: AuditFinding[] = [];
  /** Hashes that the next line may follow: as the last one states it, and as it should be. */
  #previous: readonly string[] = [];
  #lastSeq: number | undefined;
  #firstSeq: number | undefined;
  #lastFile: number | undefined;
  #firstFile: { readonly number: number; readonly previous: string } | undefined;
  #head: AuditAnchor | undefined;
  #dropped: (AuditRecord & { readonly kind: 'Dropped' })[] = [];
  #hashAtAnchor: string | undefined;
  #records = 0;
  #files = 0;

  constructor(anchor: AuditAnchor | undefined, contains: readonly string[]) {
    this.#anchor = anchor;
    this.#missing = new Set(contains);
  }

  file({ number, name, bytes }: AuditFile): void {
    this.#files += 1;
    if (this.#lastFile !== undefined && number !== this.#lastFile + 1) {
      this.#find(name, `the file before it is number ${this.#lastFile}: what was between them is missing`);
      this.#previous = [];
      this.#lastSeq = undefined;
    }
    this.#lastFile = number;
    const { lines, rest } = readLines(bytes);
    if (lines.length === 0) this.#find(name, 'the file holds no line');
    for (const [index, line] of lines.entries())
      this.#line(line, `${name}:${index + 1}`, index === 0 ? number : undefined);
    if (rest > 0) this.#find(`${name}:${lines.length + 1}`, `the last line is not finished: ${rest} bytes`);
  }

  #line(line: ReadLine, place: string, beginsFile: number | undefined): void {
    this.#records += 1;
    const { record, stated } = line;
    if (!record) {
      this.#find(place, 'this is not a line of the audit');
      this.#previous = [stated, ...this.#previous];
      this.#lastSeq = this.#lastSeq === undefined ? undefined : this.#lastSeq + 1;
      return;
    }
    if (beginsFile === undefined) {
      if (record.kind === 'Segment') this.#find(place, 'the first line of a file stands inside another');
    } else this.#beginFile(record, beginsFile, place);
    const before = this.#previous.find((hash) => line.follows(hash));
    if (before === undefined)
      this.#find(place, `record ${record.seq} was changed, or does not follow the line before it`);
    if (this.#lastSeq !== undefined && record.seq !== this.#lastSeq + 1)
      this.#find(place, gap(this.#lastSeq, record.seq));
    this.#lastSeq = record.seq;
    this.#firstSeq ??= record.seq;
    // Whoever changed the hash alone leaves a chain that goes on with the right one.
    this.#previous = before === undefined ? [stated, ...this.#previous.map((hash) => line.computed(hash))] : [stated];
    this.#head = { seq: record.seq, hash: stated };
    if (record.kind === 'Dropped') this.#dropped.push(record);
    this.#missing.delete(stated);
    if (record.seq === this.#anchor?.seq) this.#hashAtAnchor = stated;
  }

  #beginFile(record: AuditRecord, number: number, place: string): void {
    if (record.kind !== 'Segment') return this.#find(place, 'the file does not begin with its own first line');
    if (record.segment !== number) this.#find(place, `this is the first line of file ${record.segment}`);
    if (this.#firstFile === undefined) {
      this.#firstFile = { number, previous: record.previous };
      this.#previous = [record.previous];
      if (number === 1 && record.previous !== GENESIS) this.#find(place, 'the first file of all follows another');
      if (number === 1 && record.seq !== 1) this.#find(place, gap(0, record.seq));
    } else if (this.#previous.length === 0) this.#previous = [record.previous];
    else if (!this.#previous.includes(record.previous)) {
      this.#find(place, 'the file does not follow the end of the one before it');
      this.#previous = [...this.#previous, record.previous];
    }
  }

  end(): AuditVerdict {
    this.#checkStart();
    this.#checkEnd();
    for (const hash of this.#missing) this.#find('audit', `no record has the hash ${hash}`);
    return {
      records: this.#records,
      files: this.#files,
      first: this.#firstSeq,
      head: this.#head,
      findings: this.#findings,
    };
  }

  /** Files before the first are dropped by the collector, which leaves the hash of what it dropped last. */
  #checkStart(): void {
    const first = this.#firstFile;
    if (!first || first.number === 1) return;
    const anchor = this.#dropped.find(({ segment }) => segment === first.number - 1);
    const later = this.#dropped.some(({ segment }) => segment >= first.number);
    if (anchor && anchor.lastHash !== first.previous) {
      this.#find(
        'audit',
        `file ${first.number} does not follow file ${first.number - 1} as it was when it was dropped`,
      );
    } else if (!anchor && !later) {
      this.#find('audit', `files before number ${first.number} are missing, and no record says that they were dropped`);
    }
  }

  #checkEnd(): void {
    const anchor = this.#anchor;
    if (!anchor) return;
    if (!this.#head || this.#head.seq < anchor.seq) {
      const end = this.#head ? `it ends at record ${this.#head.seq}` : 'there is none';
      this.#find('audit', `${end}, and the journal has seen record ${anchor.seq}: the end was cut off`);
    } else if (this.#hashAtAnchor !== anchor.hash) {
      this.#find('audit', `record ${anchor.seq} is not the one that the journal has seen`);
    }
  }

  #find(place: string, message: string): void {
    this.#findings.push({ place, message });
  }
}

function gap(last: number, next: number): string {
  if (next <= last) return `record ${next} comes after record ${last}`;
  return next === last + 2 ? `record ${last + 1} is missing` : `records ${last + 1} to ${next - 1} are missing`;
}
