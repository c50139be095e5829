/**
 * What came of each commit. An attempt belongs to the first accepted head that showed it; heads that were passed over
 * are superseded by the one that was accepted.
 */
import type { Now } from '../kit/clock.ts';
import { short } from '../kit/digest.ts';
import type { EntryKey } from '../model/component.ts';
import type { CommitMemory } from '../model/memory.ts';
import type { CommitSeen } from '../model/observed.ts';
import type { CommitStatus } from '../model/status.ts';
import { MAX_COMMITS, type EntryDraft, type MemoryDraft } from './memory.ts';
import type { Wish, World } from './world.ts';

type Outcome = Pick<CommitMemory, 'state' | 'why'>;

/** Writes the accepted head and those it passed over on top of the list. Runs before the new attempts are noted. */
export function acceptCommit(
  memory: MemoryDraft,
  wishes: ReadonlyMap<EntryKey, Wish>,
  entries: ReadonlyMap<EntryKey, EntryDraft>,
  seen: readonly CommitSeen[],
  now: Now,
): void {
  const commit = memory.commit!;
  const attempts = [...wishes.values()].flatMap(({ key, target, invalid }) =>
    target && !invalid && entries.get(key)?.shown?.attempt !== target.attempt
      ? [{ key, attempt: target.attempt, release: target.release.release }]
      : [],
  );
  const head = seen.find((candidate) => candidate.commit === commit) ?? { commit, subject: '', author: '' };
  const accepted: CommitMemory = { ...head, seenAtWallMs: now.wallMs, state: 'Accepted', why: 'accepted', attempts };
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
  world.memory.commits = world.memory.commits.map((commit) => ({ ...commit, ...outcomeOf(world, commit) }));
  return world.memory.commits.map(({ attempts: _, seenAtWallMs, ...commit }) => ({
    ...commit,
    seenAt: new Date(seenAtWallMs).toISOString(),
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
  if (commit.attempts.length === 0) {
    return world.desired.invalid.length > 0 && commit.commit === world.memory.commit
      ? { state: 'Refused', why: `${world.desired.invalid[0]!.file} is invalid; everything else is as before` }
      : { state: 'NoChange', why: 'it changes nothing that runs' };
  }
  const outcomes = commit.attempts.map((attempt) => outcomeOfAttempt(world, attempt));
  outcomes.sort((one, other) => WEIGHT.indexOf(one.state) - WEIGHT.indexOf(other.state));
  return outcomes[0]!;
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
