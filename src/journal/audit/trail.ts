/**
 * The audit beside the journal: events of its timeline, once each, and uses of grants as they come.
 *
 * T1 A decision is in the timeline before it is in the audit; what a crash left out is caught up at the next start.
 * T2 While the audit cannot be written no further step is: at most one decision is carried out before its record is.
 * T3 What is recorded is anchored in the journal with the next write of it, and uses at once.
 */
import type { Logger } from 'pino';
import type { Result } from '../../kit/result.ts';
import type { AccessRecord } from '../../model/audit.ts';
import type { AccessEntry, AuditAnchor, AuditEntry } from '../../model/audit-record.ts';
import type { Problem } from '../../model/problem.ts';
import type { TimelineEvent } from '../../model/status.ts';
import type { AuditLog } from './audit-log.ts';

/** Commits whose author is remembered; the timeline knows the others. */
const MAX_AUTHORS = 1_000;

/** Entries times kinds that are counted for metrics; the audit has them all. */
const MAX_COUNTS = 100_000;

export type AccessCount = Pick<AccessEntry, 'entry' | 'kind' | 'capability' | 'count'>;

interface Line<Entry extends AuditEntry = AuditEntry> {
  readonly entry: Entry;
  readonly atWallMs: number;
}

export class AuditTrail {
  readonly #audit: AuditLog;
  readonly #authorOf: (commit: string) => string | undefined;
  readonly #log: Logger;
  readonly #authors = new Map<string, string | undefined>();
  /** By entry, kind and capability, since the start. */
  readonly #counts = new Map<string, AccessCount>();
  #pending: readonly Line[] = [];

  constructor(audit: AuditLog, authorOf: (commit: string) => string | undefined, log: Logger) {
    this.#audit = audit;
    this.#authorOf = authorOf;
    this.#log = log;
  }

  get head(): AuditAnchor {
    return this.#audit.head;
  }

  bytes(): number {
    return this.#audit.bytes();
  }

  /** T2. */
  ready(): Result<void, Problem> {
    const written = this.#audit.append(this.#pending);
    if (written.ok) this.#pending = [];
    return written;
  }

  /** Events that are durable in the timeline by now. */
  decided(events: readonly TimelineEvent[]): void {
    if (events.length === 0) return;
    this.#pending = [...this.#pending, ...events.map(decisionOf)];
    const written = this.ready();
    if (!written.ok) {
      this.#log.error({ problem: written.error }, 'a decision was not audited: no other is made until it is');
    }
  }

  record(records: readonly AccessRecord[]): Result<void, Problem> {
    const ready = this.ready();
    if (!ready.ok) return ready;
    const lines = records.map((record) => this.#accessOf(record));
    const written = this.#audit.append(lines);
    if (written.ok) for (const { entry } of lines) this.#count(entry);
    return written;
  }

  counts(): readonly AccessCount[] {
    return [...this.#counts.values()];
  }

  lost(count: number, atWallMs: number): Result<void, Problem> {
    const ready = this.ready();
    return ready.ok && count > 0 ? this.#audit.append([{ entry: { kind: 'Lost', count }, atWallMs }]) : ready;
  }

  close(): void {
    this.ready();
    this.#audit.close();
  }

  #accessOf({ atWallMs, component, outcome, why, commit, ...rest }: AccessRecord): Line<AccessEntry> {
    const kind = outcome === 'Allowed' ? 'Use' : outcome === 'Denied' ? 'Denial' : 'Audited';
    const author = commit === undefined ? undefined : this.#author(commit);
    const entry: AccessEntry = { ...rest, kind, entry: component, commit, author, ...(why === '' ? {} : { why }) };
    return { entry: wellFormed(entry), atWallMs };
  }

  #count({ entry, kind, capability, count }: AccessEntry): void {
    const name = `${entry} ${kind} ${capability}`;
    const known = this.#counts.get(name);
    if (known) this.#counts.set(name, { ...known, count: known.count + count });
    else if (this.#counts.size < MAX_COUNTS) this.#counts.set(name, { entry, kind, capability, count });
  }

  #author(commit: string): string | undefined {
    if (!this.#authors.has(commit)) {
      if (this.#authors.size >= MAX_AUTHORS) this.#authors.clear();
      this.#authors.set(commit, this.#authorOf(commit));
    }
    return this.#authors.get(commit);
  }
}

function decisionOf({ id, at, ...event }: TimelineEvent): Line {
  return { entry: wellFormed({ kind: 'Decision', ...event, event: id }), atWallMs: Date.parse(at) };
}

/** What guests and authors write may hold half a character, which has no canonical form. */
function wellFormed<Entry extends AuditEntry>(entry: Entry): Entry {
  return JSON.parse(JSON.stringify(entry), (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  ) as Entry;
}
