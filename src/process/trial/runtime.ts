/**
 * A whole runtime for one trial: engine, control, spawner and cells as in production, on free ports of this machine alone,
 * with a data folder and a repository that are thrown away with it.
 */
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fetchStatus } from '../../check/status-client.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { Status } from '../../model/status.ts';
import { freeAddress } from '../free-address.ts';
import { childrenOf } from '../run.ts';
import { printedAddress, runOptions } from '../run-options.ts';
import { supervise, type Supervisor } from '../supervisor.ts';
import { TrialRepository } from './repository.ts';
import { Skips } from './skips.ts';

const POLL_MS = 100;
const SAID_LINES = 5;
/** Nobody outside waits for what is under way at the end. */
const STOP_DEADLINE_MS = 5_000;

export class TrialRuntime {
  readonly origin: string;
  /** Its clock. */
  readonly skips: Skips;
  readonly #repository: TrialRepository;
  readonly #statusUrl: string;
  readonly #supervisor: Supervisor;
  readonly #root: string;
  #ended = false;

  private constructor(
    root: string,
    repository: TrialRepository,
    supervisor: Supervisor,
    origin: string,
    statusUrl: string,
    skips: Skips,
  ) {
    this.#root = root;
    this.#repository = repository;
    this.#supervisor = supervisor;
    this.origin = origin;
    this.#statusUrl = statusUrl;
    this.skips = skips;
    process.once('exit', this.#clear);
    void supervisor.ended.then(() => (this.#ended = true));
  }

  /** Follows a repository with these files as its first commit. */
  static async start(files: ReadonlyMap<string, Uint8Array>): Promise<Result<TrialRuntime, Problem>> {
    const root = mkdtempSync(path.join(tmpdir(), 'headway-trial-'));
    try {
      const repository = await TrialRepository.create(root);
      await repository.commit(files);
      const [listen, status] = [await freeAddress(), await freeAddress()];
      const options = runOptions({ repo: repository.folder, data: path.join(root, 'data'), listen, status });
      if (!options.ok) return discarded(root, options.error[0]!);
      const skips = new Skips(path.join(root, 'skips'));
      const outputDescriptor = openSync(path.join(root, 'log'), 'a');
      const specs = childrenOf(options.value, { outputDescriptor, skips: skips.file });
      if (!specs.ok) return discarded(root, specs.error);
      const supervisor = supervise(
        specs.value.map((spec) => ({ ...spec, stopDeadlineMs: STOP_DEADLINE_MS })),
        () => undefined,
      );
      const [origin, statusUrl] = [options.value.listen, options.value.status].map(
        (at) => `http://${printedAddress(at)}`,
      );
      return ok(new TrialRuntime(root, repository, supervisor, origin!, statusUrl!, skips));
    } catch (error) {
      return discarded(root, problem('HW5110', (error as Error).message));
    }
  }

  /** A commit of exactly these files, which the runtime finds by itself; its id. */
  async push(files: ReadonlyMap<string, Uint8Array>): Promise<Result<string, Problem>> {
    try {
      return ok(await this.#repository.commit(files));
    } catch (error) {
      return err(problem('HW5110', (error as Error).message));
    }
  }

  /** The first status that `seen` takes; the last one where the time is over before that. */
  async until(
    seen: (status: Status) => boolean,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Result<{ readonly status: Status; readonly met: boolean }, Problem>> {
    const endMs = performance.now() + deadlineMs;
    let last: Status | undefined;
    for (;;) {
      const answer = await fetchStatus(this.#statusUrl);
      if (answer.ok) last = answer.value;
      if (answer.ok && seen(answer.value)) return ok({ status: answer.value, met: true });
      if (signal.aborted) return err(problem('HW5110', 'interrupted'));
      if (this.#ended) return err(problem('HW5110', `the runtime ended early: ${this.#lastWords()}`));
      if (performance.now() > endMs) {
        return last ? ok({ status: last, met: false }) : err(problem('HW5110', `no status: ${this.#lastWords()}`));
      }
      await sleep(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    process.off('exit', this.#clear);
    this.#clear();
  }

  /** Also where somebody does not wait for the end. */
  readonly #clear = (): void => rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });

  /** What its processes said to a person: lines that the log mixes with its JSON. */
  #lastWords(): string {
    const lines = readFileSync(path.join(this.#root, 'log'), 'utf8').split('\n');
    return lines
      .filter((line) => line !== '' && !line.startsWith('{'))
      .slice(-SAID_LINES)
      .join(' ');
  }
}

function discarded(root: string, error: Problem): Result<never, Problem> {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  return err(error);
}
