/** Which records `headway audit show` prints, and how a line of it reads. */
import { short } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { parseDuration } from '../../kit/units.ts';
import { visibleText } from '../../kit/visible.ts';
import { AUDIT_KINDS, type AuditKind, type AuditRecord } from '../../model/audit-record.ts';

export interface RecordFilter {
  readonly entry?: string | undefined;
  readonly kinds?: readonly AuditKind[] | undefined;
  readonly sinceWallMs?: number | undefined;
}

/** `--entry`, `--kind use,denial` and `--since 2h` or a date; the error says what is wrong, in one sentence. */
export function filterOf(
  flags: {
    readonly entry?: string | undefined;
    readonly kind?: string | undefined;
    readonly since?: string | undefined;
  },
  nowWallMs: number,
): Result<RecordFilter, string> {
  const kinds: AuditKind[] = [];
  for (const word of flags.kind?.split(',') ?? []) {
    const kind = AUDIT_KINDS.find((known) => known.toLowerCase() === word.trim().toLowerCase());
    if (!kind)
      return err(`there is no kind "${word}"; there are ${AUDIT_KINDS.map((one) => one.toLowerCase()).join(', ')}`);
    kinds.push(kind);
  }
  const sinceWallMs = flags.since === undefined ? undefined : sinceOf(flags.since, nowWallMs);
  if (sinceWallMs !== undefined && Number.isNaN(sinceWallMs)) {
    return err(`"${flags.since}" is neither a duration such as 90m nor a date such as 2026-11-28T12:00:00Z`);
  }
  if (flags.entry !== undefined && !flags.entry.includes('/')) return err(`"${flags.entry}" is not <namespace>/<name>`);
  return ok({ entry: flags.entry, kinds: kinds.length > 0 ? kinds : undefined, sinceWallMs });
}

function sinceOf(text: string, nowWallMs: number): number {
  const duration = parseDuration(text);
  return duration.ok ? nowWallMs - duration.value : Date.parse(text);
}

export function isShown(record: AuditRecord, { entry, kinds, sinceWallMs }: RecordFilter): boolean {
  if (entry !== undefined && !('entry' in record && record.entry === entry)) return false;
  if (kinds !== undefined && !kinds.includes(record.kind)) return false;
  return sinceWallMs === undefined || Date.parse(record.at) >= sinceWallMs;
}

/** One line: number, time, kind, entry, what, and who is behind it. */
export function recordText(record: AuditRecord): string {
  const entry = 'entry' in record && record.entry !== undefined ? record.entry : '-';
  const line = `${String(record.seq).padStart(8)}  ${record.at}  ${record.kind.padEnd(8)}  ${entry}  ${whatOf(record)}`;
  // What guests say may hold what a terminal obeys.
  return `${visibleText(line)}\n`;
}

function whatOf(record: AuditRecord): string {
  switch (record.kind) {
    case 'Use':
    case 'Denial':
    case 'Audited': {
      const grant = record.grant === '' ? 'no grant' : `grant ${record.grant}`;
      const times = record.count === 1 ? '' : ` ${record.count} times`;
      const why = record.why ? `: ${record.why}` : '';
      return `${record.capability} ${record.asked}${times} (${grant})${why}${whoOf(record)}`;
    }
    case 'Decision':
      return `${record.reason}: ${record.message}${whoOf(record)}`;
    case 'Segment':
      return `file ${record.segment} begins`;
    case 'Dropped':
      return `file ${record.segment} was dropped for want of room, up to record ${record.lastSeq}`;
    case 'Broken':
      return record.why;
    case 'Lost':
      return `${record.count} uses were not written down in time`;
  }
}

function whoOf({
  commit,
  author,
}: {
  readonly commit?: string | undefined;
  readonly author?: string | undefined;
}): string {
  if (!commit) return '';
  return `  [${short(commit)}${author ? ` by ${author}` : ''}]`;
}
