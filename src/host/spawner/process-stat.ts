/** Fields of proc(5), `/proc/<pid>/stat`. */
import { readFileSync } from 'node:fs';

/** As they are counted there, from 1. */
export const STAT = { state: 3, parent: 4, userTicks: 14, systemTicks: 15, startTicks: 22 } as const;

/** The name, field 2, stands in parentheses and may hold anything, blanks and parentheses too: what is behind it is counted. */
const FIRST_BEHIND_NAME = 3;

/** @returns the field as it stands there; absent in a text that is none. */
export function statField(text: string, number: number): string | undefined {
  return text
    .slice(text.lastIndexOf(')') + 2)
    .trimEnd()
    .split(' ')[number - FIRST_BEHIND_NAME];
}

/** @returns the field of a process as it is now; absent where there is none of that pid. */
export function statFieldOf(pid: number, number: number): string | undefined {
  try {
    return statField(readFileSync(`/proc/${pid}/stat`, 'latin1'), number);
  } catch {
    return undefined;
  }
}
