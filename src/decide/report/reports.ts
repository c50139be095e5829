/**
 * What is to be said of each commit, from the memory alone: level, not edge, so nothing has to be remembered between a
 * decision and its report, and a crash in between loses nothing.
 *
 * R1 Success is said when the story has ended well, never before: what serves and still bakes is pending.
 * R2 A failure belongs to the commit whose attempt failed, or that brought the invalid file; not to those after it.
 * R3 What is being judged after going back is pending: it may turn out to be an outage that everybody shared.
 * R4 Nothing here moves while samples come in: evidence is that of an end, so what is told changes with what happened only.
 */
import { short } from '../../kit/digest.ts';
import type { EntryKey } from '../../model/component.ts';
import type { CommitMemory, EntryMemory, Memory, Serving } from '../../model/memory.ts';
import type { CommitReport, EntryReport, ReportState } from '../../model/report.ts';
import { REASONS, type Evidence, type SourceStatus } from '../../model/status.ts';

type Told = Pick<EntryReport, 'state' | 'why'> & Partial<Pick<EntryReport, 'evidence'>>;

/** A commit may change ten thousand entries; so many are told one by one, the worst first. */
export const MAX_ENTRIES = 50;

/** Of stories that are over: a commit about which nothing changes stays the value that it was (decide/memory). */
export type ReportCache = WeakMap<CommitMemory, CommitReport>;

/** Newest first. */
export function reportsOf(memory: Memory, known: ReportCache = new WeakMap()): readonly CommitReport[] {
  return memory.commits.map((commit, index) => {
    const before = known.get(commit);
    if (before) return before;
    const base = memory.commits.slice(index + 1).find((older) => !isPassedOver(older));
    const report = reportOf(memory, commit, base);
    if (commit.state === 'Proven' && report.state === 'Success') known.set(commit, report);
    return report;
  });
}

/** A head that is not followed at all: nothing of the memory knows it. */
export function reportOfRefusedHead(source: SourceStatus): CommitReport | undefined {
  const { headCommit, acceptedCommit, condition } = source;
  const isRefused = condition.reason === 'Unsigned' || condition.reason === 'NonFastForward';
  if (!isRefused || headCommit === undefined || headCommit === acceptedCommit) return undefined;
  const why = `not followed (${condition.reason}): ${condition.message}`;
  return { commit: headCommit, subject: '', state: 'Failure', why, entries: [], refused: true, revertable: false };
}

function reportOf(memory: Memory, commit: CommitMemory, base: CommitMemory | undefined): CommitReport {
  const { commit: id, subject, state, invalid } = commit;
  const said = { commit: id, subject, ...(base ? { base: base.commit } : {}) };
  if (isPassedOver(commit)) return { ...said, state: 'Neutral', why: commit.why, entries: [], revertable: false };
  const told =
    state === 'Proven'
      ? commit.attempts.map(({ key }) => [key, { state: 'Success', why: 'is proven' } as Told] as const)
      : commit.attempts.map((attempt) => [attempt.key, toldOfAttempt(memory.entries[attempt.key], attempt)] as const);
  const edited = (commit.edits ?? []).map(({ key, deleted, fields }) => {
    const entry = memory.entries[key];
    const going = deleted && entry?.deletedIn === id && (entry.serving ?? entry.candidate) !== undefined;
    const why = deleted ? (going ? 'is deleted in git and drains' : 'is deleted') : `${fields.join(', ')} takes effect`;
    return [key, { state: going ? 'Pending' : 'Success', why } as Told] as const;
  });
  const entries = [...told, ...edited].map(([key, one]): EntryReport => ({ entry: key, evidence: [], ...one }));
  const isToBlame = invalid !== undefined && base?.invalid !== invalid;
  const all: readonly Told[] = [
    ...(isToBlame
      ? [{ state: 'Failure', why: `${invalid} is invalid; what it is about stays as before` } as const]
      : []),
    ...entries.map((one) => ({ state: one.state, why: `${one.entry} ${one.why}` })),
  ];
  const worst = WEIGHT.find((candidate) => all.some((one) => one.state === candidate)) ?? 'Success';
  const answer = worst === 'Failure' ? answerTo(memory, commit) : undefined;
  return {
    ...said,
    state: worst,
    why: sentence(all.filter((one) => one.state === worst)) ?? commit.why,
    entries: entries
      .toSorted((one, other) => WEIGHT.indexOf(one.state) - WEIGHT.indexOf(other.state))
      .slice(0, MAX_ENTRIES),
    ...(entries.length > MAX_ENTRIES ? { more: entries.length - MAX_ENTRIES } : {}),
    ...(answer === undefined ? {} : { answeredBy: answer }),
    revertable: commit.attempts.some(({ key, attempt }) => isFailedAndWanted(memory.entries[key], attempt)),
  };
}

const WEIGHT: readonly ReportState[] = ['Failure', 'Pending', 'Neutral', 'Success'];

function sentence([first, ...others]: readonly Told[]): string | undefined {
  if (!first) return undefined;
  return others.length === 0 ? first.why : `${first.why}; and ${others.length} more`;
}

function isPassedOver({ state, attempts, edits = [] }: CommitMemory): boolean {
  return state === 'Superseded' && attempts.length + edits.length === 0;
}

function isFailedAndWanted(entry: EntryMemory | undefined, attempt: string): boolean {
  const failed = entry?.ends.some((end) => end.attempt === attempt && end.kind === 'Failed') ?? false;
  return failed && entry?.shown?.attempt === attempt && entry.deletedIn === undefined;
}

function answerTo({ entries }: Memory, { attempts }: CommitMemory): string | undefined {
  const failed = attempts.find(({ key, attempt }) => entries[key]?.ends.some((end) => end.attempt === attempt));
  const shown = failed && entries[failed.key]?.shown;
  return shown && shown.attempt !== failed.attempt ? shown.commit : undefined;
}

function toldOfAttempt(
  entry: EntryMemory | undefined,
  { attempt, release }: { readonly key: EntryKey; readonly attempt: string; readonly release: string },
): Told {
  if (!entry) return { state: 'Neutral', why: 'was deleted' };
  const { serving, shown, candidate, judging } = entry;
  const end = entry.ends.find((one) => one.attempt === attempt);
  const isServed = serving?.release.release === release && shown?.attempt === attempt;
  if (serving && (serving.attempt === attempt || isServed)) return toldOfServing(serving, end?.evidence);
  if (judging?.attempt === attempt) return { state: 'Pending', why: `went back and is being judged: ${judging.why}` };
  if (end?.kind === 'Failed') return { state: 'Failure', why: `was rolled back: ${end.why}`, evidence: end.evidence };
  if (shown?.attempt !== attempt) {
    if (entry.ledger.some((line) => line.release.release === release)) return { state: 'Success', why: 'was proven' };
    return { state: 'Neutral', why: `is superseded by ${short(shown?.commit ?? entry.deletedIn ?? '')}` };
  }
  if (candidate?.attempt === attempt) {
    if (candidate.state !== 'Canary') return { state: 'Pending', why: `is being prepared (${candidate.state})` };
    return { state: 'Pending', why: `is at step ${candidate.step}, ${candidate.weight} %` };
  }
  const refusal = entry.desired?.refusals[0];
  if (end?.kind === 'Refused' || refusal)
    return { state: 'Failure', why: `is refused: ${end?.why ?? refusal!.message}` };
  if (end?.kind === 'Inconclusive')
    return { state: 'Neutral', why: `is inconclusive: ${end.why}`, evidence: end.evidence };
  if (end?.kind === 'Waiting') return { state: 'Pending', why: `waits: ${end.why}` };
  const reason = entry.conditions.Ready?.reason;
  if (reason === 'GroupRolledBack') return { state: 'Failure', why: `was rolled back: ${REASONS[reason]}` };
  return { state: 'Pending', why: reason === undefined ? 'is not looked at yet' : `is pending: ${REASONS[reason]}` };
}

/** R1, R4. */
function toldOfServing({ proven, degraded, bake }: Serving, evidence: readonly Evidence[] = []): Told {
  if (degraded !== undefined) return { state: 'Failure', why: `failed with nothing behind it: ${degraded}`, evidence };
  if (proven) return { state: 'Success', why: 'is proven' };
  if (bake?.state === 'Unproven')
    return { state: 'Neutral', why: 'is inconclusive: its bake ended without proof', evidence };
  if (bake?.state === 'Preempted') return { state: 'Neutral', why: 'is superseded before it was proven' };
  return { state: 'Pending', why: 'has all traffic and bakes' };
}
