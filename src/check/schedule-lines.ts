import { short } from '../kit/digest.ts';
import { formatDuration } from '../kit/units.ts';
import type { ScheduleStatus } from '../model/status.ts';
import { table } from './table.ts';

/** One line for each schedule: when it fires next, how it went last, and how often how. */
export function scheduleTable(schedules: readonly ScheduleStatus[]): string[] {
  return table(
    ['SCHEDULE', 'TIMES', 'NEXT', 'LAST', 'COUNTS'],
    schedules.map((schedule) => [
      schedule.schedule,
      `${schedule.expression} ${schedule.timeZone}`,
      nextText(schedule),
      lastText(schedule),
      Object.entries(schedule.counts)
        .map(([outcome, count]) => `${outcome} ${count}`)
        .join(', ') || '-',
    ]),
  );
}

function nextText({ next, due, running, suspended }: ScheduleStatus): string {
  if (suspended) return 'suspended';
  if (due) return `due since ${due.nominal}: ${due.why}`;
  if (running.length > 0) return `${running.length} running, then ${next ?? 'never'}`;
  return next ?? 'never';
}

function lastText({ ended: [last] }: ScheduleStatus): string {
  return last ? `${last.nominal} ${last.outcome}` : '-';
}

/** All that is known of the firings of one schedule, newest first. */
export function firingLines(schedule: ScheduleStatus): string[] {
  const { expression, timeZone, concurrencyPolicy, running, ended } = schedule;
  return [
    `schedule ${schedule.schedule}: ${expression} ${timeZone}, ${concurrencyPolicy}; next ${nextText(schedule)}`,
    ...running.map(({ nominal, release }) => `  ${nominal} runs on release ${short(release)}`),
    ...ended.map(({ nominal, outcome, code, why, elapsedMs, release }) => {
      const took = elapsedMs === undefined ? '' : ` after ${formatDuration(elapsedMs)}`;
      const on = release === undefined ? '' : ` on release ${short(release)}`;
      return `  ${nominal} ${outcome}${took}${on}: ${code === undefined ? '' : `${code} `}${why}`;
    }),
  ];
}
