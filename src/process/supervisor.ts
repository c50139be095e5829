/**
 * The supervisor: starts the engines and control, starts each again when it dies, and ends them in order. It holds no
 * state of the domain and talks to nobody, so there is nothing in it that could fail with a poison commit.
 *
 * Invariants
 * S1 The death of one child never ends the other: the engine serves its last snapshot while control is away.
 * S2 A child gets its configuration as one line on its standard input (nothing in argv or the environment that `ps`
 *    would show), and takes the end of that pipe as "the supervisor is gone": no orphans hold the port.
 * S3 An exit code that a restart cannot mend (`isFinal`) ends everything with that code.
 * S4 What a child leaves behind when it ends, however that was, is cleared away before it is started again and before the
 *    supervisor ends (`afterExit`).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { Deferred } from '../kit/deferred.ts';
import { EXIT, isFinal } from '../model/exit.ts';

const RESTART_BACKOFF_INITIAL_MS = 50;
const RESTART_BACKOFF_MAX_MS = 5_000;
/** A child that lived this long starts over with the shortest back-off. */
const STABLE_AFTER_MS = 10_000;
const STOP_CONTROL_DEADLINE_MS = 10_000;
const STOP_ENGINE_DEADLINE_MS = 40_000;
const STOP_OTHER_DEADLINE_MS = 2_000;

export interface ChildSpec {
  readonly name: string;
  /** Entry file, relative to `src/process/`. */
  readonly entry: string;
  /** One JSON value, written as the first line of the child's standard input. */
  readonly config: unknown;
  readonly nodeFlags?: readonly string[];
  /** Its whole environment; absent: ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** An open file for both of its outputs; absent: the terminal's. */
  readonly outputDescriptor?: number;
  readonly stopDeadlineMs?: number;
  /** Neighbours of one stage are stopped together. Absent: each by itself. */
  readonly stopStage?: string;
  /** Runs after each end of the child, before it is started again. What it fails by is said and stops nothing. */
  readonly afterExit?: () => Promise<void>;
}

export interface Supervisor {
  /** Resolves when everything has ended, with the exit code to end with. */
  readonly ended: Promise<number>;
  /** Process ids of the children that run now, by name. */
  pids(): Readonly<Record<string, number | undefined>>;
  /** Ends the children in the order of the list, each within its deadline, then resolves `ended`. */
  stop(): Promise<void>;
}

export const CONTROL_STOP = { stopDeadlineMs: STOP_CONTROL_DEADLINE_MS } as const;
export const ENGINE_STOP = { stopDeadlineMs: STOP_ENGINE_DEADLINE_MS, stopStage: 'engines' } as const;

/** Starts the children in the order given; `stop` ends them in the same order: who decides first, who serves last. */
export function supervise(specs: readonly ChildSpec[], say: (line: string) => void): Supervisor {
  const ended = new Deferred<number>();
  let stopping: Promise<void> | undefined;
  const children = specs.map((spec) => superviseOne(spec, say, (code) => void stop(code)));

  function stop(code: number): Promise<void> {
    stopping ??= (async () => {
      for (const stage of stagesOf(specs)) await Promise.all(stage.map((index) => children[index]!.stop()));
      ended.resolve(code);
    })();
    return stopping;
  }

  return {
    ended: ended.promise,
    pids: () => Object.fromEntries(children.map((child) => [child.name, child.pid()])),
    stop: () => stop(EXIT.Ok),
  };
}

/** Positions in the list, by who is stopped together. */
function stagesOf(specs: readonly ChildSpec[]): readonly (readonly number[])[] {
  const stages: number[][] = [];
  specs.forEach(({ stopStage }, index) => {
    const isBeside = stopStage !== undefined && specs[index - 1]?.stopStage === stopStage;
    if (isBeside) stages.at(-1)!.push(index);
    else stages.push([index]);
  });
  return stages;
}

function superviseOne(spec: ChildSpec, say: (line: string) => void, final: (code: number) => void) {
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let backoffMs = RESTART_BACKOFF_INITIAL_MS;
  let stopped = false;
  /** Of the last end. */
  let cleared: Promise<void> = Promise.resolve();
  start();

  function start(): void {
    const startedMs = performance.now();
    const startAgain = (what: string): void => {
      if (stopped) return;
      if (performance.now() - startedMs > STABLE_AFTER_MS) backoffMs = RESTART_BACKOFF_INITIAL_MS;
      say(`${spec.name} ${what}; starting it again in ${backoffMs} ms`);
      restart = setTimeout(() => void cleared.then(() => stopped || start()), backoffMs);
      backoffMs = Math.min(backoffMs * 2, RESTART_BACKOFF_MAX_MS);
    };
    let process_: ChildProcess;
    try {
      process_ = spawn(process.execPath, [...(spec.nodeFlags ?? []), path.join(import.meta.dirname, spec.entry)], {
        stdio: ['pipe', spec.outputDescriptor ?? 'inherit', spec.outputDescriptor ?? 'inherit'],
        ...(spec.env === undefined ? {} : { env: spec.env }),
      });
    } catch (error) {
      return startAgain(`could not be started: ${(error as Error).message}`);
    }
    child = process_;
    // A child that dies before it has read its configuration is reported by its exit, not by the broken pipe.
    process_.stdin?.on('error', () => undefined);
    process_.stdin?.write(`${JSON.stringify(spec.config)}\n`);
    process_.on('error', (error) => {
      if (process_.pid !== undefined) return say(`${spec.name}: ${error.message}`);
      // One that never was has no exit.
      child = undefined;
      startAgain(`could not be started: ${error.message}`);
    });
    process_.on('exit', (code, signal) => {
      if (child === process_) child = undefined;
      cleared = clear();
      if (stopped) return;
      if (isFinal(code)) return final(code!);
      startAgain(`ended (${signal ?? `exit code ${code}`})`);
    });
  }

  async function stop(): Promise<void> {
    stopped = true;
    clearTimeout(restart);
    const process_ = child;
    if (!process_ || process_.exitCode !== null || process_.signalCode !== null) return cleared;
    const gone = new Promise<void>((resolve) => process_.once('exit', () => resolve()));
    process_.kill('SIGTERM');
    const kill = setTimeout(() => process_.kill('SIGKILL'), spec.stopDeadlineMs ?? STOP_OTHER_DEADLINE_MS);
    await gone;
    clearTimeout(kill);
    await cleared;
  }

  async function clear(): Promise<void> {
    try {
      await spec.afterExit?.();
    } catch (error) {
      say(`what ${spec.name} left behind could not be cleared away: ${(error as Error).message}`);
    }
  }

  return { name: spec.name, pid: () => child?.pid, stop };
}
