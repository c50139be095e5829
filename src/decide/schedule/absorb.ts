/**
 * Takes what the engine says of firings into the memory, before anything is decided.
 *
 * F1 A firing is started at most once: it is written down before the engine is asked, the engine takes an id once, and
 *    an engine process that ended with it is not asked again.
 * F2 An end is counted once: what the memory does not have running is only forgotten.
 */
import type { Now } from '../../kit/clock.ts';
import type { EntryKey } from '../../model/component.ts';
import type { DecidedEvent } from '../../model/decision.ts';
import type { EngineObserved } from '../../model/engine.ts';
import { isFailure, type FiringObserved, type FiringOutcome } from '../../model/firing.ts';
import type { Tally } from '../../model/memory.ts';
import type { EndedFiring, RunningFiring, ScheduleMemory } from '../../model/schedule-memory.ts';
import type { ScheduleKey } from '../../model/schedule.ts';
import { addTally, EMPTY_TALLY } from '../gate/tally.ts';
import { withBake, type EntryDraft, type MemoryDraft } from '../memory.ts';
import { ended, eventOf } from './tell.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

interface Absorbing {
  readonly memory: MemoryDraft;
  readonly entries: ReadonlyMap<EntryKey, EntryDraft>;
  readonly tallies: Map<string, Tally>;
  readonly events: DecidedEvent[];
  readonly now: Now;
  readonly commit: string;
}

export function absorbFirings(absorbing: Absorbing, engine: EngineObserved): void {
  const { memory } = absorbing;
  if (!memory.schedules) return;
  const seen = new Map((engine.firings ?? []).map((firing) => [firing.id, firing]));
  const schedules: { [key: ScheduleKey]: ScheduleMemory } = {};
  for (const [key, schedule] of Object.entries(memory.schedules) as [ScheduleKey, ScheduleMemory][]) {
    let next = schedule;
    for (const firing of schedule.running)
      next = follow(absorbing, engine.epoch, key, next, firing, seen.get(firing.id));
    schedules[key] = next;
  }
  memory.schedules = schedules;
}

function follow(
  absorbing: Absorbing,
  epoch: string,
  key: ScheduleKey,
  schedule: ScheduleMemory,
  firing: RunningFiring,
  live: FiringObserved | undefined,
): ScheduleMemory {
  if (firing.epoch !== epoch) {
    const why = 'the engine ended while it ran: whether it finished is not known, and it is not run again';
    return over(absorbing, key, schedule, firing, { outcome: 'Unknown', why });
  }
  if (!live) {
    // The engine keeps what has ended until it is told to forget it, which happens after this.
    if (!firing.seen) return schedule;
    return over(absorbing, key, schedule, firing, { outcome: 'Unknown', why: 'the engine lost it' });
  }
  const { outcome, message = '' } = live;
  if (outcome === undefined) {
    if (firing.seen) return schedule;
    return { ...schedule, running: schedule.running.map((one) => (one === firing ? { ...one, seen: true } : one)) };
  }
  if (outcome === 'NotStarted') return dueAgain(absorbing, key, schedule, firing, message);
  return over(absorbing, key, schedule, firing, {
    outcome,
    why: outcome === 'Stopped' && firing.stopping ? firing.stopping : sentenceOf(outcome, live, firing),
    elapsedMs: Math.round(live.elapsedMs),
    ...(live.exitCode === undefined ? {} : { exitCode: live.exitCode }),
  });
}

function sentenceOf(outcome: FiringOutcome, { exitCode, message = '' }: FiringObserved, firing: RunningFiring): string {
  const more = message === '' ? '' : `: ${message}`;
  switch (outcome) {
    case 'Succeeded':
      return `it ended well${more}`;
    case 'Failed':
      return exitCode === undefined ? `it returned an error${more}` : `exit code ${exitCode}${more}`;
    case 'Trapped':
      return `it trapped${more}`;
    case 'DeadlineExceeded':
      return `it did not end within ${firing.deadlineMs} ms and was stopped`;
    case 'Crashed':
      return `its cell ended while it ran${more}`;
    default:
      return `it was ended${more}`;
  }
}

/** It certainly did not run: its time has still come, unless a newer one has. */
function dueAgain(
  absorbing: Absorbing,
  key: ScheduleKey,
  schedule: ScheduleMemory,
  firing: RunningFiring,
  why: string,
): ScheduleMemory {
  const running = schedule.running.filter((one) => one !== firing);
  const { nominalWallMs } = firing;
  if (schedule.due && schedule.due.nominalWallMs > nominalWallMs) {
    return note(absorbing, key, { ...schedule, running }, { nominalWallMs, outcome: 'Missed', why });
  }
  const tries = firing.tries + 1;
  const retryAtMs = absorbing.memory.clockMs + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 10));
  return { ...schedule, running, due: { nominalWallMs, why, tries, retryAtMs } };
}

function over(
  absorbing: Absorbing,
  key: ScheduleKey,
  schedule: ScheduleMemory,
  firing: RunningFiring,
  end: Pick<EndedFiring, 'outcome' | 'why' | 'elapsedMs' | 'exitCode'>,
): ScheduleMemory {
  const { nominalWallMs, startedWallMs, release } = firing;
  const running = schedule.running.filter((one) => one !== firing);
  sample(absorbing, release, end.outcome);
  return note(absorbing, key, { ...schedule, running }, { nominalWallMs, startedWallMs, release, ...end });
}

function note({ events, commit }: Absorbing, key: ScheduleKey, schedule: ScheduleMemory, end: EndedFiring) {
  const event = eventOf(key, schedule, end, commit);
  if (event) events.push(event);
  return ended(schedule, end);
}

/** What ended by its own doing is a sample of its release, and counts in the bake of what serves it. */
function sample({ entries, tallies }: Absorbing, release: string, outcome: FiringOutcome): void {
  const failed = isFailure(outcome) ? 1 : 0;
  if (failed === 0 && outcome !== 'Succeeded') return;
  const one: Tally = { ...EMPTY_TALLY, requests: 1, failures: failed };
  tallies.set(release, addTally(tallies.get(release) ?? EMPTY_TALLY, one));
  for (const entry of entries.values()) {
    if (entry.serving?.release.release !== release || !entry.serving.bake) continue;
    const { good, failed: bad } = entry.serving.bake.firings ?? { good: 0, failed: 0 };
    withBake(entry, { firings: { good: good + 1 - failed, failed: bad + failed } });
  }
}
