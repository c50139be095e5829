/**
 * The manifest room behind its port: `parse` in a disposable child, `assemble` here.
 *
 * Invariants
 * P1 A child is forked ahead of time and does one parse at a time; past its deadline or memory it is killed by its pid.
 * P2 Files that ended two children are refused for good without a third try, until the files are other ones.
 * P3 The end of the parent ends the child: it exits when the channel closes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Logger } from 'pino';
import { Deferred } from '../kit/deferred.ts';
import { digestOfBytes, hashOfJson } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { assemble } from '../manifest/assemble.ts';
import type { Parsed } from '../manifest/parsed.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ManifestFile, ManifestPort } from '../reconcile/ports.ts';

export const PARSE_DEADLINE_MS = 5_000;
/** From fork to the first message: loading the schemas on a machine that is busy with other things. */
const START_DEADLINE_MS = 30_000;
const MAX_HEAP_MB = 512;
/** Then it is replaced, so that nothing can pile up in it. */
const MAX_JOBS_PER_CHILD = 200;
const MAX_REMEMBERED_POISONS = 64;
/** What ends a child twice is not looked at again. */
const MAX_KILLS = 2;

export interface ParseRequest {
  readonly id: number;
  readonly files: readonly ManifestFile[];
}

/** Id 0: the child is ready. */
export interface ParseReply {
  readonly id: number;
  readonly parsed?: Parsed;
  readonly artifactPaths?: readonly string[];
}

export interface ManifestParser extends ManifestPort<Parsed> {
  /** Of the waiting child, for tests and status. */
  pid(): number | undefined;
  close(): void;
}

export interface ManifestParserOptions {
  readonly log: Logger;
  readonly deadlineMs?: number;
  readonly maxHeapMb?: number;
  /** Entry file of the child; tests bring one that misbehaves. */
  readonly entry?: string;
}

type Outcome =
  | { readonly type: 'Parsed'; readonly reply: ParseReply }
  | { readonly type: 'Died'; readonly why: string };

export function openManifestParser(options: ManifestParserOptions): ManifestParser {
  const { log, deadlineMs = PARSE_DEADLINE_MS, maxHeapMb = MAX_HEAP_MB } = options;
  const entry = options.entry ?? path.join(import.meta.dirname, 'parse-child.ts');
  const spawn = () => new ParseChild(entry, maxHeapMb);
  const poisons = new Set<string>();
  let child = spawn();
  let closed = false;
  // One parse at a time: the next caller waits for the one before.
  let turn: Promise<unknown> = Promise.resolve();

  async function parse(files: readonly ManifestFile[]): ReturnType<ManifestPort<Parsed>['parse']> {
    const content = hashOfJson(files.map((file) => [file.path, digestOfBytes(file.bytes)]));
    if (poisons.has(content)) return err(poisoned('they ended the parser before'));
    let why = '';
    for (let kills = 0; kills < MAX_KILLS; kills += 1) {
      if (closed) return err(problem('HW1009', 'the parser is closed'));
      const ready = await child.ready(START_DEADLINE_MS);
      if (!ready.ok) {
        child.kill();
        if (!closed) child = spawn();
        return err(problem('HW1009', `the parser did not start: ${ready.error}`));
      }
      const outcome = await child.run(files, deadlineMs);
      if (outcome.type === 'Parsed') {
        if (child.jobs >= MAX_JOBS_PER_CHILD) replace();
        return ok({ parsed: outcome.reply.parsed!, artifactPaths: outcome.reply.artifactPaths! });
      }
      why = outcome.why;
      log.warn({ why, kills: kills + 1, files: files.length }, 'manifests ended the parser');
      replace();
    }
    if (closed) return err(problem('HW1009', 'the parser is closed'));
    remember(poisons, content);
    return err(poisoned(why));
  }

  function replace(): void {
    child.kill();
    if (!closed) child = spawn();
  }

  return {
    parse(files) {
      const result = turn.then(() => parse(files));
      turn = result;
      return result;
    },
    assemble,
    pid: () => child.pid,
    close() {
      closed = true;
      child.kill();
    },
  };
}

function poisoned(why: string): Problem {
  return problem('HW1008', `the manifests of this commit cannot be parsed: ${why}`);
}

function remember(poisons: Set<string>, content: string): void {
  poisons.add(content);
  const [oldest] = poisons;
  if (poisons.size > MAX_REMEMBERED_POISONS) poisons.delete(oldest!);
}

class ParseChild {
  jobs = 0;
  readonly #process: ChildProcess;
  readonly #started = new Deferred<Result<void, string>>();
  #job: { readonly id: number; readonly done: Deferred<Outcome> } | undefined;

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
    return withDeadline(this.#started.promise, deadlineMs, () => err(`not ready within ${deadlineMs} ms`));
  }

  /** Never rejects; after `Died` the child is of no use. */
  run(files: readonly ManifestFile[], deadlineMs: number): Promise<Outcome> {
    this.jobs += 1;
    const job = { id: this.jobs, done: new Deferred<Outcome>() };
    this.#job = job;
    this.#process.send({ id: job.id, files } satisfies ParseRequest, (error) => {
      if (error) job.done.resolve({ type: 'Died', why: error.message });
    });
    return withDeadline(job.done.promise, deadlineMs, () => {
      return { type: 'Died', why: `it took more than ${deadlineMs} ms` } as const;
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #receive(reply: ParseReply): void {
    if (reply.id === 0) this.#started.resolve(ok(undefined));
    else if (reply.id === this.#job?.id) this.#job.done.resolve({ type: 'Parsed', reply });
  }

  #end(why: string): void {
    this.#started.resolve(err(why));
    this.#job?.done.resolve({ type: 'Died', why });
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
