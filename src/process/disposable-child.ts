import { fork, type ChildProcess } from 'node:child_process';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';

export interface ToChild<Job> {
  readonly id: number;
  readonly job: Job;
}

/** Without an answer, with id 0: the child is ready. */
export interface FromChild<Answer> {
  readonly id: number;
  readonly answer?: Answer;
}

/** What the child says before its first job. */
export const READY: FromChild<never> = { id: 0 };

/** One disposable child, which reads foreign bytes. It does one job at a time; whoever holds it kills it when a job came to nothing. */
export class DisposableChild<Job, Answer> {
  jobs = 0;
  readonly #process: ChildProcess;
  readonly #started = new Deferred<Result<void, string>>();
  #job: { readonly id: number; readonly done: Deferred<Result<Answer, string>> } | undefined;

  constructor(entry: string, maxHeapMb: number) {
    this.#process = fork(entry, [], {
      execArgv: [`--max-old-space-size=${maxHeapMb}`, '--disable-sigusr1'],
      env: {},
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#process.on('message', (message) => this.#receive(message as FromChild<Answer>));
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

  /** The answer, or why the child is of no use any more. Never rejects. */
  run(work: Job, deadlineMs: number): Promise<Result<Answer, string>> {
    this.jobs += 1;
    const job = { id: this.jobs, done: new Deferred<Result<Answer, string>>() };
    this.#job = job;
    this.#process.send({ id: job.id, job: work } satisfies ToChild<Job>, (error) => {
      if (error) job.done.resolve(err(error.message));
    });
    return withDeadline(job.done.promise, deadlineMs, () => err(`it took more than ${deadlineMs} ms`));
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #receive({ id, answer }: FromChild<Answer>): void {
    if (id === READY.id) this.#started.resolve(ok(undefined));
    else if (id === this.#job?.id && answer !== undefined) this.#job.done.resolve(ok(answer));
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
