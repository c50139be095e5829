import type { AccessRecord } from './audit.ts';
import type { EntryKey } from './component.ts';
import type { Evidence, Reason } from './status.ts';

/** Where a chain is: the number of its last record, and the hash of that line. */
export interface AuditAnchor {
  readonly seq: number;
  /** 64 hex digits. */
  readonly hash: string;
}

/** A grant was used, or would have been denied and was let through (`Audited`), or was denied. */
export interface AccessEntry extends Omit<AccessRecord, 'atWallMs' | 'component' | 'outcome' | 'why'> {
  readonly kind: 'Use' | 'Denial' | 'Audited';
  readonly entry: EntryKey;
  readonly author?: string | undefined;
  readonly why?: string | undefined;
}

/** A line of the timeline: what was decided, because of which commit, by whom it was written. */
export interface DecisionEntry {
  readonly kind: 'Decision';
  readonly entry?: EntryKey | undefined;
  readonly commit: string;
  readonly author?: string | undefined;
  readonly reason: Reason;
  readonly message: string;
  readonly evidence?: readonly Evidence[] | undefined;
  readonly reconcileId: string;
  /** Its id in the timeline: what a restart goes on from. */
  readonly event: number;
}

/** What the audit says of itself. */
export type OwnEntry =
  /** First line of each file. `previous` is the hash of the last line of the file before. */
  | { readonly kind: 'Segment'; readonly segment: number; readonly previous: string }
  /** Files up to `segment` were dropped for want of room; `lastHash` is what the next one has as `previous`. */
  | {
      readonly kind: 'Dropped';
      readonly segment: number;
      readonly lastSeq: number;
      readonly lastHash: string;
      readonly bytes: number;
    }
  /** The file did not end where it should have: what was found, and where the chain goes on. */
  | { readonly kind: 'Broken'; readonly why: string; readonly expected?: AuditAnchor | undefined }
  /** Uses that were made and not written down, because nobody took them for too long. */
  | { readonly kind: 'Lost'; readonly count: number };

export type AuditEntry = AccessEntry | DecisionEntry | OwnEntry;
export type AuditKind = AuditEntry['kind'];

/** One line: its number from 1 without a gap, wall clock as ISO 8601, and what happened. */
export type AuditRecord = { readonly seq: number; readonly at: string } & AuditEntry;

export const AUDIT_KINDS: readonly AuditKind[] = [
  'Use',
  'Denial',
  'Audited',
  'Decision',
  'Lost',
  'Segment',
  'Dropped',
  'Broken',
];

export interface AuditFinding {
  /** `audit-00000001.jsonl:12`, or `audit` for the whole. */
  readonly place: string;
  readonly message: string;
}

/** Whether the audit is whole: it is where there are no findings. */
export interface AuditVerdict {
  readonly records: number;
  readonly files: number;
  /** Number of the first record that is there. */
  readonly first?: number | undefined;
  /** The last record: what to write down to compare with later. */
  readonly head?: AuditAnchor | undefined;
  readonly findings: readonly AuditFinding[];
}
