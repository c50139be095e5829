/** What the demo and the tour begin with: a seeded repository and the runtime following it. */
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { printProblem } from '../../check/print.ts';
import { fetchStatus } from '../../check/status-client.ts';
import type { Terminal } from '../../check/terminal.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { EXIT, type ExitCode } from '../../model/exit.ts';
import type { Status } from '../../model/status.ts';
import { childrenOf } from '../run.ts';
import { printedAddress, runOptions, type RunFlags, type RunOptions } from '../run-options.ts';
import { exitCodeOf } from '../start-failure.ts';
import { supervise, type Supervisor } from '../supervisor.ts';
import { demoFolders, seedDemo, type DemoFolders } from './seed.ts';

const READY_POLL_MS = 100;
const READY_DEADLINE_MS = 60_000;
const SAID_LINES = 12;

export interface Launched {
  readonly folders: DemoFolders;
  readonly options: RunOptions;
  readonly statusUrl: string;
  readonly supervisor: Supervisor;
}

/** Below `root`, where everything of it lies. What is wrong has been printed where an exit code comes back. */
export async function launch(root: string, flags: RunFlags, terminal: Terminal): Promise<Result<Launched, ExitCode>> {
  const folders = demoFolders(path.resolve(root));
  const parsed = runOptions({ ...flags, repo: folders.bare, data: folders.data });
  if (!parsed.ok) {
    for (const problem of parsed.error) printProblem(terminal, problem);
    return err(EXIT.Broken);
  }
  const options: RunOptions = { ...parsed.value, webhook: { secret: { type: 'file', path: folders.webhookSecret } } };
  const statusUrl = `http://${printedAddress(options.status)}`;
  mkdirSync(folders.root, { recursive: true });
  const seeded = await seedDemo(folders, statusUrl);
  const runtime = childrenOf(options, { outputDescriptor: openSync(folders.log, 'a') });
  if (!runtime.ok) {
    printProblem(terminal, runtime.error);
    return err(exitCodeOf(runtime.error));
  }
  terminal.out(`${seeded ? 'seeded' : 'resuming'} ${shown(folders.root)}, starting …\n`);
  const supervisor = supervise(runtime.value, (line) => terminal.err(`headway: ${line}\n`));
  return ok({ folders, options, statusUrl, supervisor });
}

/** The first status in which every entry has something that serves, or the last one before the deadline. */
export async function becomesReady({ statusUrl }: Launched, signal: AbortSignal): Promise<Status | undefined> {
  const deadline = performance.now() + READY_DEADLINE_MS;
  let last: Status | undefined;
  while (performance.now() < deadline && !signal.aborted) {
    const answer = await fetchStatus(statusUrl);
    if (answer.ok) last = answer.value;
    if (last?.ready && last.entries.length > 0 && last.entries.every(({ serving }) => serving)) return last;
    await sleep(READY_POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return last;
}

/** The last words of the children to a person: lines that the log mixes with its JSON. */
export function said(folders: DemoFolders): string {
  const lines = readFileSync(folders.log, 'utf8').split('\n');
  const words = lines.filter((line) => line.startsWith('headway: ') || line.startsWith('  fix: '));
  return `${words.slice(-SAID_LINES).join('\n')}\nheadway: the log is ${shown(folders.log)}\n`;
}

export function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
