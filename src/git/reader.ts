/**
 * Reads what the mirror holds: local disk only, never the server.
 */
import { posix } from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { resolveBase } from '../model/base-path.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { CommitInfo, SkippedEntry, TreeFile } from '../reconcile/ports.ts';
import { BatchReader } from './batch.ts';
import type { Ended, GitCommand, ReadEnded } from './command.ts';
import { problemOfRun } from './failure.ts';
import { HeadReading, type Head } from './head.ts';
import { COMMIT_FORMAT, parseHistory } from './history.ts';
import { KeptBatch } from './kept.ts';
import type { GitLimits } from './limits.ts';
import { isCommit } from './ref.ts';
import { maxListingBytes, parseTree, type Tree } from './tree.ts';

const MAX_HISTORY_COMMITS = 1_000;

export class MirrorReader {
  /** Set once something that has to be there could not be read; whoever owns the folder rebuilds it. */
  damaged = false;
  readonly #command: GitCommand;
  readonly #limits: GitLimits;
  /** The followed folder, empty for the root. */
  readonly #path: string;
  /** The last tree that was listed: files and skipped entries are asked for one after the other. */
  #tree: { readonly commit: string; readonly tree: Tree } | undefined;
  readonly #batch: KeptBatch;
  /** The head that was read last: what it follows directly needs no walk. */
  #head: Head | undefined;

  constructor(command: GitCommand, limits: GitLimits, path: string) {
    this.#command = command;
    this.#limits = limits;
    this.#path = path;
    this.#batch = new KeptBatch(command, { deadlineMs: limits.localDeadlineMs, idleMs: limits.keptIdleMs });
  }

  /** Lets go of the mirror's files; what is read afterwards opens them again. */
  rest(): Promise<void> {
    return this.#batch.rest();
  }

  /** The commit that a ref of ours leads to, or nothing. */
  async head(ref: string): Promise<string | undefined> {
    let reading: HeadReading | undefined;
    const ended = await this.#batch.read(() => (reading = new HeadReading(`${ref}^{commit}`, this.#limits.textBytes)));
    this.#head = ended === undefined ? reading?.head : undefined;
    if (ended?.stop !== 'OutputTooLarge') return this.#head?.commit;
    // A commit with a message longer than anybody reads is a commit all the same.
    const parsed = await this.read(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
    const commit = parsed.stdout.trim();
    return parsed.exitCode === 0 && isCommit(commit) ? commit : undefined;
  }

  /** After the folder was laid out anew. */
  forget(): void {
    this.damaged = false;
    this.#tree = undefined;
    this.#head = undefined;
  }

  async isAncestor(ancestor: string, descendant: string): Promise<Result<boolean, Problem>> {
    const checked = checkCommits([ancestor, descendant]);
    if (!checked.ok) return checked;
    if (this.#head?.commit === descendant && this.#head.parents.includes(ancestor)) return ok(true);
    // Not `merge-base --is-ancestor`: a command that prints nothing costs 50 ms more in simple-git.
    const ended = await this.read(['rev-list', '--count', '--max-count=1', ancestor, `^${descendant}`]);
    if (ended.exitCode !== 0)
      return err(await this.#problemOfRead(ended, 'compare two commits', [ancestor, descendant]));
    return ok(ended.stdout.trim() === '0');
  }

  async commit(commit: string): Promise<Result<CommitInfo, Problem>> {
    const listed = await this.#history([commit], 1);
    if (!listed.ok) return listed;
    const [first] = listed.value;
    return first ? ok(first) : err(problem('HW3014', `commit ${commit} is not in the mirror`));
  }

  async between(base: string, head: string, limit: number): Promise<Result<readonly CommitInfo[], Problem>> {
    const checked = checkCommits([base, head]);
    if (!checked.ok) return checked;
    return this.#history([head, `^${base}`], Math.max(0, Math.min(limit, MAX_HISTORY_COMMITS)));
  }

  /** A merge is among them where it differs from all of its parents: what it only brings together is theirs. */
  async touching(base: string, head: string, path: string): Promise<Result<readonly string[], Problem>> {
    const checked = checkCommits([base, head]);
    if (!checked.ok) return checked;
    const listed = await this.read(['rev-list', `--max-count=${MAX_HISTORY_COMMITS}`, head, `^${base}`, '--']);
    if (listed.exitCode !== 0) return err(await this.#problemOfRead(listed, 'read the history', [base, head]));
    // A path in a base leads out of the followed one; never out of the repository: git would say so.
    const folder = posix.normalize([this.#path, path].filter((part) => part !== '').join('/'));
    let printed = '';
    const ended = await this.#command.own({
      args: ['diff-tree', '--stdin', '-r', '-c', '--root', '--raw', '--no-renames', '--', `:(top,literal)${folder}`],
      input: listed.stdout,
      deadlineMs: this.#limits.localDeadlineMs,
      onOutput: (chunk) => {
        printed += chunk.toString('latin1');
        return printed.length <= this.#limits.textBytes;
      },
    });
    if (ended.exitCode !== 0) return err(problemOfRun(ended, 'compare commits'));
    // A merge is named even where it differs in nothing; a difference begins with a colon.
    const lines = printed.split('\n');
    return ok(lines.filter((line, index) => isCommit(line) && lines[index + 1]?.startsWith(':')));
  }

  async #history(range: readonly string[], limit: number): Promise<Result<readonly CommitInfo[], Problem>> {
    const commits = range.map((commit) => commit.replace(/^\^/, ''));
    const checked = checkCommits(commits);
    if (!checked.ok) return checked;
    const ended = await this.read([
      'log',
      '-z',
      COMMIT_FORMAT,
      '--no-show-signature',
      `--max-count=${limit}`,
      ...range,
      '--',
    ]);
    if (ended.exitCode !== 0) return err(await this.#problemOfRead(ended, 'read the history', commits));
    const history = parseHistory(ended.stdout);
    return history ? ok(history) : err(problem('HW3013', 'could not read the history: not in the form asked for'));
  }

  async files(commit: string): Promise<Result<readonly TreeFile[], Problem>> {
    const tree = await this.#listTree(commit);
    return tree.ok ? ok(tree.value.files) : tree;
  }

  async baseFiles(commit: string, base: string): Promise<Result<readonly TreeFile[], Problem>> {
    const folder = resolveBase(this.#path, base);
    if (!folder.ok) return err(problem('HW1150', `the base ${folder.error}`));
    const checked = checkCommits([commit]);
    if (!checked.ok) return checked;
    // Asked first: what a manifest names wrongly must not look like a mirror that has lost something.
    const type = await this.read(['cat-file', '-t', `${commit}:${folder.value}`]);
    if (type.stdout.trim() !== 'tree' && (await this.has(commit))) {
      return err(problem('HW1150', `the base ${base} is not in this commit: there is no folder ${folder.value}`));
    }
    const tree = await this.#readTree(commit, folder.value);
    return tree.ok ? ok(tree.value.files) : tree;
  }

  async skipped(commit: string): Promise<Result<readonly SkippedEntry[], Problem>> {
    const tree = await this.#listTree(commit);
    return tree.ok ? ok(tree.value.skipped) : tree;
  }

  async #listTree(commit: string): Promise<Result<Tree, Problem>> {
    if (this.#tree?.commit === commit) return ok(this.#tree.tree);
    const tree = await this.#readTree(commit, this.#path);
    if (tree.ok) this.#tree = { commit, tree: tree.value };
    return tree;
  }

  async #readTree(commit: string, path: string): Promise<Result<Tree, Problem>> {
    const checked = checkCommits([commit]);
    if (!checked.ok) return checked;
    const limits = this.#limits;
    const ended = await this.read(
      ['ls-tree', '-r', '-t', '-l', '-z', '--full-tree', `${commit}:${path}`],
      maxListingBytes(limits),
    );
    if (ended.stop === 'OutputTooLarge') {
      return err(problem('HW3007', `the tree holds more than ${limits.treeEntries} files and folders`));
    }
    if (ended.exitCode !== 0) {
      if (path !== '' && (await this.has(commit)) && !(await this.has(`${commit}:${path}`))) {
        return err(problem('HW3014', `commit ${commit} has no folder ${path}`));
      }
      return err(await this.#problemOfRead(ended, 'list the files', [commit]));
    }
    return parseTree(ended.stdout, limits);
  }

  async blobs(oids: readonly string[]): Promise<Result<ReadonlyMap<string, Uint8Array>, Problem>> {
    const wanted = [...new Set(oids)];
    if (!wanted.every(isCommit)) return err(problem('HW3014', 'an object id is 40 hex digits'));
    if (wanted.length === 0) return ok(new Map());
    const limits = this.#limits;
    let reader = new BatchReader(wanted, limits);
    const ended = await this.#batch.read(() => (reader = new BatchReader(wanted, limits)));
    if (!ended) return ok(reader.blobs);
    switch (reader.failure) {
      case 'BlobTooLarge':
        return err(problem('HW3007', `file content ${reader.failedOid} is larger than ${limits.blobBytes} bytes`));
      case 'BlobsTooLarge':
        return err(problem('HW3007', `the files together are larger than ${limits.blobsBytes} bytes`));
      case 'NotABlob':
        return err(problem('HW3014', `object ${reader.failedOid} is not the content of a file`));
      case 'Missing':
        // Nothing says whether it was ever there; a tree that was listed names it, so the mirror has lost it.
        return this.#damage(`object ${reader.failedOid} is missing`);
      case 'Damaged':
        return this.#damage(`object ${reader.failedOid} does not hash to its name`);
      case 'Unexpected':
        return err(problem('HW3013', 'could not read files: git answered out of turn'));
      default:
        if (ended.stop) return err(problemOfRun(ended, 'read files'));
        return this.#damage(ended.stderr.slice(0, 200));
    }
  }

  async has(object: string): Promise<boolean> {
    return (await this.read(['cat-file', '-t', object])).exitCode === 0;
  }

  /** Runs a command that prints text, within the limits of this mirror. */
  read(args: readonly string[], outputBytes = this.#limits.textBytes): Promise<ReadEnded> {
    return this.#command.read(args, { outputBytes, deadlineMs: this.#limits.localDeadlineMs });
  }

  /** Tells a commit that was never here from a mirror that has lost one of its objects. */
  async #problemOfRead(ended: Ended, doing: string, commits: readonly string[]): Promise<Problem> {
    if (ended.stop) return problemOfRun(ended, doing);
    for (const commit of commits) {
      const type = await this.read(['cat-file', '-t', commit]);
      if (type.exitCode !== 0 && !/corrupt|unable to|loose object/i.test(type.stderr)) {
        return problem('HW3014', `commit ${commit} is not in the mirror`);
      }
    }
    return this.#damage(problemOfRun(ended, doing).message).error;
  }

  #damage(what: string): { readonly ok: false; readonly error: Problem } {
    this.damaged = true;
    return err(problem('HW3012', `the mirror is damaged: ${what}`));
  }
}

export function checkCommits(commits: readonly string[]): Result<void, Problem> {
  if (commits.every(isCommit)) return ok(undefined);
  return err(problem('HW3014', 'a commit is named by its 40 hex digits'));
}
