/**
 * The repository that a trial's runtime follows: bare, its commits written as objects and never checked out. Whatever a
 * path or a file of the tested repository says, it becomes content here and no file of this machine.
 */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gitEnvironment } from '../../git/environment.ts';

const REF = 'refs/heads/main';

export class TrialRepository {
  readonly folder: string;
  readonly #home: string;
  #commits = 0;

  private constructor(folder: string, home: string) {
    this.folder = folder;
    this.#home = home;
  }

  static async create(root: string): Promise<TrialRepository> {
    const repository = new TrialRepository(path.join(root, 'repo.git'), path.join(root, 'home'));
    await mkdir(path.join(root, 'home'));
    await repository.#git(['init', '-q', '--bare', '-b', 'main', '--template=', repository.folder]);
    return repository;
  }

  /** A commit of exactly these files on `main`; its id. */
  async commit(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
    this.#commits += 1;
    const message = Buffer.from(`Trial ${this.#commits}`);
    const parts: Uint8Array[] = [
      Buffer.from(
        `commit ${REF}\ncommitter Headway Trial <trial@headway.invalid> ${this.#commits} +0000\ndata ${message.length}\n`,
      ),
      message,
      Buffer.from(`\n${this.#commits > 1 ? `from ${REF}^0\n` : ''}deleteall\n`),
    ];
    for (const [file, bytes] of files) {
      parts.push(Buffer.from(`M 100644 inline ${quoted(file)}\ndata ${bytes.length}\n`), bytes, Buffer.from('\n'));
    }
    await this.#git(['fast-import', '--quiet', '--done'], Buffer.concat([...parts, Buffer.from('done\n')]));
    return (await this.#git(['rev-parse', REF])).trim();
  }

  #git(args: readonly string[], input: Uint8Array = new Uint8Array()): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn('git', [...args], {
        cwd: path.dirname(this.folder),
        env: gitEnvironment(this.folder, this.#home, 'none'),
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let out = '';
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2_000)));
      child.stdin.on('error', () => undefined);
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`git ${args[0]!}: ${said.trim()}`))));
      child.stdin.end(input);
    });
  }
}

function quoted(file: string): string {
  return `"${file.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
