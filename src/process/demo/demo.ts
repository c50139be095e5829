/** `npm start`: a repository to edit, the runtime following it, a visitor, and three things to try. */
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { printProblem } from '../../check/print.ts';
import { fetchStatus } from '../../check/status-client.ts';
import type { Terminal } from '../../check/terminal.ts';
import { EXIT, type ExitCode } from '../../model/exit.ts';
import type { Status } from '../../model/status.ts';
import { childrenOf, stopOnSignals } from '../run.ts';
import { printedAddress, runOptions, type RunFlags, type RunOptions } from '../run-options.ts';
import { exitCodeOf } from '../start-failure.ts';
import { supervise, type ChildSpec, type Supervisor } from '../supervisor.ts';
import { demoFolders, seedDemo, type DemoFolders } from './seed.ts';

const DEFAULT_ROOT = '.headway';
const VISITOR_REQUESTS_PER_SECOND = 100;
const READY_POLL_MS = 100;
const READY_DEADLINE_MS = 60_000;
const SAID_LINES = 12;

export async function demoCommand(flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const folders = demoFolders(path.resolve(typeof flags['data'] === 'string' ? flags['data'] : DEFAULT_ROOT));
  const parsed = runOptions({ ...flags, repo: folders.bare, data: folders.data });
  if (!parsed.ok) {
    for (const problem of parsed.error) printProblem(terminal, problem);
    return EXIT.Broken;
  }
  const options: RunOptions = { ...parsed.value, webhook: { secret: { type: 'file', path: folders.webhookSecret } } };
  const statusUrl = `http://${printedAddress(options.status)}`;
  mkdirSync(folders.root, { recursive: true });
  const seeded = await seedDemo(folders, statusUrl);
  const output = openSync(folders.log, 'a');
  const runtime = childrenOf(options, output);
  if (!runtime.ok) {
    printProblem(terminal, runtime.error);
    return exitCodeOf(runtime.error);
  }
  const visitor: ChildSpec = {
    name: 'visitor',
    entry: 'demo/visitor.ts',
    config: { url: `http://${printedAddress(options.listen)}/`, requestsPerSecond: VISITOR_REQUESTS_PER_SECOND },
  };
  terminal.out(`${seeded ? 'seeded' : 'resuming'} ${shown(folders.root)}, starting …\n`);
  const supervisor = supervise(runtime.value, (line) => terminal.err(`headway: ${line}\n`));
  let guests: Supervisor | undefined;
  // The visitor goes first: what it would still ask for while the engine drains could only be refused.
  stopOnSignals(async () => {
    await guests?.stop();
    await supervisor.stop();
  });
  const ending = new AbortController();
  const ended = supervisor.ended.finally(() => ending.abort());
  const ready = await becomesReady(statusUrl, ending.signal);
  if (!ready && ending.signal.aborted) {
    terminal.err(said(folders));
    return (await ended) as ExitCode;
  }
  terminal.out(banner(folders, options, ready));
  if (flags['no-visitor'] !== true && !ending.signal.aborted) guests = supervise([visitor], () => undefined);
  const code = await ended;
  await guests?.stop();
  if (code !== EXIT.Ok) terminal.err(said(folders));
  return code as ExitCode;
}

/** The first status in which every entry has something that serves, or the last one before the deadline. */
async function becomesReady(statusUrl: string, signal: AbortSignal): Promise<Status | undefined> {
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

function banner(folders: DemoFolders, options: RunOptions, status: Status | undefined): string {
  const serving = status?.entries.filter((entry) => entry.serving).length ?? 0;
  const work = shown(folders.work);
  return `
Headway follows ${shown(folders.bare)}, branch ${options.repository.ref}: ${serving} of ${status?.entries.length ?? 0} components serve.

  traffic   http://${printedAddress(options.listen)}
  look at   http://${printedAddress(options.status)}
  log       ${shown(folders.log)}

Three things to try it with, in another terminal:

  cd ${work}
  sed -i 's/greeting-v1.wasm/greeting-v2.wasm/' demo/greeting.yaml && git commit -qam 'Greet better' && git push -q
  sed -i 's/greeting-v2.wasm/greeting-flaky.wasm/' demo/greeting.yaml && git commit -qam 'Break it' && git push -q
  git revert --no-edit HEAD && git push -q

Ctrl+C ends it; the next start resumes.

`;
}

/** The last words of the children to a person: lines that the log mixes with its JSON. */
function said(folders: DemoFolders): string {
  const lines = readFileSync(folders.log, 'utf8').split('\n');
  const words = lines.filter((line) => line.startsWith('headway: ') || line.startsWith('  fix: '));
  return `${words.slice(-SAID_LINES).join('\n')}\nheadway: the log is ${shown(folders.log)}\n`;
}

function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}
