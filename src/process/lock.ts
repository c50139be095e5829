/** `headway lock <dir>` with the reader of registries behind it. */
import { createResolver } from '../artifact/resolve.ts';
import { folderSource } from '../check/lint/folder.ts';
import { exitOfLock, lock, printLock, type LockExit, type LockOptions } from '../check/lock/lock.ts';
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { EXIT } from '../model/exit.ts';
import { serversOf, type ServerFlags } from './servers.ts';

export interface LockFlags extends LockOptions, ServerFlags {
  readonly dir: string;
}

export async function lockCommand(flags: LockFlags, terminal: Terminal): Promise<LockExit> {
  const servers = serversOf(flags);
  if (!servers.ok) {
    for (const one of servers.error) printProblem(terminal, one);
    return EXIT.Broken;
  }
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const digestOf = createResolver({ ...servers.value, signal: stop.signal });
  const report = await lock({ source: folderSource(flags.dir), digestOf }, flags);
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  for (const one of report.problems) printProblem(terminal, one);
  terminal.out(printLock(report, flags));
  return exitOfLock(report, flags);
}
