import { fork, type ChildProcess } from 'node:child_process';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { Parsed } from '../manifest/parsed.ts';
import type { ManifestFile } from '../reconcile/ports.ts';

export interface ParseRequest {
  readonly id: number;
  readonly files: readonly ManifestFile[];
}

/** Id 0: the child is ready. */
export interface ParseReply {
  readonly id: number;
  /** One for each file, in their order. */
  readonly parsed: readonly Parsed[];
}

/** Parsed, or why the child is of no use any more. */
export type ParseOutcome = Result<readonly Parsed[], string>;

/** One disposable child. It does one job at a time; whoever holds it kills it when a job came to nothing. */
export class ParseProcess {
  jobs = 0;
  readonly #process: ChildProcess;
  readonly #started = new Deferred<Result<void, string>>();
  #job: { readonly id: number; readonly done: Deferred<ParseOutcome> } | undefined;

  constructor(entry: string, maxHeapMb: number) {
    this.#process = fork(entry, [], {
      execArgv: [`--max-old-space-size=${maxHeapMb}`, '--disable-sigusr1'],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#process.on('message', (message) => this.#receive(message as ParseReply));
    this.#process.on('error', (error) => this.#end(error.message));
    this.#process.on('exit', (code, signal) =>
      this.#end(signal ? `it ended by ${signal}` : `it ended with code ${code}`),
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  ready(deadlineMs: number): Promise<Result<void, string>> {
    return withDeadline(this.#started.promise, deadlineMs, () => err(`it was not ready within ${deadlineMs} ms`));
  }

  /** Never rejects. */
  run(files: readonly ManifestFile[], deadlineMs: number): Promise<ParseOutcome> {
    this.jobs += 1;
    const job = { id: this.jobs, done: new Deferred<ParseOutcome>() };
    this.#job = job;
    this.#process.send({ id: job.id, files } satisfies ParseRequest, (error) => {
      if (error) job.done.resolve(err(error.message));
    });
    return withDeadline(job.done.promise, deadlineMs, () => err(`it took more than ${deadlineMs} ms`));
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #receive(reply: ParseReply): void {
    if (reply.id === 0) this.#started.resolve(ok(undefined));
    else if (reply.id === this.#job?.id) this.#job.done.resolve(ok(reply.parsed));
  }

  #end(why: string): void {
    this.#started.resolve(err(why));
    this.#job?.done.resolve(err(why));
  }
}

async function withDeadline<T>(promise: Promise<T>, deadlineMs: number, late: () => T): Promise<T> {
  const overrun = new Deferred<T>();
  const timer = setTimeout(() => overrun.resolve(late()), deadlineMs);
  try {
    return await Promise.race([promise, overrun.promise]);
  } finally {
    clearTimeout(timer);
  }
}
