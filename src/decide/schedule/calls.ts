import type { EntryKey } from '../../model/component.ts';
import type { DesiredEntry } from '../../model/desired.ts';
import type { EntryMemory } from '../../model/memory.ts';
import type { RunningFiring } from '../../model/schedule-memory.ts';
import type { ScheduleTrigger } from '../../model/schedule.ts';
import type { World } from '../world.ts';

type Triggers = Pick<DesiredEntry, 'rules' | 'schedules' | 'remote'>;

/**
 * What calls an entry, and so what its samples are. Where there are routes, or other cells that call it, their weights
 * govern; an entry that only the clock calls has no traffic to share out.
 */
export function callsOf({ rules, schedules = [], remote }: Triggers): 'Requests' | 'Firings' | 'Nothing' {
  if (rules.length > 0 || (remote && remote.callers.length > 0)) return 'Requests';
  return schedules.length > 0 ? 'Firings' : 'Nothing';
}

/**
 * Nothing calls what serves, and its bake has seen that it stands: it needs no cells until something does. A caller from
 * another cell makes no release of its own of it, so it is looked for in what runs and in what git names.
 */
export function isIdle(
  { callers }: Pick<World, 'callers'>,
  key: EntryKey,
  { serving }: Pick<EntryMemory, 'serving'>,
): boolean {
  if (serving === undefined || serving.bake?.state === 'Watching' || callers.has(key)) return false;
  return !isCalled(serving.release.entry);
}

/** By a route or by the clock. */
function isCalled({ rules, schedules = [] }: Triggers): boolean {
  return rules.length + schedules.length > 0;
}

export function schedulesOf({ schedules = [] }: Pick<DesiredEntry, 'schedules'>): readonly ScheduleTrigger[] {
  return schedules;
}

/** The name of a schedule among the triggers that an entry can take over from another. */
export function scheduleId({ schedule }: Pick<ScheduleTrigger, 'schedule'>): string {
  return `schedule ${schedule}`;
}

/** Firings that this entry's cells have not ended. */
export function firingsOf({ memory }: World, key: EntryKey): readonly RunningFiring[] {
  return Object.values(memory.schedules ?? {}).flatMap(({ running }) =>
    running.filter(({ group }) => group.startsWith(`${key}@`)),
  );
}
