/**
 * The gate of an entry that only the clock calls. Firings are few and each costs what it does, so they are counted and
 * not tested: three good ones prove a release, two failed ones before that take it back (one, where the gate's
 * `consecutiveErrors` says so).
 */
import type { Bake, Release } from '../../model/memory.ts';
import type { EndedFiring } from '../../model/schedule-memory.ts';
import { isFailure } from '../../model/firing.ts';
import { fact } from '../gate/hard-stops.ts';
import type { Verdict } from '../gate/trial.ts';
import type { World } from '../world.ts';

export const GOOD_FIRINGS = 3;
export const FAILED_FIRINGS = 2;

export function firingVerdict({ entry }: Release, { firings }: Pick<Bake, 'firings'>): Verdict {
  const { good, failed } = firings ?? { good: 0, failed: 0 };
  const limit = Math.min(FAILED_FIRINGS, entry.rollout.settings.gate.hardStops.consecutiveErrors);
  const evidence = [
    fact('failed firings', String(failed), `< ${limit} before ${GOOD_FIRINGS} good ones`, good + failed),
  ];
  if (failed >= limit) {
    const why = `${failed} of ${good + failed} firings failed (limit ${limit})`;
    return { verdict: 'Fail', hard: true, evidence, why };
  }
  const why = `${good} of ${GOOD_FIRINGS} good firings`;
  return { verdict: good >= GOOD_FIRINGS ? 'Pass' : 'Continue', evidence, why };
}

/**
 * Did what was gone back to fail as well, the last times that it fired? Then it is not this revision alone (as both arms
 * of a gate).
 */
export function failedAlike({ memory }: World, release: string | undefined): boolean {
  const ends: readonly EndedFiring[] = Object.values(memory.schedules ?? {})
    .flatMap((schedule) => schedule.ended)
    .filter((end) => end.release === release && (isFailure(end.outcome) || end.outcome === 'Succeeded'))
    .sort((one, other) => other.nominalWallMs - one.nominalWallMs)
    .slice(0, FAILED_FIRINGS);
  return ends.length === FAILED_FIRINGS && ends.every(({ outcome }) => isFailure(outcome));
}
