/** What a bake has to judge by, in words: also that it has nothing, and what would bring something. */
import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { Serving, Trial } from '../model/memory.ts';
import type { Gate } from '../model/rollout.ts';
import { lookAfterMs } from './gate/trial.ts';
import { callsOf } from './schedule/calls.ts';
import { firingVerdict } from './schedule/verdict.ts';

/** Of one that goes on. */
export function bakingMessage({ release, bake }: Serving, clockMs: number): string {
  const name = `release ${short(release.release)}`;
  const elapsed = formatDuration(Math.floor((clockMs - bake!.sinceMs) / 1000) * 1000);
  if (callsOf(release.entry) === 'Firings') {
    return `${name} has all firings since ${elapsed}: ${firingVerdict(release, bake!).why}`;
  }
  const { bake: settings, gate } = release.entry.rollout.settings;
  const samples = samplesText(bake!.trial, gate);
  const { trial } = bake!;
  const what = trial.doubtedAfterMs === undefined ? '' : 'a second look: ';
  return `${name} has all traffic: ${what}${elapsed} of ${formatDuration(lookAfterMs(trial, settings))}, ${samples}`;
}

/** Of one that is over. */
export function unprovenMessage({ release, bake }: Serving): string {
  const said = `release ${short(release.release)} serves; its bake ended without proof`;
  if (!bake) return said;
  if (callsOf(release.entry) === 'Firings') return `${said}: ${firingVerdict(release, bake).why}`;
  const { gate } = release.entry.rollout.settings;
  const { requests } = bake.trial.step.candidate;
  if (requests === 0) return `${said}: ${nothing(gate, 'it had no sample')}`;
  const few = requests < gate.minSamples;
  return `${said}: ${few ? countText(requests, gate) : `the test of errors was undecided after ${countText(requests, gate)}`}`;
}

function samplesText({ step, warmUp }: Trial, gate: Gate): string {
  const { requests } = step.candidate;
  if (requests > 0) return countText(requests, gate);
  const isWarming = warmUp.requests > 0 && !warmUp.done;
  if (isWarming) return `no sample yet: its first ${warmUp.requests} requests warm it up and do not count`;
  return nothing(gate, 'no sample yet');
}

function countText(requests: number, { minSamples }: Gate): string {
  return requests < minSamples ? `${requests} of at least ${minSamples} samples` : `${requests} samples`;
}

/** Where the runtime has nothing to ask by itself, real calls are all there is. */
function nothing({ insufficientData }: Gate, said: string): string {
  if (insufficientData === 'Synthesize') return said;
  return `${said}, for nobody called it; a readiness probe or gate.synthetic gives the runtime something to ask`;
}
