/**
 * The three ways in which the release with the traffic changes. Each changes the memory only; the snapshot follows from
 * it in the same decision, so that a switch is one assignment for all members of a party.
 */
import { short } from '../kit/digest.ts';
import type { Evidence } from '../model/status.ts';
import type { EntryKey } from '../model/component.ts';
import type { Candidate, Release, Serving } from '../model/memory.ts';
import { FRESH_TRIAL } from './gate/tally.ts';
import { nextStep } from './gate/trial.ts';
import { failed, recordEnd, sentenceOf } from './ends.ts';
import { attemptOf } from './identity.ts';
import { MAX_ROLLBACKS, MAX_WARM, withServing, type EntryDraft } from './memory.ts';
import { editionText, takeCopy } from './data.ts';
import { leave } from './retreat.ts';
import { entryOf, readyCount, say, type World } from './world.ts';

/** The candidate takes all traffic; what served before stays warm behind it. */
export function promote(world: World, key: EntryKey, predecessors: readonly EntryKey[], why: string): void {
  const entry = entryOf(world, key);
  const { candidate, serving } = entry;
  if (!candidate) return;
  takeCopy(entry, candidate);
  const proof = entry.ledger.find((line) => line.release.release === candidate.release.release);
  // Going back to a proven release takes out what serves: if that comes again, it walks its steps.
  if (proof && serving) {
    entry.ledger = entry.ledger.map((line) =>
      line.release.release === serving.release.release ? { ...line, takenOut: true } : line,
    );
  }
  entry.warm = serving ? behind(entry, serving.release, serving.proven) : entry.warm;
  entry.serving = {
    release: candidate.release,
    attempt: candidate.attempt,
    sinceMs: world.memory.clockMs,
    proven: false,
    bake: {
      sinceMs: world.memory.clockMs,
      party: candidate.party,
      trial:
        candidate.state === 'Canary'
          ? nextStep(candidate.trial)
          : { ...FRESH_TRIAL, startedMs: candidate.trial.startedMs, whole: candidate.trial.whole },
      state: 'Watching',
      back: serving !== undefined || predecessors.length > 0,
    },
  };
  entry.candidate = undefined;
  entry.preemptions = 0;
  say(world, key, {
    reason: serving || predecessors.length > 0 ? 'Baking' : 'FirstDeployment',
    message: `release ${short(candidate.release.release)} takes all traffic and bakes: ${why}${dataNote(entry, candidate, serving)}`,
    evidence: candidate.trial.evidence,
    commit: candidate.release.commit,
  });
}

/** Which data the traffic goes to now, where it is other data than before; and what becomes of that. */
function dataNote(entry: EntryDraft, { copy, release }: Candidate, before: Serving | undefined): string {
  const data = entry.data?.[release.revision];
  const was = before && entry.data?.[before.release.revision];
  if (!data || data.edition === was?.edition) return '';
  if (!copy) return `; with it go the stores, to ${editionText(data.edition)}: what was written since is set aside`;
  if (!was) return `; its stores are ${editionText(data.edition)}`;
  return `; its stores are ${editionText(data.edition)}, and ${editionText(was.edition)} is kept until the bake ends`;
}

/** What can be gone back to, nearest first: what served until now, then the last proven one where that is another. */
function behind(entry: EntryDraft, served: Release, proven: boolean): readonly Release[] {
  if (proven) return [served];
  const older = entry.warm.filter(
    ({ release }) =>
      release !== served.release && entry.ledger.some((line) => line.release.release === release && !line.takenOut),
  );
  return [served, ...older].slice(0, MAX_WARM);
}

/** The bake is over and good: a line in the ledger, and nothing has to stay warm behind it. */
export function prove(world: World, key: EntryKey, evidence: readonly Evidence[]): void {
  const entry = entryOf(world, key);
  const { serving } = entry;
  if (!serving) return;
  const { release } = serving;
  const { history } = release.entry.rollout.settings;
  const line = { release, commit: release.commit, provenAtWallMs: world.now.wallMs, evidence, takenOut: false };
  entry.ledger = [line, ...entry.ledger.filter((other) => other.release.release !== release.release)]
    .filter((other) => world.now.wallMs - other.provenAtWallMs <= history.maxAgeMs)
    .slice(0, Math.max(1, history.revisions));
  entry.warm = [];
  withServing(entry, { proven: true, bake: undefined, degraded: undefined });
  say(world, key, {
    reason: 'Proven',
    message: `release ${short(release.release)} finished its bake`,
    evidence,
    commit: release.commit,
  });
}

/** A bake failed: traffic goes back first, judgement comes after (rollouts.md §4, control). */
export function switchBack(
  world: World,
  key: EntryKey,
  why: string,
  evidence: readonly Evidence[],
  { mine, atOnce = false }: { readonly mine: boolean; readonly atOnce?: boolean | undefined },
): void {
  const entry = entryOf(world, key);
  const { serving } = entry;
  if (!serving?.bake) return;
  const back = entry.warm.find((release) => readyCount(world, key, release) > 0) ?? entry.warm[0];
  if (!back && !serving.bake.back) return serveOnDegraded(world, key, why, evidence);
  if (mine) {
    // One judgement at a time: the one before gets its verdict now, or it would get none.
    const before = entry.judging;
    if (before) quarantine(world, key, before.release, before.attempt, before.why, before.evidence);
    entry.judging = {
      release: serving.release,
      attempt: serving.attempt,
      sinceMs: world.memory.clockMs,
      why,
      evidence,
      control: { requests: 0, failures: 0 },
    };
  }
  entry.rollbacks = [...entry.rollbacks, world.memory.clockMs].slice(-MAX_ROLLBACKS);
  entry.serving = back && {
    release: back,
    attempt: attemptOf(back.entry),
    sinceMs: world.memory.clockMs,
    proven: entry.ledger.some((line) => line.release.release === back.release),
  };
  if (back && !atOnce) leave(world, key, serving.release, 100);
  // One generation only: nothing that stood further behind is kept, unless what serves now was never proven itself.
  entry.warm = entry.serving && !entry.serving.proven ? entry.warm.filter((release) => release !== back) : [];
  const was = entry.data?.[serving.release.revision];
  const data = back && entry.data?.[back.revision];
  const aside = was && data && was.edition !== data.edition;
  const to =
    (back ? `release ${short(back.release)}` : 'the owner before it') +
    (aside
      ? ` and to ${editionText(data.edition)} of its stores (what was written since the switch is set aside as ${editionText(was.edition)})`
      : '');
  say(world, key, {
    reason: mine ? 'RolledBack' : 'GroupRolledBack',
    message: `release ${short(serving.release.release)} rolled back to ${to}: ${why}`,
    evidence,
    commit: serving.release.commit,
  });
}

/** Fails with nothing behind it: never unrouted, never in the ledger, and said aloud (rollouts.md §5). */
function serveOnDegraded(world: World, key: EntryKey, why: string, evidence: readonly Evidence[]): void {
  const entry = entryOf(world, key);
  withServing(entry, { degraded: why, bake: undefined });
  say(world, key, {
    reason: 'Degraded',
    message: `the first deployment failed its bake and nothing stands behind it; it serves on, unproven: ${why}`,
    evidence,
    commit: entry.serving!.release.commit,
  });
}

/** The attempt is quarantined by its own behaviour. */
export function quarantine(
  world: World,
  key: EntryKey,
  release: Release,
  attempt: string,
  why: string,
  evidence: readonly Evidence[],
): void {
  const end = recordEnd(world, entryOf(world, key), release, attempt, failed(release, why, evidence));
  say(world, key, {
    reason: 'Quarantined',
    message: `release ${short(release.release)} is quarantined: ${sentenceOf(end)}`,
    evidence,
    commit: release.commit,
  });
}
