/**
 * What the loop remembers: the memory of the decisions, the last desired state, what was about to be done and what came
 * of it, and the history for people.
 *
 * 1. `write` returns when its bytes are on disk (WAL, synchronous FULL), all of a step or none of it.
 * 2. One daemon per data folder (`lock.ts`).
 * 3. A journal of a newer version is not touched. A damaged one is moved aside, said loudly, and its place is taken by
 *    the seed, the copy from the last promotion.
 * 4. Everything that grows has a limit; ids never come back.
 * 5. Each event of the timeline is in the audit once, and the audit's end is anchored here (audit/trail.ts).
 * 6. Nothing of SQLite is thrown at the caller: a write that fails is a `Problem` and has changed nothing.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from 'pino';
import type { Clock } from '../kit/clock.ts';
import type { Json } from '../kit/json.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { AccessRecord } from '../model/audit.ts';
import type { AuditAnchor } from '../model/audit-record.ts';
import type { Desired } from '../model/desired.ts';
import type { MemoryParts } from '../model/memory-parts.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Reason, TimelineEvent } from '../model/status.ts';
import type { AuditPort, JournalPort, JournalStep, OutboxPort } from '../reconcile/ports.ts';
import { openAuditLog } from './audit/audit-log.ts';
import { AuditTrail, type AccessCount } from './audit/trail.ts';
import { createDatabase, JOURNAL_FILE, moveAside, openDatabase } from './database.ts';
import { desiredFromText, desiredToText } from './desired-text.ts';
import { DEFAULT_JOURNAL_LIMITS, type JournalLimits } from './limits.ts';
import { lockDataFolder, type DataLock } from './lock.ts';
import { MemoryTable } from './memory-table.ts';
import { SCHEMA_VERSION } from './schema.ts';
import { readSeed, SEED_VERSION, writeSeed, type Seed } from './seed.ts';
import { isSqliteError } from './sqlite.ts';
import { prepareStatements, rowToEvent, type Statements } from './statements.ts';

export interface JournalOptions {
  /** The data folder itself; made if need be. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<JournalLimits>;
}

/** A step whose outcome was never written: what the daemon was doing when it ended. */
export interface UnfinishedStep {
  readonly reconcileId: string;
  readonly intents: readonly Json[];
}

export interface Journal extends JournalPort, AuditPort, OutboxPort {
  /** Oldest first. */
  unfinished(): readonly UnfinishedStep[];
  /** Bytes on disk, for metrics. */
  bytes(): number;
  auditBytes(): number;
  /** Calls under grants since the start, for metrics. */
  accessCounts(): readonly AccessCount[];
}

const SEED_FILE = 'seed.json';
/** The copy is written whole: of a large fleet not at every promotion, so that it takes 5 % of the time at most. */
const SEED_PAUSE_PER_COST = 20;

export function openJournal(options: JournalOptions): Result<Journal, Problem> {
  const { folder } = options;
  const limits = { ...DEFAULT_JOURNAL_LIMITS, ...options.limits };
  let lock: DataLock | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const locked = lockDataFolder(folder);
    if (!locked.ok) return locked;
    lock = locked.value;
    const opened = openOrBootstrap(folder, limits, options);
    if (opened.ok) return ok(new SqliteJournal(withAudit(opened.value, { ...options, folder, limits, lock })));
    lock.release();
    return opened;
  } catch (error) {
    lock?.release();
    return err(problem('HW5022', `the journal in ${folder} cannot be opened: ${(error as Error).message}`));
  }
}

/** The audit goes on where the journal saw it last, with what a crash left out of it. */
function withAudit(opened: OpenedJournal, parts: Pick<Parts, 'folder' | 'limits' | 'lock' | 'log' | 'clock'>): Parts {
  const { statements, bootstrapped } = opened;
  const { folder, limits, clock, log } = parts;
  const anchor = statements.getAuditHead.get() as AuditAnchor | undefined;
  const nowWallMs = () => clock.now().wallMs;
  const audit = openAuditLog({ folder, limits: limits.audit, anchor, nowWallMs, log });
  const authorOf = (commit: string) => (statements.authorOf.get(commit) as { author: string } | undefined)?.author;
  const trail = new AuditTrail(audit, authorOf, log);
  // A journal that begins anew counts its events from where its copy was: none of them has a record yet.
  const after = bootstrapped ? 0 : audit.lastEvent;
  trail.decided(statements.eventsAfter.all(after).map(rowToEvent));
  return { ...opened, folder, limits, lock: parts.lock, log, clock, audit: trail };
}

interface OpenedJournal {
  readonly database: DatabaseSync;
  readonly statements: Statements;
  readonly memory: MemoryTable;
  readonly outbox: MemoryTable;
  readonly bootstrapped: boolean;
}

function openOrBootstrap(
  folder: string,
  limits: JournalLimits,
  { clock, log }: JournalOptions,
): Result<OpenedJournal, Problem> {
  const opened = openDatabase(folder, limits);
  let why = 'it is gone';
  switch (opened.type) {
    case 'newer':
      return refuseNewer(folder, opened.version, SCHEMA_VERSION);
    case 'good': {
      const content = readContent(opened.database);
      if (content) return ok({ database: opened.database, ...content, bootstrapped: false });
      opened.database.close();
      why = 'what it holds cannot be read';
      break;
    }
    case 'damaged':
      why = opened.why;
      break;
    case 'absent':
      break;
  }
  const seed = readSeed(join(folder, SEED_FILE));
  if (seed.type === 'newer') return refuseNewer(folder, seed.version, SEED_VERSION);
  const lost = opened.type !== 'absent' || seed.type !== 'none';
  if (lost) {
    const aside = opened.type === 'absent' ? undefined : moveAside(folder, clock.now().wallMs);
    log.error({ why, aside, seed: seed.type }, 'the journal is lost: starting from the copy of the last promotion');
  }
  const restored = seed.type === 'seed' ? seed.seed : undefined;
  const database = createDatabase(folder, limits, restored?.lastEventId ?? 0);
  const statements = prepareStatements(database);
  const memory = new MemoryTable(statements.memory);
  const outbox = new MemoryTable(statements.outbox);
  if (restored?.memory !== undefined) {
    const change = memory.changeTo(restored.memory);
    memory.write(change);
    memory.written(change);
  }
  if (restored?.desired !== undefined) statements.putDesired.run(restored.desired);
  if (lost) tellBootstrapped(statements, clock.now().wallMs, why, restored);
  return ok({ database, statements, memory, outbox, bootstrapped: lost });
}

/** The one event that is the journal's own to tell: the memory of the decisions knows nothing of its loss. */
function tellBootstrapped(statements: Statements, wallMs: number, why: string, seed: Seed | undefined): void {
  const commit = seed?.desired === undefined ? '' : desiredFromText(seed.desired).commit;
  const from = seed
    ? 'it starts from the copy of the last promotion; what happened since is decided again'
    : 'there was no copy of it: what git asks for is deployed as the first, unproven';
  const reason: Reason = 'Bootstrapped';
  const message = `the journal was lost (${why.replaceAll(/\s+/g, ' ')}): ${from}`;
  statements.addEvent.run(new Date(wallMs).toISOString(), 'start', commit, null, reason, message, null, null);
}

function refuseNewer(folder: string, found: number, known: number): Result<never, Problem> {
  const message = `the journal in ${folder} has version ${found}; this Headway knows version ${known} and touches nothing`;
  return err(problem('HW5021', message));
}

/** Tables that are there and JSON that is JSON; nothing here looks into the memory. */
function readContent(database: DatabaseSync): Pick<OpenedJournal, 'statements' | 'memory' | 'outbox'> | undefined {
  try {
    const statements = prepareStatements(database);
    const desired = statements.getDesired.get() as { json: string } | undefined;
    if (desired) desiredFromText(desired.json);
    return { statements, memory: new MemoryTable(statements.memory), outbox: new MemoryTable(statements.outbox) };
  } catch {
    return undefined;
  }
}

interface Parts extends OpenedJournal {
  readonly folder: string;
  readonly limits: JournalLimits;
  readonly lock: DataLock;
  readonly log: Logger;
  readonly clock: Clock;
  readonly audit: AuditTrail;
}

class SqliteJournal implements Journal {
  readonly bootstrapped: boolean;
  readonly #parts: Parts;
  #closed = false;
  #seedDue = false;
  #nextSeedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.bootstrapped = parts.bootstrapped;
  }

  memory(): MemoryParts | undefined {
    return this.#parts.memory.parts();
  }

  desired(): Desired | undefined {
    const text = this.#desiredText();
    return text === undefined ? undefined : desiredFromText(text);
  }

  writeDesired(desired: Desired): Result<void, Problem> {
    const text = desiredToText(desired);
    const fits = this.#fits('desired state', text, this.#parts.limits.desiredBytes);
    if (!fits.ok) return fits;
    return this.#transaction(() => this.#parts.statements.putDesired.run(text));
  }

  write(step: JournalStep): Result<void, Problem> {
    const { statements, limits, memory, audit } = this.#parts;
    const audited = audit.ready();
    if (!audited.ok) return audited;
    const change = memory.changeTo(step.memory);
    const events: TimelineEvent[] = [];
    const intents = JSON.stringify(step.intents);
    const fits = within('memory', change.bytes, limits.memoryBytes);
    if (!fits.ok) return fits;
    const intentsFit = this.#fits('intents', intents, limits.intentsBytes);
    if (!intentsFit.ok) return intentsFit;
    const written = this.#transaction(() => {
      memory.write(change);
      statements.addStep.run(step.reconcileId, intents);
      statements.pruneSteps.run(limits.steps);
      for (const event of step.events) {
        const message = cut(event.message, limits.messageCharacters);
        const { lastInsertRowid } = statements.addEvent.run(
          event.at,
          event.reconcileId,
          event.commit,
          event.entry ?? null,
          event.reason,
          message,
          event.evidence ? JSON.stringify(event.evidence) : null,
          event.author ?? null,
        );
        events.push({ ...event, message, id: Number(lastInsertRowid) });
      }
      this.#anchorAudit();
      if (step.events.length > 0) statements.pruneTimeline.run(limits.timelineEvents);
    });
    if (!written.ok) return written;
    memory.written(change);
    audit.decided(events);
    if (step.seed || step.events.some(({ reason }) => reason === 'Proven')) this.#seedDue = true;
    if (this.#seedDue && this.#parts.clock.now().monotonicMs >= this.#nextSeedMs) this.#writeSeed();
    return written;
  }

  outcome(reconcileId: string, results: readonly Json[]): Result<void, Problem> {
    const text = JSON.stringify(results);
    const fits = this.#fits('results', text, this.#parts.limits.intentsBytes);
    if (!fits.ok) return fits;
    return this.#transaction(() => {
      this.#parts.statements.finishStep.run(text, reconcileId);
      this.#anchorAudit();
    });
  }

  outbox(): MemoryParts | undefined {
    return this.#parts.outbox.parts();
  }

  writeOutbox(parts: MemoryParts): Result<void, Problem> {
    const { outbox, limits } = this.#parts;
    const change = outbox.changeTo(parts);
    const fits = within('outbox', change.bytes, limits.outboxBytes);
    if (!fits.ok) return fits;
    const written = this.#transaction(() => outbox.write(change));
    if (written.ok) outbox.written(change);
    return written;
  }

  toldOf(commit: string, limit: number): readonly TimelineEvent[] {
    return this.#parts.statements.eventsOf.all(commit, limit).map(rowToEvent);
  }

  record(records: readonly AccessRecord[]): Result<void, Problem> {
    if (this.#closed) return err(problem('HW5023', 'the journal is closed'));
    const recorded = this.#parts.audit.record(records);
    // Not anchored is not lost: the next write of the journal does it.
    if (recorded.ok && records.length > 0) this.#transaction(() => this.#anchorAudit());
    return recorded;
  }

  lost(count: number): Result<void, Problem> {
    return this.#parts.audit.lost(count, this.#parts.clock.now().wallMs);
  }

  accessCounts(): readonly AccessCount[] {
    return this.#parts.audit.counts();
  }

  auditBytes(): number {
    return this.#parts.audit.bytes();
  }

  #anchorAudit(): void {
    const { seq, hash } = this.#parts.audit.head;
    this.#parts.statements.putAuditHead.run(seq, hash);
  }

  unfinished(): readonly UnfinishedStep[] {
    const rows = this.#parts.statements.unfinished.all() as { reconcile_id: string; intents: string }[];
    return rows.map((row) => ({ reconcileId: row.reconcile_id, intents: JSON.parse(row.intents) as Json[] }));
  }

  timeline(limit: number): readonly TimelineEvent[] {
    return this.#parts.statements.timeline.all(Math.max(0, Math.trunc(limit))).map(rowToEvent);
  }

  bytes(): number {
    const file = join(this.#parts.folder, JOURNAL_FILE);
    return ['', '-wal'].reduce(
      (sum, suffix) => sum + (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#seedDue) this.#writeSeed();
    const { database, lock, log, audit } = this.#parts;
    audit.close();
    try {
      this.#anchorAudit();
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      database.close();
    } catch (error) {
      log.warn({ err: error }, 'the journal was closed without a checkpoint');
    }
    lock.release();
  }

  #desiredText(): string | undefined {
    return (this.#parts.statements.getDesired.get() as { json: string } | undefined)?.json;
  }

  #fits(what: string, text: string, limit: number): Result<void, Problem> {
    return within(what, Buffer.byteLength(text), limit);
  }

  #transaction(run: () => void): Result<void, Problem> {
    if (this.#closed) return err(problem('HW5023', 'the journal is closed'));
    const { database } = this.#parts;
    try {
      database.exec('BEGIN IMMEDIATE');
      run();
      database.exec('COMMIT');
      return ok(undefined);
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      if (!isSqliteError(error)) throw error;
      return err(problem('HW5023', `the journal could not be written: ${error.message}`));
    }
  }

  /** A seed that cannot be written is bad luck for a later accident, not a reason to stop now. */
  #writeSeed(): void {
    const { folder, statements, log, clock } = this.#parts;
    const startedMs = clock.now().monotonicMs;
    const last = statements.lastEventId.get() as { seq: number } | undefined;
    const seed: Seed = {
      memory: this.#parts.memory.parts(),
      desired: this.#desiredText(),
      lastEventId: last?.seq ?? 0,
    };
    try {
      writeSeed(join(folder, SEED_FILE), seed);
      this.#seedDue = false;
    } catch (error) {
      log.warn({ err: error }, 'the copy of the journal could not be written');
    }
    const endedMs = clock.now().monotonicMs;
    this.#nextSeedMs = endedMs + SEED_PAUSE_PER_COST * (endedMs - startedMs);
  }
}

function within(what: string, bytes: number, limit: number): Result<void, Problem> {
  if (bytes <= limit) return ok(undefined);
  return err(problem('HW5024', `the ${what} takes ${bytes} bytes, the limit is ${limit}`));
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1).toWellFormed()}…`;
}
