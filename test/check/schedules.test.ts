import { describe, expect, it } from 'vitest';
import { differences } from '../../src/check/plan/differences.ts';
import { planOf } from '../../src/check/plan/plan.ts';
import { walkOf } from '../../src/check/plan/walk.ts';
import { firingLines, scheduleTable } from '../../src/check/schedule-lines.ts';
import type { DesiredEntry } from '../../src/model/desired.ts';
import type { ScheduleTrigger } from '../../src/model/schedule.ts';
import type { ScheduleStatus } from '../../src/model/status.ts';
import { desired, entry } from '../decide/support/desired.ts';

function nightly(change: Partial<ScheduleTrigger> = {}): DesiredEntry {
  const trigger: ScheduleTrigger = {
    schedule: 'shop/nightly',
    expression: '15 2 * * *',
    timeZone: 'Europe/Berlin',
    concurrencyPolicy: 'Forbid',
    deadlineMs: 600_000,
    startingDeadlineMs: 600_000,
    backend: 'shop/report',
    export: { interface: 'wasi:cli/run@0.2.0', function: 'run' },
    args: [],
    suspend: false,
    ...change,
  };
  return entry('report', { paths: [], more: { schedules: [trigger] } });
}

const without = entry('report', { paths: [] });

describe('plan', () => {
  it.each([
    [without, nightly(), ['schedule shop/nightly: + 15 2 * * * Europe/Berlin']],
    [nightly(), without, ['schedule shop/nightly: − 15 2 * * * Europe/Berlin']],
    [nightly(), nightly({ expression: '0 3 * * *' }), ['schedule shop/nightly: expression 15 2 * * * → 0 3 * * *']],
    [nightly(), nightly({ suspend: true }), ['schedule shop/nightly: suspend false → true']],
    [nightly(), nightly({ parameters: { day: 1 } }), ['schedule shop/nightly: parameters unset → {"day":1}']],
    [nightly(), nightly(), []],
  ])('says what changes of a schedule', (before, after, lines) => {
    expect(differences(before, after)).toEqual(lines);
  });

  it.each([
    ['another time', nightly({ expression: '0 3 * * *' }), 'Retrigger'],
    ['other arguments', nightly({ args: ['--all'] }), 'Retrigger'],
    ['other parameters', nightly({ parameters: { day: 1 } }), 'Retrigger'],
    ['to suspend', nightly({ suspend: true }), 'Settings'],
  ])('%s is the same cells', (_, after, change) => {
    const plan = planOf(desired('a', [nightly()]), desired('b', [after]));
    expect(plan.entries.map((planned) => planned.change)).toEqual([change]);
  });

  it('shows a bake of three firings, and no steps', () => {
    const { steps, leastMsToProven } = walkOf(nightly(), 'Replace');
    expect(steps.map(({ stage, leastSamples }) => [stage, leastSamples])).toEqual([
      ['Readiness', 0],
      ['Bake', 3],
    ]);
    expect(leastMsToProven).toBe(0);
  });
});

describe('status and explain', () => {
  const quiet: ScheduleStatus = {
    schedule: 'shop/nightly',
    expression: '15 2 * * *',
    timeZone: 'Europe/Berlin',
    concurrencyPolicy: 'Forbid',
    suspended: false,
    next: '2026-11-29T01:15:00.000Z',
    running: [],
    ended: [],
    counts: {},
  };
  const nominal = '2026-11-28T01:15:00.000Z';
  const failed: ScheduleStatus = {
    ...quiet,
    ended: [
      {
        nominal,
        started: nominal,
        elapsedMs: 1_500,
        outcome: 'Failed',
        code: 'HW4601',
        why: 'exit code 3',
        release: 'a'.repeat(64),
      },
    ],
    counts: { Failed: 1, Succeeded: 4 },
  };

  it.each([
    [quiet, 'shop/nightly   15 2 * * * Europe/Berlin   2026-11-29T01:15:00.000Z   -   -'],
    [
      failed,
      `shop/nightly   15 2 * * * Europe/Berlin   2026-11-29T01:15:00.000Z   ${nominal} Failed   Failed 1, Succeeded 4`,
    ],
    [{ ...quiet, suspended: true }, 'shop/nightly   15 2 * * * Europe/Berlin   suspended   -   -'],
    [
      { ...quiet, due: { nominal, why: 'no replica is ready' } },
      `shop/nightly   15 2 * * * Europe/Berlin   due since ${nominal}: no replica is ready   -   -`,
    ],
  ])('tell next, last and counts', (schedule, line) => {
    expect(scheduleTable([schedule])[1]!.replaceAll(/ {3,}/g, '   ')).toBe(line);
  });

  it('tell each firing with its code', () => {
    expect(firingLines(failed)).toEqual([
      'schedule shop/nightly: 15 2 * * * Europe/Berlin, Forbid; next 2026-11-29T01:15:00.000Z',
      `  ${nominal} Failed after 1s500ms on release aaaaaaaaaaaa: HW4601 exit code 3`,
    ]);
  });
});
