/**
 * What runs before the table in each decision: samples go into the trials, and whatever fails by them ends at once.
 * The table is not asked about a failing arm, because in no row may it keep its traffic.
 */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { EntryKey } from '../model/component.ts';
import type { Candidate, Release, ReplicaFailure, Tally, Trial } from '../model/memory.ts';
import type { Evidence } from '../model/status.ts';
import { tallyOf } from './absorb.ts';
import { samplesOf } from './context.ts';
import { failed, recordEnd, sentenceOf, waiting, type Ending } from './ends.ts';
import { fact, hardStop } from './gate/hard-stops.ts';
import { addTally, EMPTY_TALLY, fade, isOutage } from './gate/tally.ts';
import { absorbSamples, isShared, judge, type Verdict } from './gate/trial.ts';
import { MAX_GROUP_ENDS, MAX_ROLLBACKS, withBake, withCandidate, type EntryDraft } from './memory.ts';
import type { Parties } from './parties.ts';
import { failuresWithin, isCrashLoop } from './supervise.ts';
import { prove, quarantine, switchBack } from './switches.ts';
import { entryOf, groupOf, readyCount, replicasOf, say, type World } from './world.ts';

/** What was switched to is watched so long before a failed bake is judged. */
export const JUDGE_AFTER_MS = 30_000;

/** Samples into trials; then hard stops, failed tests, judgements and proofs, in this order. */
export function runTrials(world: World, parties: Parties): void {
  for (const key of [...world.entries.keys()].sort()) {
    absorbCandidate(world, key, parties);
    absorbBake(world, key, parties);
    absorbJudging(world, key, parties);
  }
  for (const key of [...world.entries.keys()].sort()) {
    endFailingCandidate(world, key, parties);
    endBake(world, key, parties);
  }
}

/** Do the clocks of this entry stand still: nothing is known of the engine, or people said so? */
export function clocksHeld(world: World, key: EntryKey): boolean {
  return !world.acknowledged || world.wishes.get(key)?.target?.entry.suspend === true;
}

function absorbCandidate(world: World, key: EntryKey, parties: Parties): void {
  const { candidate } = entryOf(world, key);
  if (!candidate) return;
  const held = clocksHeld(world, key) && candidate.state !== 'Fetching' && candidate.state !== 'Verified';
  const trial = absorbSamples(candidate.trial, gateOf(candidate.release), {
    candidate: tallyOf(world.tallies, candidate.release.release),
    control: controlTally(world, key, candidate.release, parties),
    clockMs: world.memory.clockMs,
    elapsedMs: world.elapsedMs,
    open: world.acknowledged && candidate.state === 'Canary',
  });
  withCandidate(entryOf(world, key), {
    trial: withRun(world, trial),
    sinceMs: candidate.sinceMs + (held ? world.elapsedMs : 0),
  });
}

function absorbBake(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const bake = entry.serving?.bake;
  if (!entry.serving || !bake) return;
  const { release } = entry.serving;
  const control = entry.warm[0];
  const trial = absorbSamples(bake.trial, gateOf(release), {
    candidate: tallyOf(world.tallies, release.release),
    control: control ? tallyOf(world.tallies, control.release) : controlTally(world, key, release, parties),
    clockMs: world.memory.clockMs,
    elapsedMs: world.elapsedMs,
    open: world.acknowledged,
  });
  withBake(entry, {
    trial: withRun(world, trial),
    sinceMs: bake.sinceMs + (clocksHeld(world, key) ? world.elapsedMs : 0),
  });
}

/** What served in the same window: serving itself, or the owner that it takes over from. */
function controlTally(world: World, key: EntryKey, release: Release, parties: Parties): Tally {
  const own = entryOf(world, key).serving?.release.release;
  if (own !== undefined && own !== release.release) return tallyOf(world.tallies, own);
  return (parties.predecessors.get(key) ?? [])
    .map((owner) => tallyOf(world.tallies, world.entries.get(owner)?.serving?.release.release))
    .reduce(addTally, EMPTY_TALLY);
}

/** A synthetic run that is over, or that the engine has lost, makes room for the next. */
function withRun(world: World, trial: Trial): Trial {
  const { run } = trial.synthetic;
  if (run === undefined || !world.observed.engine) return trial;
  const seen = world.observed.engine.syntheticRuns.find((candidate) => candidate.id === run);
  return seen && !seen.done ? trial : { ...trial, synthetic: { ...trial.synthetic, run: undefined } };
}

function gateOf(release: Release) {
  return release.entry.rollout.settings.gate;
}

/** How often the rollout of a release looks at the checks that look once: each step, and the bake. */
function looksOf(release: Release): number {
  const { strategy } = release.entry.rollout.settings;
  return strategy.type === 'Canary' ? strategy.steps.length + 1 : 1;
}

function endFailingCandidate(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { candidate } = entry;
  if (!candidate || !world.observed.engine) return;
  const verdict = verdictOfCandidate(world, key, candidate);
  withCandidate(entry, { trial: { ...candidate.trial, verdict: verdict.verdict, evidence: verdict.evidence } });
  const ending = endingOf(world, key, candidate, verdict);
  if (ending) endCandidate(world, key, ending, parties);
}

function verdictOfCandidate(world: World, key: EntryKey, candidate: Candidate): Verdict {
  const { release, trial, sinceMs } = candidate;
  const step = stepOf(candidate);
  const over = candidate.state === 'Canary' && world.memory.clockMs - sinceMs >= (step?.minDurationMs ?? 0);
  const stop = stopOf(world, key, release, trial);
  if (stop) return { verdict: 'Fail', why: stop.why, evidence: [stop.evidence] };
  return judge(trial, gateOf(release), looksOf(release), over);
}

function stopOf(world: World, key: EntryKey, release: Release, { warmUp, whole, startedMs }: Trial) {
  const entry = entryOf(world, key);
  const group = groupOf(key, release);
  return hardStop({
    gate: gateOf(release),
    probes: release.entry.probes,
    group,
    samples: samplesOf(world, release.release),
    answered: warmUp.requests + whole.candidate.requests,
    failures: since(entry.failures, startedMs),
    replicas: replicasOf(world, key, group),
    clockMs: world.memory.clockMs,
  });
}

function since(failures: readonly ReplicaFailure[], startedMs: number): readonly ReplicaFailure[] {
  return failures.filter((failure) => failure.atMs >= startedMs);
}

function endingOf(world: World, key: EntryKey, candidate: Candidate, verdict: Verdict): Ending | undefined {
  const { release, trial } = candidate;
  const group = groupOf(key, release);
  if (verdict.verdict === 'Fail') {
    if (isShared(trial, gateOf(release))) return shared(verdict.why, verdict.evidence);
    return failed(release, verdict.why, verdict.evidence);
  }
  const entry = entryOf(world, key);
  const outside = entry.failures.findLast((failure) => failure.group === group && failure.waiting);
  if (outside && readyCount(world, key, release) === 0 && outside.atMs >= candidate.sinceMs)
    return waiting(outside.message, 'Waiting');
  const { supervision } = release.entry;
  const own = since(entry.failures, trial.startedMs);
  if (isCrashLoop(own, group, supervision, world.memory.clockMs)) {
    const ends = failuresWithin(own, group, world.memory.clockMs, supervision.windowMs);
    const threshold = `≤ ${supervision.maxRestarts} in ${formatDuration(supervision.windowMs)}`;
    const why = `it crashes again and again (${ends.length} times); the last: ${ends.at(-1)!.message}`;
    return failed(release, why, [fact('crashes', String(ends.length), threshold, ends.length)]);
  }
  return undefined;
}

function shared(why: string, evidence: readonly Evidence[]): Ending {
  return waiting(
    `${why}; but serving fails as well in the same window, so it is not this revision`,
    'SharedOutage',
    evidence,
  );
}

/** The present step of a candidate; step 0 is the weight it had when its steps were changed under it. */
export function stepOf({ release, step, weight }: Pick<Candidate, 'release' | 'step' | 'weight'>) {
  const { strategy } = release.entry.rollout.settings;
  if (strategy.type !== 'Canary') return undefined;
  return step > 0
    ? strategy.steps[step - 1]
    : strategy.steps[0] && { ...strategy.steps[0], weight, approval: undefined };
}

/** The candidate of one member ends: its own end is written down, and the others of its party go with it. */
export function endCandidate(world: World, key: EntryKey, ending: Ending, parties: Parties): void {
  const entry = entryOf(world, key);
  const { candidate } = entry;
  if (!candidate) return;
  const end = recordEnd(world, entry, candidate.release, candidate.attempt, ending);
  entry.candidate = undefined;
  const { commit } = candidate.release;
  if (ending.kind === 'Failed') {
    entry.failures = entry.failures.filter((failure) => failure.group !== groupOf(key, candidate.release));
    if (candidate.weight > 0) entry.rollbacks = [...entry.rollbacks, world.memory.clockMs].slice(-MAX_ROLLBACKS);
    const where = candidate.weight > 0 ? `rolled back from ${candidate.weight} %` : `given up in ${candidate.state}`;
    say(world, key, {
      reason: 'RolledBack',
      message: `release ${short(candidate.release.release)} ${where}: ${ending.why}`,
      evidence: end.evidence,
      commit,
    });
  }
  const reason = ending.kind === 'Failed' ? 'Quarantined' : ending.reason;
  say(world, key, { reason, message: sentenceOf(end), evidence: end.evidence, commit });
  takeGroupDown(
    world,
    key,
    `${key} ${ending.kind === 'Failed' ? 'failed' : 'stopped'}: ${ending.why}`,
    ending.kind,
    parties,
  );
}

/** A member failed: the group's attempt is quarantined with it, and the others go back. */
function takeGroupDown(world: World, key: EntryKey, why: string, kind: Ending['kind'], parties: Parties): void {
  const party = parties.of.get(key);
  if (!party?.attempt) return;
  if (kind === 'Failed') rememberGroupEnd(world, party.attempt, key, why);
  for (const other of party.members) {
    const member = entryOf(world, other);
    if (other === key || !member.candidate) continue;
    const { release } = member.candidate;
    member.candidate = undefined;
    say(world, other, {
      reason: 'GroupRolledBack',
      message: `release ${short(release.release)} goes back with its group: ${why}`,
      commit: release.commit,
    });
  }
}

function rememberGroupEnd(world: World, attempt: string, member: EntryKey, why: string): void {
  if (world.memory.groupEnds.some((end) => end.attempt === attempt)) return;
  world.memory.groupEnds = [{ attempt, member, why }, ...world.memory.groupEnds].slice(0, MAX_GROUP_ENDS);
}

/** A bake ends: back on a hard stop or a failed test, proven when every member of its party passes, or without proof. */
function endBake(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { serving } = entry;
  const bake = serving?.bake;
  if (!serving || !bake || !world.observed.engine) return;
  const verdict = verdictOfBake(world, key, entry);
  withBake(entry, { trial: { ...bake.trial, verdict: verdict.verdict, evidence: verdict.evidence } });
  if (verdict.verdict === 'Fail') return goBack(world, key, verdict, parties);
  if (bake.state !== 'Watching') return;

  const { bake: settings, gate } = serving.release.entry.rollout.settings;
  const elapsedMs = world.memory.clockMs - bake.sinceMs;
  const called = serving.release.entry.rules.length > 0;
  if (verdict.verdict === 'Pass') return proveParty(world, bake.party);
  if (elapsedMs >= settings.deadlineMs && gate.insufficientData === 'Fail') {
    return goBack(world, key, { ...verdict, why: `too few samples by the bake's deadline: ${verdict.why}` }, parties);
  }
  if (elapsedMs >= settings.deadlineMs || (!called && elapsedMs >= settings.durationMs)) {
    withBake(entry, { state: 'Unproven' });
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

function verdictOfBake(world: World, key: EntryKey, { serving }: EntryDraft): Verdict {
  const { release, bake } = serving!;
  const stop = stopOf(world, key, release, bake!.trial);
  if (stop) return { verdict: 'Fail', why: stop.why, evidence: [stop.evidence] };
  const over = world.memory.clockMs - bake!.sinceMs >= release.entry.rollout.settings.bake.durationMs;
  const verdict = judge(bake!.trial, gateOf(release), looksOf(release), over);
  return bake!.state === 'Watching' ? verdict : { ...verdict, verdict: 'Continue' };
}

function goBack(world: World, key: EntryKey, { why, evidence }: Verdict, parties: Parties): void {
  const party = entryOf(world, key).serving!.bake!.party;
  const group = parties.of.get(key);
  if (group?.attempt) rememberGroupEnd(world, group.attempt, key, `${key} failed in its bake: ${why}`);
  for (const [other, member] of world.entries) {
    if (other !== key && member.serving?.bake?.party === party && member.serving.bake.state === 'Watching') {
      switchBack(world, other, `${key} failed: ${why}`, evidence, false);
    }
  }
  switchBack(world, key, why, evidence, true);
}

function proveParty(world: World, party: string): void {
  const baking = [...world.entries].filter(
    ([, entry]) => entry.serving?.bake?.party === party && entry.serving.bake.state === 'Watching',
  );
  const allPass = baking.every(([key, entry]) => {
    const called = entry.serving!.release.entry.rules.length > 0;
    return !called || verdictOfBake(world, key, entry).verdict === 'Pass';
  });
  if (!allPass) return;
  for (const [key, entry] of baking) prove(world, key, entry.serving!.bake!.trial.evidence);
}

/** Thirty seconds after going back: did what was switched to do well? Then it was the attempt's own failure. */
function absorbJudging(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { judging } = entry;
  if (!judging) return;
  const held = !world.acknowledged ? world.elapsedMs : 0;
  const tally = controlTally(world, key, judging.release, parties);
  const control = fade(judging.control, world.elapsedMs, tally);
  entry.judging = { ...judging, control, sinceMs: judging.sinceMs + held };
  if (isOutage(control, gateOf(judging.release).errors.intolerable)) {
    entry.judging = undefined;
    const end = recordEnd(world, entry, judging.release, judging.attempt, shared(judging.why, judging.evidence));
    const message = sentenceOf(end);
    say(world, key, { reason: 'SharedOutage', message, evidence: judging.evidence, commit: judging.release.commit });
    world.memory.groupEnds = world.memory.groupEnds.filter(({ attempt }) => attempt !== parties.of.get(key)?.attempt);
  } else if (world.memory.clockMs - entry.judging.sinceMs >= JUDGE_AFTER_MS) {
    entry.judging = undefined;
    quarantine(world, key, judging.release, judging.attempt, judging.why, judging.evidence);
  }
}
