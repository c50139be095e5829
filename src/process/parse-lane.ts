import type { Logger } from 'pino';
import { err, type Result } from '../kit/result.ts';
import type { Parsed } from '../manifest/parsed.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ManifestFile } from '../reconcile/ports.ts';
import type { DisposableChild } from './disposable-child.ts';

export type ParseChild = DisposableChild<readonly ManifestFile[], readonly Parsed[]>;

/** From fork to the first message: loading the schemas on a machine that is busy with other things. */
const START_DEADLINE_MS = 30_000;
/** Then it is replaced, so that nothing can pile up in it. */
const MAX_JOBS_PER_CHILD = 500;

/** One child that parses, forked ahead of time, and after it the next one. */
export class ParseLane {
  readonly #log: Logger;
  readonly #spawn: () => ParseChild;
  #child: ParseChild;
  #closed = false;

  constructor(log: Logger, spawn: () => ParseChild) {
    this.#log = log;
    this.#spawn = spawn;
    this.#child = spawn();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  /** HW1008: the child ended over these files. HW1009: there is no child. */
  async run(files: readonly ManifestFile[], deadlineMs: number): Promise<Result<readonly Parsed[], Problem>> {
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const ready = await this.#child.ready(START_DEADLINE_MS);
    if (!ready.ok) {
      this.#replace();
      return err(problem('HW1009', `the parser did not start: ${ready.error}`));
    }
    const outcome = await this.#child.run(files, deadlineMs);
    if (outcome.ok && this.#child.jobs < MAX_JOBS_PER_CHILD) return outcome;
    this.#replace();
    if (outcome.ok) return outcome;
    if (this.#closed) return err(problem('HW1009', 'the parser is closed'));
    const paths = files.map((file) => file.path);
    this.#log.warn(
      { why: outcome.error, files: paths.slice(0, 10), count: paths.length },
      'manifests ended the parser',
    );
    return err(problem('HW1008', outcome.error));
  }

  #replace(): void {
    this.#child.kill();
    if (!this.#closed) this.#child = this.#spawn();
  }
}
