import { readdirSync } from 'node:fs';
import os from 'node:os';

/** Of a process that waits, and of a guest that uses more than it may. */
export const LOWEST_PRIORITY = 19;
/** Of a guest: below everything of ours, so that traffic and the broker come first where the processor is short. */
export const GUEST_PRIORITY = 5;

/** Priorities are of threads. Where one may not be raised again, it stays as it is. */
export function setPriority(pid: number, priority: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      os.setPriority(Number(thread), priority);
    } catch {
      // The thread has ended since, or it is not ours to raise.
    }
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
