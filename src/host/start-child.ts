import type { ChildProcess } from 'node:child_process';
import type { Logger } from 'pino';

export interface ChildToStart {
  readonly fork: () => ChildProcess;
  /** `the broker`: how the log names it. */
  readonly name: string;
  readonly log: Logger;
  /** Called once it has ended, and where it never was: the system had no room for it. */
  readonly onExit: (child: ChildProcess, code: number | null, signal: NodeJS.Signals | null) => void;
}

/** Starts a helper process. Absent: it could not be, and that is logged. */
export function startChild({ fork, name, log, onExit }: ChildToStart): ChildProcess | undefined {
  let child: ChildProcess;
  try {
    child = fork();
  } catch (error) {
    log.error({ err: error }, `${name} could not be started`);
    return undefined;
  }
  child.on('error', (error) => {
    log.error({ err: error }, `${name} could not be reached`);
    // One that never was has no exit.
    if (child.pid === undefined) onExit(child, null, null);
  });
  child.once('exit', (code, signal) => onExit(child, code, signal));
  return child;
}
