import type { EntryKey } from './component.ts';
import type { FiringId, FiringOutcome } from './firing.ts';
import type { GroupId } from './snapshot.ts';

/**
 * What is known of one schedule, whoever serves it: the times are those of the form that is in force, so that an edit
 * neither repeats nor skips one.
 */
export interface ScheduleMemory {
  /** Who served it last. */
  readonly entry: EntryKey;
  readonly expression: string;
  readonly timeZone: string;
  /** The newest nominal time that was decided about, or when the schedule began to count. */
  readonly consideredWallMs: number;
  /** Absent: it never comes. */
  readonly nextWallMs?: number | undefined;
  /** A firing whose time has come and that has not started. At most one: a newer one takes its place. */
  readonly due?: DueFiring | undefined;
  readonly running: readonly RunningFiring[];
  /** Newest first. Bounded. */
  readonly ended: readonly EndedFiring[];
  readonly counts: { readonly [outcome in FiringOutcome]?: number };
}

export interface DueFiring {
  readonly nominalWallMs: number;
  /** What it waits for. */
  readonly why?: string | undefined;
  /** How often it was asked for in vain, and when again on `clockMs`. */
  readonly tries: number;
  readonly retryAtMs?: number | undefined;
}

/** Written down before the engine is asked, so that it is asked once whatever happens. */
export interface RunningFiring {
  readonly id: FiringId;
  readonly nominalWallMs: number;
  readonly startedWallMs: number;
  /** On `clockMs`. */
  readonly startedMs: number;
  readonly deadlineMs: number;
  readonly release: string;
  readonly group: GroupId;
  /** The engine process that was asked: another one does not know what became of it. */
  readonly epoch: string;
  /** The engine has it. */
  readonly seen: boolean;
  /** How often it was asked for before in vain. */
  readonly tries: number;
  /** Why it is being ended. */
  readonly stopping?: string | undefined;
}

export interface EndedFiring {
  readonly nominalWallMs: number;
  /** Absent: it never started. */
  readonly startedWallMs?: number | undefined;
  readonly elapsedMs?: number | undefined;
  readonly release?: string | undefined;
  readonly outcome: FiringOutcome;
  readonly exitCode?: number | undefined;
  readonly why: string;
}
