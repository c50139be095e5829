import type { ExportRef } from '../../model/component.ts';
import type { ExportRef as WrittenRef } from '../generated/component.ts';
import type { ScheduleBackendRef } from '../generated/schedule.ts';
import { DEFAULT_COMMAND } from '../defaults.ts';

/** A function that is written without an interface is one of the world itself. */
export function exportOf({ interface: interfaceName = '', function: functionName }: WrittenRef): ExportRef {
  return { interface: interfaceName, function: functionName };
}

/** What a Schedule calls: a command where it names nothing. */
export function calledBy({ export: written }: Pick<ScheduleBackendRef, 'export'>): ExportRef {
  return written ? exportOf(written) : DEFAULT_COMMAND;
}
