/**
 * How much of the processor a process gets where it is short.
 *
 * Linux has two voices in it. Nice values are of threads. With `sched_autogroup` (on by default, and in force wherever a service
 * manager has not put us into a group with a share of its own) a thread competes by them only with those of its session, and
 * sessions compete by a value of theirs: a cell has a session of its own, so its nice value alone would say nothing at all
 * (sched(7), "The autogroup feature"). Both are set.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

/** Of a process that waits, and of a guest that uses more than it may. */
export const LOWEST_PRIORITY = 19;
/** Of a guest: below everything of ours, so that traffic and the broker come first where the processor is short. */
export const GUEST_PRIORITY = 5;

/** Linux takes ten of these in a second from those without CAP_SYS_ADMIN, and says EAGAIN to more. */
const AGAIN_AFTER_MS = 110;

/** By pid: what the session could not be told yet. */
const untold = new Map<number, number>();

/** Of all threads of a process and of its session. What may not be raised again stays as it is. */
export function setPriority(pid: number, priority: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      os.setPriority(Number(thread), priority);
    } catch {
      // The thread has ended since, or it is not ours to raise.
    }
  }
  setSessionPriority(pid, priority);
}

/** Nothing where the kernel has no such groups, and where the session is our own: that would lower us all. */
export function setSessionPriority(pid: number, priority: number): void {
  untold.delete(pid);
  try {
    const group = autogroupOf(pid);
    if (group.name === autogroupOf('self').name || group.priority === priority) return;
    writeFileSync(`/proc/${pid}/autogroup`, String(priority));
  } catch (error) {
    // Whatever else it is, the process is gone, or not ours, or the kernel has none of it.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    untold.set(pid, priority);
    setTimeout(() => tellAgain(pid), AGAIN_AFTER_MS).unref();
  }
}

function tellAgain(pid: number): void {
  const priority = untold.get(pid);
  if (priority !== undefined) setSessionPriority(pid, priority);
}

/** "/autogroup-25 nice 0"; nothing, hence no name, of a process that no setsid(2) parted from the machine's first. */
function autogroupOf(pid: number | 'self'): { readonly name: string; readonly priority: number } {
  const [name, , priority] = readFileSync(`/proc/${pid}/autogroup`, 'latin1').trim().split(' ');
  return { name: name!, priority: Number(priority) };
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
