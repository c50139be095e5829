/** `git push` and then `git fetch`, by hand and with nothing behind them: what no follower of a repository can beat. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Repository } from '../../support/repository.ts';

const run = promisify(execFile);

export class ByHand {
  readonly #folder: string;
  readonly #repository: Repository;
  readonly #clone: string;

  private constructor(folder: string, repository: Repository, clone: string) {
    this.#folder = folder;
    this.#repository = repository;
    this.#clone = clone;
  }

  static async start(): Promise<ByHand> {
    const folder = await mkdtemp(join(tmpdir(), 'headway-bench-'));
    const repository = await Repository.create(join(folder, 'git'));
    await repository.push('Start', { file: '0' });
    const clone = join(folder, 'clone.git');
    await run('git', ['clone', '-q', '--bare', repository.bare, clone]);
    return new ByHand(folder, repository, clone);
  }

  /** Milliseconds of each command. */
  async once(round: number): Promise<{ readonly pushMs: number; readonly fetchMs: number }> {
    await this.#repository.commit(`Round ${round}`, { file: String(round) });
    const startedAtMs = performance.now();
    await this.#repository.git('push', '-q', 'origin', 'HEAD:main');
    const pushedAtMs = performance.now();
    await run('git', ['-C', this.#clone, 'fetch', '-q', 'origin', '+main:main']);
    return { pushMs: pushedAtMs - startedAtMs, fetchMs: performance.now() - pushedAtMs };
  }

  async stop(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
