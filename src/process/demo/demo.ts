/** `npm start`: a repository to edit, the runtime following it, a visitor, and three things to try. */
import type { Terminal } from '../../check/terminal.ts';
import { EXIT, type ExitCode } from '../../model/exit.ts';
import type { Status } from '../../model/status.ts';
import { stopOnSignals } from '../run.ts';
import { printedAddress, type RunFlags } from '../run-options.ts';
import { supervise, type ChildSpec, type Supervisor } from '../supervisor.ts';
import { becomesReady, launch, said, shown, type Launched } from './launch.ts';
import type { VisitorConfig } from './visitor.ts';

const DEFAULT_ROOT = '.headway';
const VISITOR_REQUESTS_PER_SECOND = 100;

export async function demoCommand(flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const launched = await launch(typeof flags['data'] === 'string' ? flags['data'] : DEFAULT_ROOT, flags, terminal);
  if (!launched.ok) return launched.error;
  const { supervisor, folders, options } = launched.value;
  let guests: Supervisor | undefined;
  // The visitor goes first: what it would still ask for while the engine drains could only be refused.
  stopOnSignals(async () => {
    await guests?.stop();
    await supervisor.stop();
  });
  const ending = new AbortController();
  const ended = supervisor.ended.finally(() => ending.abort());
  const ready = await becomesReady(launched.value, ending.signal);
  if (!ready && ending.signal.aborted) {
    terminal.err(said(folders));
    return (await ended) as ExitCode;
  }
  terminal.out(banner(launched.value, ready));
  if (flags['no-visitor'] !== true && !ending.signal.aborted) {
    guests = supervise([visitor(`http://${printedAddress(options.listen)}/`)], () => undefined);
  }
  const code = await ended;
  await guests?.stop();
  if (code !== EXIT.Ok) terminal.err(said(folders));
  return code as ExitCode;
}

function visitor(url: string): ChildSpec {
  const config: VisitorConfig = { url, requestsPerSecond: VISITOR_REQUESTS_PER_SECOND, report: 'Text' };
  return { name: 'visitor', entry: 'demo/visitor.ts', config };
}

function banner({ folders, options }: Launched, status: Status | undefined): string {
  const serving = status?.entries.filter((entry) => entry.serving).length ?? 0;
  return `
Headway follows ${shown(folders.bare)}, branch ${options.roots[0]!.repository.ref}: ${serving} of ${status?.entries.length ?? 0} components serve.

  traffic   http://${printedAddress(options.listen)}
  look at   http://${printedAddress(options.status)}
  log       ${shown(folders.log)}

Three things to try it with, in another terminal:

  cd ${shown(folders.work)}
  sed -i 's/greeting-v1.wasm/greeting-v2.wasm/' demo/greeting.yaml && git commit -qam 'Greet better' && git push -q
  sed -i 's/greeting-v2.wasm/greeting-flaky.wasm/' demo/greeting.yaml && git commit -qam 'Break it' && git push -q
  git revert --no-edit HEAD && git push -q

Ctrl+C ends it; the next start resumes.

`;
}
