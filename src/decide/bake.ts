/** How a bake ends: back to what served before, proven, or without proof; and the judgement after going back. */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { EntryKey } from '../model/component.ts';
import type { Serving } from '../model/memory.ts';
import { recordEnd, sentenceOf } from './ends.ts';
import { lookAfterMs, lookAgain, type Verdict } from './gate/trial.ts';
import { isOutage } from './gate/tally.ts';
import { rememberGroupEnd } from './group-end.ts';
import { withBake } from './memory.ts';
import type { Parties } from './parties.ts';
import { callsOf } from './schedule/calls.ts';
import { failedAlike, firingVerdict } from './schedule/verdict.ts';
import { prove, quarantine, switchBack } from './switches.ts';
import { gateOf, sharedOutage, stopVerdict, verdictOf } from './verdict.ts';
import { entryOf, say, type World } from './world.ts';

/** What was switched to is watched so long before a failed bake is judged. */
export const JUDGE_AFTER_MS = 30_000;

/** A bake ends: back on a hard stop or a failed test, proven when every member of its party passes, or without proof. */
export function endBake(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { serving } = entry;
  const bake = serving?.bake;
  if (!serving || !bake || !world.observed.engine) return;
  const verdict = verdictOfBake(world, key, serving);
  if (verdict.byPast && bake.trial.doubtedAfterMs === undefined) return doubt(world, key, serving, verdict);
  withBake(entry, { trial: { ...bake.trial, verdict: verdict.verdict, evidence: verdict.evidence } });
  if (verdict.verdict === 'Fail') return goBack(world, key, verdict, parties);
  if (bake.state !== 'Watching') return;

  const { bake: settings, gate } = serving.release.entry.rollout.settings;
  const elapsedMs = world.memory.clockMs - bake.sinceMs;
  const called = callsOf(serving.release.entry) !== 'Nothing';
  if (verdict.verdict === 'Pass') return proveParty(world, bake.party);
  if (elapsedMs >= settings.deadlineMs && gate.insufficientData === 'Fail') {
    return goBack(world, key, { ...verdict, why: `too few samples by the bake's deadline: ${verdict.why}` }, parties);
  }
  if (elapsedMs >= settings.deadlineMs || (!called && elapsedMs >= settings.durationMs)) {
    withBake(entry, { state: 'Unproven' });
    // Nobody calls it, so there is nothing to go back for.
    if (!called) entry.warm = [];
    say(world, key, {
      reason: called ? 'Inconclusive' : 'Unreferenced',
      message: called
        ? `the bake ended after ${formatDuration(elapsedMs)} without proof (${verdict.why}): it stays active, not in the ledger`
        : 'nothing points at it: it stays active, not in the ledger',
      evidence: verdict.evidence,
      commit: serving.release.commit,
    });
  }
}

function verdictOfBake(world: World, key: EntryKey, { release, bake }: Serving): Verdict {
  if (callsOf(release.entry) === 'Firings') {
    return stopVerdict(world, key, release, bake!.trial) ?? firingVerdict(release, bake!);
  }
  const over = world.memory.clockMs - bake!.sinceMs >= lookAfterMs(bake!.trial, release.entry.rollout.settings.bake);
  const verdict = verdictOf(world, key, release, bake!.trial, over);
  if (bake!.state === 'Watching') return verdict;
  return stopVerdict(world, key, release, bake!.trial) ?? { ...verdict, verdict: 'Continue' };
}

/**
 * What a bake has answered is compared with what was measured before the switch. A moment in which the whole machine was
 * slow, or a crawler that asked for what is not there, is then nobody's but its own: it has to show itself twice.
 */
function doubt(world: World, key: EntryKey, { release, bake }: Serving, { why, evidence }: Verdict): void {
  const elapsedMs = world.memory.clockMs - bake!.sinceMs;
  withBake(entryOf(world, key), { trial: lookAgain(bake!.trial, elapsedMs, evidence) });
  say(world, key, {
    reason: 'Baking',
    message: `release ${short(release.release)} is looked at again, because nothing serves beside it: ${why}`,
    evidence,
    commit: release.commit,
  });
}

function goBack(world: World, key: EntryKey, { why, evidence, hard }: Verdict, parties: Parties): void {
  const party = entryOf(world, key).serving!.bake!.party;
  const group = parties.of.get(key);
  if (group) rememberGroupEnd(world, group, key, `${key} failed in its bake: ${why}`);
  for (const [other, member] of world.entries) {
    if (other !== key && member.serving?.bake?.party === party && member.serving.bake.state === 'Watching') {
      switchBack(world, other, `${key} failed: ${why}`, evidence, { mine: false });
    }
  }
  switchBack(world, key, why, evidence, { mine: true, atOnce: hard });
}

function proveParty(world: World, party: string): void {
  const baking = [...world.entries].filter(
    ([, entry]) => entry.serving?.bake?.party === party && entry.serving.bake.state === 'Watching',
  );
  const allPass = baking.every(([key, entry]) => {
    const called = callsOf(entry.serving!.release.entry) !== 'Nothing';
    return !called || verdictOfBake(world, key, entry.serving!).verdict === 'Pass';
  });
  if (!allPass) return;
  for (const [key, entry] of baking) prove(world, key, entry.serving!.bake!.trial.evidence);
}

/** Thirty seconds after going back: did what was switched to do well? Then it was the attempt's own failure. */
export function judgeAfterGoingBack(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { judging } = entry;
  if (!judging) return;
  const { release, attempt, why, evidence } = judging;
  const isAlike =
    callsOf(release.entry) === 'Firings'
      ? failedAlike(world, entry.serving?.release.release)
      : isOutage(judging.control, gateOf(release).errors.intolerable);
  if (isAlike) {
    entry.judging = undefined;
    const end = recordEnd(world, entry, release, attempt, sharedOutage(why, evidence));
    say(world, key, { reason: 'SharedOutage', message: sentenceOf(end), evidence, commit: release.commit });
    world.memory.groupEnds = world.memory.groupEnds.filter((one) => one.attempt !== parties.of.get(key)?.attempt);
  } else if (world.memory.clockMs - judging.sinceMs >= JUDGE_AFTER_MS) {
    entry.judging = undefined;
    quarantine(world, key, release, attempt, why, evidence);
  }
}
