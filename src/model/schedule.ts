import type { Json } from '../kit/json.ts';
import type { EntryKey, ExportRef } from './component.ts';

/** `namespace/name` of a Schedule document: with a nominal time it names one firing, for ever. */
export type ScheduleKey = `${string}/${string}`;

export type ConcurrencyPolicy = 'Forbid' | 'Allow' | 'Replace';

/** What an exported function is called with: JSON by the names of its parameters (docs/typed-exports.md). */
export type Parameters = Readonly<Record<string, Json>>;

/** A Schedule document, defaults filled in. All of it but `suspend` is part of the release that it points at. */
export interface ScheduleTrigger {
  readonly schedule: ScheduleKey;
  /** Five-field cron expression. */
  readonly expression: string;
  readonly timeZone: string;
  readonly concurrencyPolicy: ConcurrencyPolicy;
  /** Of one firing, from its start. */
  readonly deadlineMs: number;
  /** How long after its nominal time a firing may still start. */
  readonly startingDeadlineMs: number;
  readonly backend: EntryKey;
  readonly export: ExportRef;
  /** Of a command, after its name. */
  readonly args: readonly string[];
  /** Of any other function; absent: none are written. */
  readonly parameters?: Parameters;
  readonly suspend: boolean;
}

const COMMAND = /^wasi:cli\/run(@0\.2\.[0-9]+)?$/;

/** A command runs on an instance of its own, with arguments and an exit code. */
export function isCommand(called: ExportRef): boolean {
  return COMMAND.test(called.interface) && called.function === 'run';
}

const VERSIONED = /^(?<name>[^@]+)@(?<major>[0-9]+)\.(?<minor>[0-9]+)\.(?<patch>[0-9]+)(?<rest>-.+)?$/;

/**
 * The exported interface that a reference means: the same name, else one of the same release line (equal up to the first
 * number that is not 0; what is alike there only adds). Undefined: there is none.
 */
export function exportMeant(exports: readonly string[], wanted: string): string | undefined {
  if (exports.includes(wanted)) return wanted;
  const line = lineOf(wanted);
  return line === undefined ? undefined : exports.find((name) => lineOf(name) === line);
}

function lineOf(name: string): string | undefined {
  const parts = VERSIONED.exec(name)?.groups;
  if (!parts || parts['rest'] !== undefined) return undefined;
  const { major, minor, patch } = parts;
  if (major !== '0') return `${parts['name']}@${major}`;
  return minor === '0' ? `${parts['name']}@0.0.${patch}` : `${parts['name']}@0.${minor}`;
}
