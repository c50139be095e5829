/** What is said of firings: each end that is not good once, and a run of them as it doubles; nothing of the good ones. */
import type { DecidedEvent } from '../../model/decision.ts';
import { FIRING_CODES, isFailure, type FiringOutcome } from '../../model/firing.ts';
import type { EndedFiring, ScheduleMemory } from '../../model/schedule-memory.ts';
import type { ScheduleKey } from '../../model/schedule.ts';

/** Ended firings that are kept for people. */
export const MAX_ENDED = 10;

/** Writes an end down: `many` of the same kind, of which this is the newest. */
export function ended(memory: ScheduleMemory, end: EndedFiring, many = 1): ScheduleMemory {
  const { outcome } = end;
  return {
    ...memory,
    ended: [end, ...memory.ended].slice(0, MAX_ENDED),
    counts: { ...memory.counts, [outcome]: (memory.counts[outcome] ?? 0) + many },
  };
}

/** The event of an end; undefined where it is not worth one: a good one, or one more of what was told already. */
export function eventOf(
  key: ScheduleKey,
  memory: ScheduleMemory,
  end: EndedFiring,
  commit: string,
): DecidedEvent | undefined {
  const { outcome } = end;
  if (outcome === 'Succeeded') return undefined;
  const run = runOf(memory.ended, outcome) + 1;
  if ((run & (run - 1)) !== 0) return undefined;
  const nominal = new Date(end.nominalWallMs).toISOString();
  const again = run > 1 ? ` (at least ${run} in a row)` : '';
  return {
    commit,
    entry: memory.entry,
    reason: isFailure(outcome) ? 'FiringFailed' : 'FiringMissed',
    message: `schedule ${key}, ${nominal}: ${FIRING_CODES[outcome]} ${end.why}${again}`,
  };
}

/** How often the same came before this, without another between, as far as is remembered. */
function runOf(ends: readonly EndedFiring[], outcome: FiringOutcome): number {
  const other = ends.findIndex((end) => end.outcome !== outcome);
  return other < 0 ? ends.length : other;
}
