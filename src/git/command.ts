/**
 * The only place where git is started.
 *
 * 1. Arguments are fixed templates: what comes from outside is a hex object id, a name that `check-ref-format` has
 *    passed and that starts with `refs/`, or stands behind a `--` or a colon. The address stands in the mirror's
 *    configuration.
 * 2. Whatever is started has a deadline and a cap on what it may print, and is dead when the promise resolves. What stays
 *    open between readings (`kept.ts`) has them for each.
 * 3. Reading commands go through simple-git. Those that talk to a server, and `cat-file --batch`, are spawned here: for
 *    the first simple-git can only interrupt git itself and not the helpers that it started (no process group), and for
 *    the second it collects everything before anybody could say that it is too much.
 */
import { spawn } from 'node:child_process';
import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { simpleGit } from 'simple-git';
import type { Environment } from './environment.ts';

/** Why a command was stopped before its end, or did not start. */
export type Stop = 'Deadline' | 'OutputTooLarge' | 'Refused' | 'Closed' | 'GitMissing';

export interface Ended {
  /** -1 where it never ran or was stopped. */
  readonly exitCode: number;
  readonly stderr: string;
  readonly stop?: Stop;
}

export interface ReadEnded extends Ended {
  readonly stdout: string;
}

export interface ReadLimits {
  readonly outputBytes: number;
  readonly deadlineMs: number;
}

export interface OwnedRun {
  readonly args: readonly string[];
  /** Beside the command's own environment; holds the credentials of a run that needs them. */
  readonly environment?: Environment;
  readonly input?: string;
  readonly deadlineMs: number;
  /** Each piece of the output; `false` stops the command. */
  onOutput(chunk: Buffer): boolean;
  /** Asked every `WATCH_PERIOD_MS`; `false` stops the command. */
  readonly watch?: () => Promise<boolean>;
}

/** A command whose input stays open until it is finished or stopped. */
export interface Started {
  write(text: string): void;
  finish(): void;
  stop(why: Stop): void;
  /** Whether this process stays for it. */
  hold(isHeld: boolean): void;
  readonly ended: Promise<Ended>;
}

const MAX_STDERR_BYTES = 64 * 2 ** 10;
const WATCH_PERIOD_MS = 200;

/** Of one mirror: the folder, the environment, and what runs at the moment. */
export class GitCommand {
  readonly #folder: string;
  readonly #environment: Environment;
  readonly #running = new Set<(stop: Stop) => void>();
  #closed = false;

  constructor(folder: string, environment: Environment) {
    this.#folder = folder;
    this.#environment = environment;
  }

  /** Stops everything that runs; nothing starts any more. */
  close(): void {
    this.#closed = true;
    for (const stop of this.#running) stop('Closed');
  }

  /** Runs a command that reads the mirror and prints UTF-8 text. */
  async read(args: readonly string[], limits: ReadLimits): Promise<ReadEnded> {
    if (this.#closed) return { exitCode: -1, stdout: '', stderr: '', stop: 'Closed' };
    const abort = new AbortController();
    let stopped: Stop | undefined;
    const stop = (why: Stop): void => {
      stopped ??= why;
      abort.abort();
    };
    let exitCode = -1;
    let stderr = '';
    let printed = 0;
    const git = simpleGit({
      baseDir: this.#folder,
      abort: abort.signal,
      allowEnvironment: Object.keys(this.#environment),
      // Named because our hardening is what simple-git takes for an attack: GIT_CONFIG_GLOBAL=/dev/null.
      unsafe: { allowUnsafeConfigPaths: true },
      // simple-git takes a silent exit 1 for a success; here every exit code is an answer and the caller reads it.
      errors: (error, result) => {
        exitCode = result.exitCode;
        stderr = Buffer.concat(result.stdErr).toString('utf8', 0, MAX_STDERR_BYTES);
        return stopped && error instanceof Error ? error : undefined;
      },
    })
      .env({ ...this.#environment })
      .outputHandler((_command, stdout, stderrStream) => {
        const count = (chunk: Buffer): void => {
          printed += chunk.length;
          if (printed > limits.outputBytes) stop('OutputTooLarge');
        };
        stdout.on('data', count);
        stderrStream.on('data', count);
      });
    const deadline = setTimeout(() => stop('Deadline'), limits.deadlineMs);
    this.#running.add(stop);
    try {
      const stdout = await git.raw([...args]);
      if (stopped) return { exitCode: -1, stdout: '', stderr, stop: stopped };
      if (exitCode < 0 && /\b(ENOENT|EACCES)\b/.test(stderr))
        return { exitCode, stdout: '', stderr: '', stop: 'GitMissing' };
      return { exitCode, stdout, stderr };
    } catch (error) {
      if (stopped) return { exitCode: -1, stdout: '', stderr, stop: stopped };
      return { exitCode: -1, stdout: '', stderr: String(error), stop: 'Refused' };
    } finally {
      clearTimeout(deadline);
      this.#running.delete(stop);
    }
  }

  /** Runs a command as the head of its own process group, so that stopping it stops its helpers too. */
  async own(run: OwnedRun): Promise<Ended> {
    const started = this.start(run);
    const deadline = setTimeout(() => started.stop('Deadline'), run.deadlineMs);
    const watcher = run.watch && startWatch(run.watch, () => started.stop('OutputTooLarge'));
    if (run.input !== undefined) started.write(run.input);
    started.finish();
    try {
      return await started.ended;
    } finally {
      clearTimeout(deadline);
      watcher?.stop();
    }
  }

  /** The same without an end of its own: whoever starts it bounds it. */
  start(run: Pick<OwnedRun, 'args' | 'environment' | 'onOutput'>): Started {
    if (this.#closed) return CLOSED;
    const child = spawn('git', [...run.args], {
      cwd: this.#folder,
      env: { ...this.#environment, ...run.environment },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stopped: Stop | undefined;
    const stop = (why: Stop): void => {
      if (stopped) return;
      stopped = why;
      killGroup(child.pid);
    };
    this.#running.add(stop);
    const ended = new Promise<Ended>((resolve) => {
      let stderr = '';
      const end = (how: Ended): void => {
        this.#running.delete(stop);
        resolve(how);
      };
      child.stdout.on('data', (chunk: Buffer) => {
        if (!stopped && !run.onOutput(chunk)) stop('OutputTooLarge');
      });
      child.stderr.setEncoding('utf8');
      child.stderr.on('data', (text: string) => {
        if (stderr.length < MAX_STDERR_BYTES) stderr = (stderr + text).slice(0, MAX_STDERR_BYTES);
      });
      // git may leave before it has read all of its input; its exit code tells the rest.
      child.stdin.on('error', () => undefined);
      child.on('error', (error: NodeJS.ErrnoException) => {
        // EACCES: what stands under the name on the PATH is a folder, or may not be run.
        const missing = error.code === 'ENOENT' || error.code === 'EACCES';
        end({ exitCode: -1, stderr: missing ? '' : error.message, stop: missing ? 'GitMissing' : 'Refused' });
      });
      // A helper that outlives git would hold the pipes open and go on writing into the mirror.
      child.on('exit', () => killGroup(child.pid));
      child.on('close', (code) => {
        end(stopped ? { exitCode: -1, stderr, stop: stopped } : { exitCode: code ?? -1, stderr });
      });
    });
    return {
      write: (text) => void child.stdin.write(text),
      finish: () => void child.stdin.end(),
      stop,
      hold(isHeld) {
        // The pipes of a child are sockets.
        const handles = [child, child.stdin, child.stdout, child.stderr] as unknown as readonly (typeof child)[];
        for (const handle of handles) handle[isHeld ? 'ref' : 'unref']();
      },
      ended,
    };
  }
}

const CLOSED: Started = {
  write: () => undefined,
  finish: () => undefined,
  stop: () => undefined,
  hold: () => undefined,
  ended: Promise.resolve({ exitCode: -1, stderr: '', stop: 'Closed' }),
};

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: nobody is left in the group, which is what we want.
  }
}

/** Asks again only after the last answer, so that a slow disk is never asked twice at once. */
function startWatch(ask: () => Promise<boolean>, onRefusal: () => void): { stop(): void } {
  const stopping = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(WATCH_PERIOD_MS, undefined, { signal: stopping.signal });
      if (!(await ask()) && !stopping.signal.aborted) return onRefusal();
    }
  };
  // Rejects when it is stopped in its sleep; a question that fails (a file went away) ends the watch, not the run.
  watch().catch(() => undefined);
  return { stop: () => stopping.abort() };
}
