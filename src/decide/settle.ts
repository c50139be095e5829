/** Carries out the moves that are not a walk: nothing to do, hold, drop, remove. */
import { canonicalJson, type Json } from '../kit/json.ts';
import { short } from '../kit/digest.ts';
import { freshTrial } from './gate/tally.ts';
import type { EntryKey } from '../model/component.ts';
import type { EntryContext } from './context.ts';
import { withBake, withServing, type EntryDraft } from './memory.ts';
import { takeDown } from './retreat.ts';
import { isHandingOver } from './singleton.ts';
import type { Move } from './table.ts';
import { say, type World } from './world.ts';

/** Row 3: what serves is what git says. Its facts that are in no release apply at once: scaling, drain, supervision. */
export function settle(world: World, { key, entry, wish, party }: EntryContext): void {
  const target = wish.target!;
  const serving = entry.serving!;
  if (entry.candidate) {
    const { release } = entry.candidate;
    takeDown(world, key);
    say(world, key, {
      reason: 'Reverted',
      message: `git is back at what serves: release ${short(release.release)} is cancelled`,
      commit: target.release.commit,
    });
  }
  resumeBake(world, entry, key);
  if (serving.release.entry === target.entry && serving.attempt === target.attempt) return;
  const gateBefore = serving.release.entry.rollout.settings.gate;
  const sameGate =
    canonicalJson(gateBefore as unknown as Json) ===
    canonicalJson(target.entry.rollout.settings.gate as unknown as Json);
  const newAttempt = serving.attempt !== target.attempt;
  withServing(entry, { release: { ...serving.release, entry: target.entry }, attempt: target.attempt });
  if (newAttempt && serving.degraded !== undefined) {
    const trial = freshTrial(world.memory.clockMs);
    const bake = { sinceMs: world.memory.clockMs, party: party.name, trial, state: 'Watching' as const, back: false };
    withServing(entry, { degraded: undefined, bake });
    say(world, key, { reason: 'Baking', message: 'another attempt of what serves: it bakes again' });
  } else if (newAttempt && serving.bake && !sameGate) {
    withBake(entry, { trial: { ...freshTrial(world.memory.clockMs), warmUp: serving.bake.trial.warmUp } });
    say(world, key, { reason: 'Baking', message: 'gate changed during the bake: fresh samples' });
  }
}

/** A bake that a newer desired ended begins again when git comes back to what serves. */
function resumeBake(world: World, entry: EntryDraft, key: EntryKey): void {
  const { bake } = entry.serving ?? {};
  if (bake?.state !== 'Preempted') return;
  // A second look is still one, and has the whole of the bake.
  const doubtedAfterMs = bake.trial.doubtedAfterMs === undefined ? undefined : 0;
  const trial = { ...bake.trial, doubtedAfterMs };
  withBake(entry, { state: 'Watching', sinceMs: world.memory.clockMs, trial });
  say(world, key, {
    reason: 'Baking',
    message: 'git is back at what served before it was proven: its bake begins again',
  });
}

/** Row 2: out of the routes now; cells.ts drains and stops what nothing names any more. */
export function remove(world: World, { key, entry }: EntryContext): void {
  if (!entry.serving && !entry.candidate && entry.warm.length === 0) return;
  const gone = entry.serving ?? entry.candidate;
  entry.serving = undefined;
  entry.candidate = undefined;
  entry.leaving = undefined;
  entry.warm = [];
  entry.judging = undefined;
  entry.deletedAtWallMs = world.now.wallMs;
  say(world, key, {
    reason: 'Progressing',
    message: `deleted in git: release ${short(gone?.release.release ?? '')} leaves the routes, drains and stops`,
  });
}

/** What holds leaves a candidate where it is, but for a mailbox that waits for it: nobody knows how long (M3). */
export function hold(
  world: World,
  { key, entry }: EntryContext,
  { reason, why }: Extract<Move, { type: 'Hold' }>,
): void {
  if (!isHandingOver(entry)) return;
  const { release } = entry.candidate!;
  takeDown(world, key);
  say(world, key, {
    reason,
    message: `release ${short(release.release)} hands the mailbox back: ${why}`,
    commit: release.commit,
  });
}

/** Rows 6, 9 and 10: no attempt may be in flight. It is not judged by being taken down. */
export function drop(
  world: World,
  { key, entry }: EntryContext,
  { reason, why }: Extract<Move, { type: 'Drop' }>,
): void {
  if (!entry.candidate) return;
  const { release } = entry.candidate;
  takeDown(world, key);
  say(world, key, {
    reason,
    message: `release ${short(release.release)} goes back to weight 0: ${why}`,
    commit: release.commit,
  });
}
