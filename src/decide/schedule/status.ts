import type { EntryKey } from '../../model/component.ts';
import { FIRING_CODES } from '../../model/firing.ts';
import type { EndedFiring, ScheduleMemory } from '../../model/schedule-memory.ts';
import type { ScheduleStatus } from '../../model/status.ts';
import type { World } from '../world.ts';
import type { Owners } from './fire.ts';

/** The schedules that an entry fires; undefined: none. */
export function scheduleStatusOf(world: World, key: EntryKey, owned: Owners): readonly ScheduleStatus[] | undefined {
  const mine = [...owned.values()].filter((owned) => owned.key === key);
  const told = mine.flatMap(({ trigger }) => {
    const memory = world.memory.schedules?.[trigger.schedule];
    const { schedule, expression, timeZone, concurrencyPolicy, suspend } = trigger;
    return memory
      ? [{ schedule, expression, timeZone, concurrencyPolicy, suspended: suspend, ...timesOf(memory, suspend) }]
      : [];
  });
  return told.length > 0 ? told : undefined;
}

function timesOf(memory: ScheduleMemory, suspended: boolean) {
  const { nextWallMs, due, running, ended, counts } = memory;
  return {
    ...(nextWallMs === undefined || suspended ? {} : { next: iso(nextWallMs) }),
    ...(due ? { due: { nominal: iso(due.nominalWallMs), why: due.why ?? 'it starts' } } : {}),
    running: running.map(({ nominalWallMs, startedWallMs, release }) => ({
      nominal: iso(nominalWallMs),
      started: iso(startedWallMs),
      release,
    })),
    ended: ended.map(endedOf),
    counts,
  };
}

function endedOf({ nominalWallMs, startedWallMs, ...end }: EndedFiring): ScheduleStatus['ended'][number] {
  const { elapsedMs, release, outcome, exitCode, why } = end;
  return {
    nominal: iso(nominalWallMs),
    ...(startedWallMs === undefined ? {} : { started: iso(startedWallMs) }),
    ...(elapsedMs === undefined ? {} : { elapsedMs }),
    ...(release === undefined ? {} : { release }),
    outcome,
    ...(outcome === 'Succeeded' ? {} : { code: FIRING_CODES[outcome] }),
    ...(exitCode === undefined ? {} : { exitCode }),
    why,
  };
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
