import type { Code } from './codes.ts';
import type { ExportRef } from './component.ts';
import type { Parameters, ScheduleKey } from './schedule.ts';
import type { GroupId } from './snapshot.ts';

/** `namespace/name@2026-11-28T02:15:00.000Z`: a schedule and a nominal time. Given twice it is one firing. */
export type FiringId = `${ScheduleKey}@${string}`;

export function firingId(schedule: ScheduleKey, nominalWallMs: number): FiringId {
  return `${schedule}@${new Date(nominalWallMs).toISOString()}`;
}

export function scheduleOfFiring(id: FiringId): ScheduleKey {
  return id.slice(0, id.lastIndexOf('@')) as ScheduleKey;
}

/** What the engine is asked to run, once. */
export interface FiringOrder {
  readonly id: FiringId;
  readonly release: string;
  readonly group: GroupId;
  readonly export: ExportRef;
  /** A command's arguments, its name first; absent: it is no command. */
  readonly args?: readonly string[];
  /** Of any other function, by name; absent: none. */
  readonly parameters?: Parameters;
  /** From its start. */
  readonly deadlineMs: number;
}

/** How a firing that was started ended, as the engine saw it. */
export type RunOutcome =
  | 'Succeeded'
  /** The command's exit code is not 0, or the function returned the `err` of its result. */
  | 'Failed'
  | 'Trapped'
  | 'DeadlineExceeded'
  /** Its cell ended while it ran. */
  | 'Crashed'
  /** It was ended from outside: by the firing after it, or because its cell had to go. */
  | 'Stopped'
  /** Nothing took it: no ready replica, or none with room. It did not run. */
  | 'NotStarted';

export interface FiringObserved {
  readonly id: FiringId;
  readonly replica?: string;
  /** Since its start; of an ended one, how long it ran. */
  readonly elapsedMs: number;
  /** Absent: it runs. */
  readonly outcome?: RunOutcome;
  readonly exitCode?: number;
  /** Why, or what it returned. At most 1 kB; empty where there is nothing to say. */
  readonly message?: string;
}

/** How a firing ended, as people see it. */
export type FiringOutcome =
  | Exclude<RunOutcome, 'NotStarted'>
  /** The engine ended while it ran, or before it told: it may have run, wholly or in part, and is not run again. */
  | 'Unknown'
  /** It could not start in time. */
  | 'Missed'
  /** The one before still ran (Forbid), or as many as may (Allow). */
  | 'Skipped';

/** What each end that is not good is called in the table of codes. */
export const FIRING_CODES: Readonly<Record<Exclude<FiringOutcome, 'Succeeded'>, Code>> = {
  Failed: 'HW4601',
  Trapped: 'HW4602',
  DeadlineExceeded: 'HW4603',
  Crashed: 'HW4604',
  Stopped: 'HW4605',
  Unknown: 'HW4606',
  Missed: 'HW4607',
  Skipped: 'HW4608',
};

/** The component's own doing: what a gate counts as a failure. */
export function isFailure(outcome: FiringOutcome): boolean {
  return ['Failed', 'Trapped', 'DeadlineExceeded', 'Crashed'].includes(outcome);
}
