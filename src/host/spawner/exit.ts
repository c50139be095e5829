import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import type { CellExit } from './messages.ts';

const MAX_STDERR_BYTES = 4_096;
/** bubblewrap and shells pass on a child's signal as 128 and its number. */
const SIGNAL_EXIT_BASE = 128;

/** How the process ended, with the last of what it said on standard error. Resolves once, when its pipes are closed too. */
export function exitOf(child: ChildProcess): Promise<CellExit> {
  let stderr = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr = (stderr + bytes.toString('latin1')).slice(-MAX_STDERR_BYTES);
  });
  child.stderr?.on('error', () => undefined);
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, stderr: error.message }));
    child.once('close', (code, signal) => {
      const inner = code !== null && code > SIGNAL_EXIT_BASE ? signalName(code - SIGNAL_EXIT_BASE) : undefined;
      resolve({ code: inner ? null : code, signal: inner ?? signal, stderr: stderr.trim() });
    });
  });
}

export function describeExit(exit: CellExit): string {
  const how = exit.signal ?? (exit.code === null ? 'an error' : `exit code ${exit.code}`);
  return exit.stderr === '' ? `the process ended with ${how}` : `the process ended with ${how}: ${exit.stderr}`;
}

function signalName(number: number): string | undefined {
  return Object.entries(os.constants.signals).find(([, value]) => value === number)?.[0];
}
