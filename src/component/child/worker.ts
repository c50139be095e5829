import { execFile, fork, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { Deferred } from '../../kit/deferred.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import type { Problem } from '../../model/problem.ts';
import { printable } from '../binary/names.ts';
import type { Job, Prepared } from '../job.ts';
import { isFromChild, type ToChild } from './protocol.ts';

export interface WorkerLimits {
  /** Of one job, wall clock. */
  readonly deadlineMs: number;
  /** From start until it is warm. */
  readonly startDeadlineMs: number;
  /** Rounds over the warm-up component before the first job: 1 to 6 take a job from 240 to 75 ms, and 0.6 to 1.2 s. */
  readonly warmUpRounds: number;
  /** Of its JavaScript heap, in MiB. */
  readonly heapMiB: number;
  /** Of everything that it may write to beyond what it has when it is warm (RLIMIT_DATA), where Linux and `prlimit` are. */
  readonly growthBytes: number;
}

/** Why a worker is no more. `NotStarted` and `Stopped` say nothing about a component; the others are counted against it. */
export type Death =
  | { readonly type: 'NotStarted' | 'Died' | 'Stopped'; readonly how: string }
  | { readonly type: 'Overran' };

const ENTRY = fileURLToPath(import.meta.resolve('./main.ts'));
/** The last words of a child that are kept for the log. */
const MAX_LAST_WORDS = 2_000;

/**
 * One child process and what it is doing. It has no environment, may read the program's own files and nothing else, may start
 * nothing and reach no network; it is killed by its own pid and only through this object.
 */
export class Worker {
  readonly warm: Promise<Result<void, Death>>;
  /** The tenant whose component it has seen: it works for no other. */
  tenant: string | undefined;
  jobs = 0;
  readonly #child: ChildProcess;
  readonly #limits: WorkerLimits;
  readonly #log: Logger;
  readonly #warm = new Deferred<Result<void, Death>>();
  #answer: Deferred<Result<Result<Prepared, Problem>, Death>> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #death: Death | undefined;
  #lastWords = '';

  constructor(limits: WorkerLimits, log: Logger) {
    this.#limits = limits;
    this.warm = this.#warm.promise;
    this.#child = fork(ENTRY, [String(limits.warmUpRounds)], {
      env: {},
      execArgv: flags(limits),
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.on('message', (message) => this.#heard(message));
    this.#child.on('error', (error) => this.#ended({ type: 'Died', how: error.message }));
    this.#child.on('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      this.#ended(this.#death ?? { type: 'Died', how: `${how}${lastLine(this.#lastWords)}` });
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-MAX_LAST_WORDS);
    });
    this.#log = log;
    this.#arm(limits.startDeadlineMs);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#death === undefined;
  }

  /** Gives it a job; it must be warm and idle. The outer result is about the child, the inner one about the component. */
  run(job: Job): Promise<Result<Result<Prepared, Problem>, Death>> {
    if (this.#death) return Promise.resolve(err(this.#death));
    if (this.#answer) throw new Error('a worker takes one job at a time');
    const answer = new Deferred<Result<Result<Prepared, Problem>, Death>>();
    this.#answer = answer;
    this.jobs += 1;
    this.#arm(this.#limits.deadlineMs);
    const message: ToChild = { type: 'job', job };
    this.#child.send(message, (error) => {
      if (error) this.#ended({ type: 'Died', how: error.message });
    });
    return answer.promise;
  }

  stop(): void {
    this.#ended({ type: 'Stopped', how: 'the daemon stops' });
  }

  #heard(message: unknown): void {
    if (!isFromChild(message)) return this.#ended({ type: 'Died', how: 'it answered something else' });
    clearTimeout(this.#timer);
    if (message.type === 'warm') return void this.#limit();
    this.#answer?.resolve(ok(message.result));
    this.#answer = undefined;
  }

  #arm(deadlineMs: number): void {
    this.#timer = setTimeout(() => this.#ended({ type: 'Overran' }), deadlineMs);
    // Waiting for a child to warm up keeps no daemon alive.
    this.#timer.unref();
  }

  #ended(death: Death): void {
    clearTimeout(this.#timer);
    this.#death ??= death;
    this.#child.kill('SIGKILL');
    // Before it is warm it has seen no component.
    if (!this.#warm.settled) this.#warm.resolve(err({ type: 'NotStarted', how: howOf(this.#death) }));
    this.#answer?.resolve(err(this.#death));
    this.#answer = undefined;
  }

  /** Caps what the process may grow by from here: V8 reserves over a gigabyte that it never uses, so no absolute cap fits. */
  async #limit(): Promise<void> {
    const reason = await limitGrowth(this.#child.pid, this.#limits.growthBytes);
    if (reason !== undefined) this.#log.debug({ pid: this.pid, reason }, 'no memory limit for a preparing child');
    if (!this.#warm.settled) this.#warm.resolve(ok(undefined));
  }
}

function howOf(death: Death): string {
  return death.type === 'Overran' ? 'it took too long' : death.how;
}

/** Sets the resource limits of a child; says why where it could not. */
async function limitGrowth(pid: number | undefined, growthBytes: number): Promise<string | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const usedBytes = Number(/^VmData:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1024;
    const limits = [`--data=${usedBytes + growthBytes}`, '--core=0', '--fsize=0'];
    await promisify(execFile)('prlimit', ['--pid', String(pid), ...limits]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function flags({ heapMiB }: WorkerLimits): string[] {
  return [
    '--permission',
    ...readableFolders().map((folder) => `--allow-fs-read=${folder}${path.sep}*`),
    // The WASI shim under the transpiler starts a thread when it is loaded; the thread is held by the same permissions.
    '--allow-worker',
    '--disallow-code-generation-from-strings',
    '--no-addons',
    '--no-warnings',
    `--max-old-space-size=${heapMiB}`,
    // Young garbage is kept small: it stays resident in a child that waits.
    '--max-semi-space-size=8',
  ];
}

/** The program and the packages that it imports, wherever they were installed. */
function readableFolders(): string[] {
  const source = path.resolve(import.meta.dirname, '..', '..');
  const jco = fileURLToPath(import.meta.resolve('@bytecodealliance/jco-transpile/component'));
  const marker = `${path.sep}node_modules${path.sep}`;
  return [source, jco.slice(0, jco.lastIndexOf(marker) + marker.length - 1)];
}

/** What a child says about its end, as far as one line can tell. */
function lastLine(words: string): string {
  const line = words.split('\n').findLast((item) => /error|panicked/i.test(item));
  return line === undefined ? '' : `: ${printable(line.trim())}`;
}
