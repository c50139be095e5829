import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Without what the machine says about git: who commits, whom to trust, where things are. */
const NEUTRAL = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
const IDENTITY = {
  GIT_AUTHOR_NAME: 'Test Author',
  GIT_AUTHOR_EMAIL: 'author@example.com',
  GIT_COMMITTER_NAME: 'Test Author',
  GIT_COMMITTER_EMAIL: 'author@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

/** Files of a commit by path; `null` deletes one. */
export type Changes = Readonly<Record<string, string | Uint8Array | null>>;

/** A real bare repository and a working clone of it, as a team has them. */
export class Repository {
  readonly bare: string;
  readonly work: string;

  private constructor(folder: string) {
    this.bare = path.join(folder, 'repo.git');
    this.work = path.join(folder, 'work');
  }

  static async create(folder: string): Promise<Repository> {
    const repository = new Repository(folder);
    await mkdir(folder, { recursive: true });
    await run('git', ['init', '-q', '--bare', '-b', 'main', repository.bare]);
    await run('git', ['-C', repository.bare, 'config', 'http.receivepack', 'true']);
    await run('git', ['init', '-q', '-b', 'main', repository.work]);
    await repository.git('remote', 'add', 'origin', repository.bare);
    return repository;
  }

  get url(): string {
    return `file://${this.bare}`;
  }

  async git(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('git', ['-C', this.work, ...args], {
      env: { ...NEUTRAL, ...IDENTITY },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  }

  /** Writes the files and commits them on the present branch; nothing is pushed. */
  async commit(message: string, changes: Changes): Promise<string> {
    for (const [name, content] of Object.entries(changes)) {
      const file = path.join(this.work, name);
      if (content === null) {
        await rm(file, { recursive: true });
      } else {
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, content);
      }
    }
    await this.git('add', '-A');
    await this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.head();
  }

  /** Commits and pushes to `main`. */
  async push(message: string, changes: Changes): Promise<string> {
    const commit = await this.commit(message, changes);
    await this.git('push', '-q', 'origin', 'HEAD:main');
    return commit;
  }

  /** `git revert` of a commit (default: the last), pushed. */
  async revert(commit = 'HEAD'): Promise<string> {
    await this.git('revert', '--no-edit', commit);
    await this.git('push', '-q', 'origin', 'HEAD:main');
    return this.head();
  }

  head(): Promise<string> {
    return this.git('rev-parse', 'HEAD');
  }
}
