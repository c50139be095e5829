/** `headway run`: checks what can be checked before anything starts, then supervises engine and control. */
import { printProblem } from '../check/print.ts';
import type { Terminal } from '../check/terminal.ts';
import { ok, type Result } from '../kit/result.ts';
import { EXIT, type ExitCode } from '../model/exit.ts';
import type { Problem } from '../model/problem.ts';
import type { ControlConfig } from './control-config.ts';
import { layOutDataFolder } from './data-folders.ts';
import { enginesOf, portProblem, sweepSurplus } from './engines.ts';
import { runOptions, type RunFlags, type RunOptions } from './run-options.ts';
import { exitCodeOf } from './start-failure.ts';
import { sweepLeftCells } from './left-cells.ts';
import { CONTROL_STOP, ENGINE_STOP, supervise, type ChildSpec } from './supervisor.ts';
import { VERSION } from './version.ts';

/** Cells and engine must not be open to a debugger by a signal, and need nothing that is experimental to be said twice. */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'];
/**
 * Buffers count as external memory, and V8 marks and sweeps the whole heap for every 64 MB of them: 25 times a second where
 * bodies pass through. A heap that may be this large from the start is left to scavenges, which free them as well (ADR 0144).
 */
const ENGINE_NODE_FLAGS = [...NODE_FLAGS, '--initial-heap-size=128'];

export async function runCommand(flags: RunFlags, terminal: Terminal): Promise<ExitCode> {
  const options = runOptions(flags);
  if (!options.ok) {
    for (const problem of options.error) printProblem(terminal, problem);
    return options.error.every(({ code }) => code === 'HW5012') ? EXIT.Broken : EXIT.ConfigInvalid;
  }
  const specs = childrenOf(options.value);
  if (!specs.ok) {
    printProblem(terminal, specs.error);
    return exitCodeOf(specs.error);
  }
  const taken = options.value.engines > 1 ? await portProblem(options.value.listen) : undefined;
  if (taken) {
    printProblem(terminal, taken);
    return EXIT.PortInUse;
  }
  await sweepSurplus(options.value);
  const supervisor = supervise(specs.value, (line) => terminal.err(`headway: ${line}\n`));
  stopOnSignals(() => supervisor.stop());
  return (await supervisor.ended) as ExitCode;
}

/** What `headway run` itself has no use for. */
export interface ChildrenSettings {
  /** An open file for what they say; absent: the terminal. */
  readonly outputDescriptor?: number;
  readonly skips?: string;
}

/** Control and engines for these options; control is stopped first. */
export function childrenOf(
  options: RunOptions,
  { outputDescriptor, skips }: ChildrenSettings = {},
): Result<readonly ChildSpec[], Problem> {
  const folders = layOutDataFolder(options.data);
  if (!folders.ok) return folders;
  const control: ControlConfig = {
    version: VERSION,
    options,
    folders: folders.value,
    ...(skips === undefined ? {} : { skips }),
  };
  const output = outputDescriptor === undefined ? {} : { outputDescriptor };
  return ok([
    { name: 'control', entry: 'control.ts', config: control, nodeFlags: NODE_FLAGS, ...CONTROL_STOP, ...output },
    ...enginesOf(options, folders.value).map(({ name, config, runFolder }): ChildSpec => ({
      name,
      entry: 'engine.ts',
      config,
      nodeFlags: ENGINE_NODE_FLAGS,
      // It meets what visitors and guests send: what stands in ours, secrets among it, is not its business.
      env: {},
      ...ENGINE_STOP,
      ...output,
      afterExit: () => sweepLeftCells(runFolder),
    })),
  ]);
}

/** The first signal ends everything in order; a second one does not wait. */
export function stopOnSignals(end: () => Promise<void>): void {
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(EXIT.Broken);
    asked = true;
    void end();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', stop);
}
