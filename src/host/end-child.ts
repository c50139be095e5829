import type { ChildProcess } from 'node:child_process';

/** Ends a helper process that takes the end of its channel as the end: resolves when it is gone, killed if it must be. */
export async function endChild(child: ChildProcess, deadlineMs: number): Promise<void> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  await ended;
  clearTimeout(timer);
}
