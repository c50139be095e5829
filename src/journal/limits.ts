import { DEFAULT_AUDIT_LIMITS, type AuditLimits } from './audit/audit-log.ts';

/** Every bound of the journal. */
export interface JournalLimits {
  /** JSON texts of all parts of the memory. */
  readonly memoryBytes: number;
  /** JSON texts of all that waits to be told. */
  readonly outboxBytes: number;
  /** JSON text of the desired state. */
  readonly desiredBytes: number;
  /** Events that are kept, oldest dropped first. */
  readonly timelineEvents: number;
  /** Of one event; longer messages are cut. */
  readonly messageCharacters: number;
  /** Steps that are kept with their intents and results. */
  readonly steps: number;
  /** JSON text of the intents or the results of one step. */
  readonly intentsBytes: number;
  /** The database file. */
  readonly databaseBytes: number;
  readonly audit: AuditLimits;
}

export const DEFAULT_JOURNAL_LIMITS: JournalLimits = {
  memoryBytes: 32 * 2 ** 20,
  outboxBytes: 32 * 2 ** 20,
  desiredBytes: 128 * 2 ** 20,
  timelineEvents: 10_000,
  messageCharacters: 2_000,
  steps: 1_000,
  intentsBytes: 8 * 2 ** 20,
  databaseBytes: 2 ** 30,
  audit: DEFAULT_AUDIT_LIMITS,
};
