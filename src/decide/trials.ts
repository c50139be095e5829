/**
 * What runs before the table in each decision: samples go into the trials, and whatever fails by them ends at once.
 * The table is not asked about a failing arm, because in no row may it keep its traffic.
 */
import type { EntryKey } from '../model/component.ts';
import type { Release, Tally, Trial } from '../model/memory.ts';
import { tallyOf } from './absorb.ts';
import { endBake, judgeAfterGoingBack } from './bake.ts';
import { endFailingCandidate } from './candidate-end.ts';
import { addTally, EMPTY_TALLY, fade } from './gate/tally.ts';
import { absorbSamples } from './gate/trial.ts';
import { withBake, withCandidate } from './memory.ts';
import type { Parties } from './parties.ts';
import { gateOf } from './verdict.ts';
import { entryOf, type World } from './world.ts';

/** Samples into trials; then judgements, hard stops, failed tests and proofs. */
export function runTrials(world: World, parties: Parties): void {
  const keys = [...world.entries.keys()].sort();
  for (const key of keys) {
    absorbCandidate(world, key, parties);
    absorbBake(world, key, parties);
    absorbJudging(world, key, parties);
  }
  for (const key of keys) {
    judgeAfterGoingBack(world, key, parties);
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

/** What was gone back to, while it is watched. */
function absorbJudging(world: World, key: EntryKey, parties: Parties): void {
  const entry = entryOf(world, key);
  const { judging } = entry;
  if (!judging) return;
  const held = world.acknowledged ? 0 : world.elapsedMs;
  const tally = controlTally(world, key, judging.release, parties);
  entry.judging = {
    ...judging,
    control: fade(judging.control, world.elapsedMs, tally),
    sinceMs: judging.sinceMs + held,
  };
}
