/**
 * What came of each commit. An attempt belongs to the first accepted head that showed it; heads that were passed over
 * are superseded by the one that was accepted.
 */
import type { Now } from '../kit/clock.ts';
import { short } from '../kit/digest.ts';
import { canonicalJson, type Json } from '../kit/json.ts';
import type { EntryKey } from '../model/component.ts';
import type { DesiredEntry } from '../model/desired.ts';
import type { CommitEdit, CommitMemory } from '../model/memory.ts';
import type { CommitSeen } from '../model/observed.ts';
import type { CommitStatus } from '../model/status.ts';
import { keep, MAX_COMMITS, type EntryDraft, type MemoryDraft } from './memory.ts';
import type { Wish, World } from './world.ts';

type Outcome = Pick<CommitMemory, 'state' | 'why'>;

/** Writes the accepted head and those it passed over on top of the list. Runs before the new attempts are noted. */
export function acceptCommit(
  memory: MemoryDraft,
  wishes: ReadonlyMap<EntryKey, Wish>,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
  seen: readonly CommitSeen[],
  { settings, invalid }: { readonly settings: readonly string[]; readonly invalid: string | undefined },
  now: Now,
): void {
  const commit = memory.commit!;
  const attempts = [...wishes.values()].flatMap(({ key, target, invalid }) =>
    target && !invalid && entries.get(key)?.shown?.attempt !== target.attempt
      ? [{ key, attempt: target.attempt, release: target.release.release }]
      : [],
  );
  const head = seen.find((candidate) => candidate.commit === commit) ?? { commit, subject: '', author: '' };
  const edits = [...wishes.values()].flatMap((wish) => editOf(wish, entries.get(wish.key)) ?? []);
  const accepted: CommitMemory = {
    ...head,
    seenAtWallMs: now.wallMs,
    state: 'Accepted',
    why: 'accepted',
    attempts,
    ...(edits.length > 0 ? { edits } : {}),
    ...(settings.length > 0 ? { settings } : {}),
    ...(invalid ? { invalid } : {}),
  };
  const passed = seen
    .filter((other) => other.commit !== commit)
    .map((other): CommitMemory => {
      const why = `superseded by ${short(commit)}`;
      return { ...other, seenAtWallMs: now.wallMs, state: 'Superseded', why, attempts: [] };
    });
  const listed = new Set([commit, ...passed.map((other) => other.commit)]);
  const older = memory.commits.filter((other) => !listed.has(other.commit));
  memory.commits = [accepted, ...passed, ...older].slice(0, MAX_COMMITS);
}

/** Looks again at every commit whose story is not over. */
export function followCommits(world: World): readonly CommitStatus[] {
  world.memory.commits = world.memory.commits.map((commit) => keep(commit, { ...commit, ...outcomeOf(world, commit) }));
  return world.memory.commits.map(({ commit, subject, author, seenAtWallMs, state, why }) => ({
    commit,
    subject,
    author,
    seenAt: new Date(seenAtWallMs).toISOString(),
    state,
    why,
  }));
}

/** The order in which one attempt's story outweighs another's. */
const WEIGHT: readonly CommitStatus['state'][] = [
  'RolledBack',
  'Refused',
  'InProgress',
  'Accepted',
  'Live',
  'Superseded',
  'Proven',
];

function outcomeOf(world: World, commit: CommitMemory): Outcome {
  if (commit.state === 'Superseded' || commit.state === 'Proven') return commit;
  const { attempts, edits = [], settings = [], invalid } = commit;
  if (attempts.length + edits.length === 0) {
    if (settings.length > 0) return withInvalid({ state: 'Live', why: `${settings.join('; ')}: in force` }, invalid);
    return invalid === undefined
      ? { state: 'NoChange', why: 'it changes nothing that runs' }
      : { state: 'Refused', why: `${invalid} is invalid; everything else is as before` };
  }
  // What took effect stays so, whatever later commits do; there is no bake after which it would be proven.
  if (attempts.length === 0 && commit.state === 'Live') return commit;
  const edited = edits.map((edit) => outcomeOfEdit(world, edit, commit.commit));
  const pending = edited.filter(({ state }) => state === 'InProgress');
  const outcomes = [...attempts.map((attempt) => outcomeOfAttempt(world, attempt)), ...pending];
  const [first] = (outcomes.length > 0 ? outcomes : edited).toSorted(
    (one, other) => WEIGHT.indexOf(one.state) - WEIGHT.indexOf(other.state),
  );
  return withInvalid(first!, invalid);
}

function withInvalid({ state, why }: Outcome, invalid: string | undefined): Outcome {
  return { state, why: invalid === undefined ? why : `${why}; ${invalid} is invalid and changes nothing` };
}

/** What a commit changes of an entry besides its attempt. Runs before the new form is noted. */
function editOf({ key, target, invalid, deleted }: Wish, entry: EntryDraft | undefined): CommitEdit | undefined {
  if (deleted) {
    const begins = entry?.deletedIn === undefined && (entry?.serving ?? entry?.candidate) !== undefined;
    return begins ? { key, deleted, fields: [] } : undefined;
  }
  if (!target || invalid || !entry?.desired || entry.shown?.attempt !== target.attempt) return undefined;
  const fields = changedFields(entry.desired, target.entry);
  return fields.length > 0 ? { key, deleted, fields } : undefined;
}

const FIELDS_OUTSIDE_ATTEMPTS = [
  ['restartToken', 'restartToken'],
  ['scaling', 'scaling'],
  ['suspend', 'suspend'],
  ['supervision', 'supervision'],
  ['drainDeadlineMs', 'drain.deadline'],
  ['rollout', 'rollout'],
] as const;

function changedFields(before: DesiredEntry, after: DesiredEntry): readonly string[] {
  return FIELDS_OUTSIDE_ATTEMPTS.filter(
    ([field]) =>
      canonicalJson({ value: before[field] } as unknown as Json) !==
      canonicalJson({ value: after[field] } as unknown as Json),
  ).map(([, name]) => name);
}

function outcomeOfEdit(world: World, { key, deleted, fields }: CommitEdit, commit: string): Outcome {
  const entry = world.entries.get(key);
  if (!deleted) return { state: 'Live', why: `${key}: ${fields.join(', ')} takes effect without another attempt` };
  if (!entry?.serving && !entry?.candidate) return { state: 'Live', why: `${key} is deleted` };
  if (entry.deletedIn !== commit) return { state: 'Superseded', why: `${key} is in git again` };
  return { state: 'InProgress', why: `${key} is deleted in git: ${entry.decision?.why ?? 'not looked at yet'}` };
}

function outcomeOfAttempt(world: World, { key, attempt, release }: CommitMemory['attempts'][number]): Outcome {
  const entry = world.entries.get(key);
  if (!entry) return { state: 'Superseded', why: `${key} was deleted` };
  if (
    entry.serving?.attempt === attempt ||
    (entry.serving?.release.release === release && entry.shown?.attempt === attempt)
  ) {
    const { proven, degraded } = entry.serving;
    if (degraded) return { state: 'RolledBack', why: `${key} failed its bake with nothing behind it: ${degraded}` };
    return proven ? { state: 'Proven', why: `${key} is proven` } : { state: 'Live', why: `${key} serves` };
  }
  if (entry.judging?.attempt === attempt) return { state: 'RolledBack', why: `${key}: ${entry.judging.why}` };
  const end = entry.ends.find((candidate) => candidate.attempt === attempt);
  if (end?.kind === 'Failed') return { state: 'RolledBack', why: `${key}: ${end.why}` };
  if (entry.shown?.attempt !== attempt) {
    if (entry.ledger.some((line) => line.release.release === release))
      return { state: 'Proven', why: `${key} was proven` };
    return { state: 'Superseded', why: `superseded by ${short(entry.shown?.commit ?? '')}` };
  }
  if (end?.kind === 'Refused' || (entry.desired?.refusals.length ?? 0) > 0) {
    return { state: 'Refused', why: `${key}: ${end?.why ?? entry.desired!.refusals[0]!.message}` };
  }
  return { state: 'InProgress', why: `${key}: ${entry.decision?.why ?? 'not looked at yet'}` };
}
