/** How a candidate ends before its switch: by its own failure, or by something outside that was in its way. */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { EntryKey } from '../model/component.ts';
import type { Candidate } from '../model/memory.ts';
import { failed, recordEnd, sentenceOf, waitingFor, type Ending } from './ends.ts';
import { isMigrating } from './data.ts';
import { fact } from './gate/hard-stops.ts';
import { isShared, type Verdict } from './gate/trial.ts';
import { takeGroupDown } from './group-end.ts';
import { MAX_ROLLBACKS, withCandidate } from './memory.ts';
import type { Parties } from './parties.ts';
import { takeDown } from './retreat.ts';
import { callsOf } from './schedule/calls.ts';
import { takesOver } from './singleton.ts';
import { isBlueGreen, shareText, stepOf, takesRequests } from './steps.ts';
import { failuresWithin, isCrashLoop } from './supervise.ts';
import { gateOf, mirroredEvidence, sharedOutage, since, stopVerdict, verdictOf } from './verdict.ts';
import { entryOf, groupOf, readyCount, say, type World } from './world.ts';

export function endFailingCandidate(world: World, key: EntryKey, parties: Parties): void {
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
  if (callsOf(release.entry) === 'Firings') {
    // Nothing calls it before its switch: it only has to stand.
    const stands: Verdict = { verdict: over ? 'Pass' : 'Continue', evidence: [], why: 'it stands beside what serves' };
    return stopVerdict(world, key, release, trial) ?? stands;
  }
  const verdict = verdictOf(world, key, release, trial, over);
  const mirrored = step?.mirror === undefined ? undefined : mirroredEvidence(world, release);
  return mirrored ? { ...verdict, evidence: [...verdict.evidence, mirrored] } : verdict;
}

function endingOf(world: World, key: EntryKey, candidate: Candidate, verdict: Verdict): Ending | undefined {
  const { release, trial } = candidate;
  const group = groupOf(key, release);
  if (verdict.verdict === 'Fail') {
    if (isShared(trial, gateOf(release))) return sharedOutage(verdict.why, verdict.evidence);
    return failed(release, verdict.why, verdict.evidence, verdict.hard);
  }
  const entry = entryOf(world, key);
  const outside = entry.failures.findLast((failure) => failure.group === group && failure.waiting);
  if (outside && readyCount(world, key, release) === 0 && outside.atMs >= candidate.sinceMs)
    return waitingFor(outside.message, outside.remedy);
  const { supervision } = release.entry;
  const own = since(entry.failures, trial.startedMs);
  const first = own.find((failure) => failure.group === group && !failure.waiting);
  // One try where a mailbox waits, and where a migration was begun: half of one is never gone on with.
  const isOnce = isMigrating(candidate) || (takesOver(entry, release) && readyCount(world, key, release) === 0);
  if (first && isOnce) {
    const what = takesOver(entry, release) ? ', and its mailbox waits' : '';
    return failed(release, `it did not start${what}: ${first.message}`, [
      fact('start', first.message, 'a ready instance at the first try', 1),
    ]);
  }
  if (isCrashLoop(own, group, supervision, world.memory.clockMs)) {
    const ends = failuresWithin(own, group, world.memory.clockMs, supervision.windowMs);
    const threshold = `≤ ${supervision.maxRestarts} in ${formatDuration(supervision.windowMs)}`;
    const why = `it crashes again and again (${ends.length} times); the last: ${ends.at(-1)!.message}`;
    return failed(release, why, [fact('crashes', String(ends.length), threshold, ends.length)], true);
  }
  return undefined;
}

const STANDS: Readonly<Record<Ending['kind'], string>> = {
  Failed: 'is quarantined',
  Refused: 'is refused',
  Waiting: 'waits',
  Inconclusive: 'is parked',
};

/** The candidate of one member ends: its own end is written down, and the others of its party go with it. */
export function endCandidate(world: World, key: EntryKey, ending: Ending, parties: Parties): void {
  const entry = entryOf(world, key);
  const { candidate } = entry;
  if (!candidate) return;
  const end = recordEnd(world, entry, candidate.release, candidate.attempt, ending);
  takeDown(world, key, ending);
  const { commit } = candidate.release;
  if (ending.kind === 'Failed') {
    entry.failures = entry.failures.filter((failure) => failure.group !== groupOf(key, candidate.release));
    const step = candidate.state === 'Canary' ? stepOf(candidate) : undefined;
    const wasMet = candidate.weight > 0 || (step !== undefined && takesRequests(step));
    if (wasMet) entry.rollbacks = [...entry.rollbacks, world.memory.clockMs].slice(-MAX_ROLLBACKS);
    const where = wasMet ? `rolled back from ${shareText(step ?? candidate)}` : givenUp(candidate);
    say(world, key, {
      reason: 'RolledBack',
      message: `release ${short(candidate.release.release)} ${where}: ${ending.why}`,
      evidence: end.evidence,
      commit,
    });
  }
  const reason = ending.kind === 'Failed' ? 'Quarantined' : ending.reason;
  // Why it failed was told by the event before, what was measured belongs to both.
  const rest = ending.kind === 'Failed' ? `. To release it: ${end.releasedBy}.` : `: ${sentenceOf(end)}`;
  const message = `release ${short(candidate.release.release)} ${STANDS[ending.kind]}${rest}`;
  say(world, key, { reason, message, evidence: end.evidence, commit });
  takeGroupDown(
    world,
    key,
    `${key} ${ending.kind === 'Failed' ? 'failed' : 'stopped'}: ${ending.why}`,
    ending.kind,
    parties,
  );
}

/** A candidate that never had traffic: its own end, in the words of its strategy. */
function givenUp(candidate: Candidate): string {
  const { state, release } = candidate;
  if (state !== 'Canary') return `given up in ${state}`;
  const step = stepOf(candidate);
  return isBlueGreen(release) || !step ? 'given up in its preview' : `given up at ${shareText(step)}`;
}
