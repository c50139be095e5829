/** Pure: what the clock calls in a rehearsal. Nobody waits for night: the trial's clock is put to when something is due. */
import { callsOf } from '../../decide/schedule/calls.ts';
import { CODES } from '../../model/codes.ts';
import type { EntryKey } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import { isFailure } from '../../model/firing.ts';
import type { Span } from '../../model/problem.ts';
import type { ScheduleKey } from '../../model/schedule.ts';
import type { ScheduleStatus, Status } from '../../model/status.ts';
import type { TrialCase } from './report.ts';
import { fateIn } from './settled.ts';

/** Whether only firings prove it. */
export function isFired(entry: DesiredEntry): boolean {
  return callsOf(entry) === 'Firings' && (entry.schedules ?? []).some(({ suspend }) => !suspend);
}

/** What has to fire yet: all of an entry that only firings prove until it is, and each schedule of the others `once`. */
export function firingsWanted(status: Status, desired: Desired, once: boolean): readonly ScheduleStatus[] {
  return [...desired.entries].flatMap(([key, entry]) => {
    const fate = fateIn(status, key);
    if (fate.type !== 'Serving') return [];
    const schedules = schedulesIn(status, key).filter(({ suspended }) => !suspended);
    if (isFired(entry) && !fate.proven && fate.over === undefined) return schedules;
    return once ? schedules.filter((one) => firedOf(status, key, one).length === 0) : [];
  });
}

/**
 * To when the clock may be put so that the next of them fires. Absent: nothing is wanted, or one is under way, which a
 * later one could end or skip.
 */
export function nextFiring(wanted: readonly ScheduleStatus[], nowMs: number): number | undefined {
  if (wanted.some(({ running, due }) => running.length > 0 || due !== undefined)) return undefined;
  const times = wanted.flatMap(({ next }) => (next === undefined ? [] : [Date.parse(next)]));
  const first = Math.min(...times);
  return Number.isFinite(first) && first > nowMs ? first : undefined;
}

/** `spans`: where each is written. */
export function firingCases(
  status: Status,
  { entries }: Desired,
  spans: ReadonlyMap<ScheduleKey, Span>,
): readonly TrialCase[] {
  return [...entries].flatMap(([key, { schedules = [] }]) =>
    schedules.map(({ schedule }): TrialCase => {
      const span = spans.get(schedule);
      const common = { suite: 'schedules' as const, name: schedule, ...(span ? { span } : {}) };
      return { ...common, ...whatBecame(status, key, schedule) };
    }),
  );
}

function whatBecame(status: Status, key: EntryKey, schedule: ScheduleKey): Omit<TrialCase, 'suite' | 'name'> {
  const one = schedulesIn(status, key).find((known) => known.schedule === schedule);
  const fired = one ? firedOf(status, key, one) : [];
  const failed = fired.find(({ outcome }) => isFailure(outcome));
  const [remedy, code] = [CODES.HW5118.remedy, 'HW5118'] as const;
  if (failed) {
    const how = failed.code === undefined ? failed.why : `${failed.why} (${failed.code})`;
    return { outcome: 'Failed', code, remedy, message: `the firing of ${failed.nominal}: ${how}` };
  }
  if (fired.length > 0) {
    const longestMs = Math.max(...fired.map(({ elapsedMs = 0 }) => elapsedMs));
    return {
      outcome: 'Passed',
      elapsedMs: longestMs,
      message: `fired ${fired.length} ${fired.length === 1 ? 'time' : 'times'}`,
    };
  }
  if (one?.suspended) return { outcome: 'Skipped', message: 'it is suspended' };
  if (fateIn(status, key).type !== 'Serving')
    return { outcome: 'Skipped', message: `what the head says of ${key} does not serve` };
  const last = one?.ended[0];
  const why =
    one && one.running.length > 0 ? 'its firing did not end in time' : (last?.why ?? 'it did not fire in time');
  return { outcome: 'Failed', code, remedy, message: why };
}

function schedulesIn(status: Status, key: EntryKey): readonly ScheduleStatus[] {
  return status.entries.find((entry) => entry.key === key)?.schedules ?? [];
}

/** On the release that git names, to an end of its own. */
function firedOf(status: Status, key: EntryKey, { ended }: ScheduleStatus) {
  const wanted = status.entries.find((entry) => entry.key === key)?.desired?.release;
  return ended.filter(({ release, outcome }) => release === wanted && (outcome === 'Succeeded' || isFailure(outcome)));
}
