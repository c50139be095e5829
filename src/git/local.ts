/**
 * A repository on this machine, read as it is: for commands that compare commits without a daemon. The same reader as
 * the mirror's, so that the same caps and the same refusals hold.
 */
import { access, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { GitPort } from '../reconcile/ports.ts';
import { GitCommand } from './command.ts';
import { gitEnvironment } from './environment.ts';
import { DEFAULT_GIT_LIMITS } from './limits.ts';
import { checkVersion, parsePath } from './preflight.ts';
import { MirrorReader } from './reader.ts';
import { isCommit } from './ref.ts';

export interface LocalRepository extends Pick<GitPort, 'files' | 'baseFiles' | 'blobs' | 'commit' | 'skipped'> {
  /** The commit that a branch, a tag, `HEAD~1` or an abbreviated id names. */
  resolve(revision: string): Promise<Result<string, Problem>>;
  /** The best commit that both have in their past. */
  mergeBase(one: string, other: string): Promise<Result<string, Problem>>;
  /**
   * The tree that merging `head` into `base` would give: that of `head` itself where it has all of `base`. Writes objects,
   * which nothing refers to, and touches neither branch nor work tree.
   */
  mergeResult(base: string, head: string): Promise<Result<string, Problem>>;
  close(): Promise<void>;
}

const MAX_NAMED_CONFLICTS = 5;
/** A revision as people write it, and nothing that could be read as an option or a range. */
const REVISION = /^[A-Za-z0-9_@][A-Za-z0-9_./@{}~^-]{0,254}$/;

/** `folder` is a bare repository, a work tree, or a folder below one. */
export async function openLocal(folder: string, followedPath: string): Promise<Result<LocalRepository, Problem>> {
  const parsed = parsePath(followedPath);
  if (!parsed.ok) return parsed;
  const gitDirectory = await findGitDirectory(path.resolve(folder));
  if (!gitDirectory) return err(problem('HW3018', `${folder} is not a git repository`));
  const home = await mkdtemp(path.join(tmpdir(), 'headway-home-'));
  const command = new GitCommand(path.resolve(folder), gitEnvironment(gitDirectory, home, 'none'));
  const limits = DEFAULT_GIT_LIMITS;
  const close = async (): Promise<void> => {
    command.close();
    await rm(home, { recursive: true, force: true });
  };
  const version = await checkVersion(command, limits);
  if (!version.ok) {
    await close();
    return version;
  }
  const reader = new MirrorReader(command, limits, parsed.value);
  const mergeBase: LocalRepository['mergeBase'] = async (one, other) => {
    if (!isCommit(one) || !isCommit(other)) return err(problem('HW3019', 'a commit is 40 hex digits'));
    const ended = await reader.read(['merge-base', one, other]);
    const commit = ended.stdout.trim();
    return ended.exitCode === 0 && isCommit(commit) ? ok(commit) : err(nothingInCommon(one, other));
  };
  return ok({
    files: (commit) => reader.files(commit),
    skipped: (commit) => reader.skipped(commit),
    baseFiles: (commit, base) => reader.baseFiles(commit, base),
    blobs: (oids) => reader.blobs(oids),
    commit: (commit) => reader.commit(commit),
    close,
    async resolve(revision) {
      if (!REVISION.test(revision)) return err(problem('HW3019', `${JSON.stringify(revision)} is not a revision`));
      const ended = await reader.read(['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]);
      const commit = ended.stdout.trim();
      return ended.exitCode === 0 && isCommit(commit)
        ? ok(commit)
        : err(problem('HW3019', `${revision} names no commit in ${folder}`));
    },
    async mergeResult(base, head) {
      const contained = await reader.isAncestor(base, head);
      if (!contained.ok) return contained;
      if (contained.value) return ok(head);
      const common = await mergeBase(base, head);
      if (!common.ok) return common;
      const ended = await reader.read(['merge-tree', '--write-tree', '--name-only', '--no-messages', base, head]);
      const [tree = '', ...files] = ended.stdout.trim().split('\n');
      if (ended.exitCode === 0 && isCommit(tree)) return ok(tree);
      const conflicts = files.slice(0, MAX_NAMED_CONFLICTS).join(', ');
      const message = `${head.slice(0, 12)} does not merge into ${base.slice(0, 12)}`;
      return err(problem('HW3040', ended.exitCode === 1 ? `${message}: conflicts in ${conflicts}` : message));
    },
    mergeBase,
  });
}

/** CI jobs fetch the last commit alone, unless they are told otherwise. */
function nothingInCommon(one: string, other: string): Problem {
  const message = `${one.slice(0, 12)} and ${other.slice(0, 12)} have no commit in common: the clone may be too shallow`;
  const remedy =
    'fetch the whole history: `git fetch --unshallow`, `fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab';
  return problem('HW3019', message, { remedy });
}

export interface PlaceInRepository {
  /** Of what there is: the folder itself, or the nearest one above it. */
  readonly folder: string;
  /** `''` for the root, `/` between segments. */
  readonly place: string;
}

/** Where a folder lies in its repository, whether the work tree has it or not: a commit may. Undefined outside of one. */
export async function placeInRepository(folder: string): Promise<PlaceInRepository | undefined> {
  const missing: string[] = [];
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const real = await realpath(at).catch(() => undefined);
    if (real !== undefined) {
      const gitDirectory = await findGitDirectory(real);
      if (!gitDirectory) return undefined;
      const root = path.basename(gitDirectory) === '.git' ? path.dirname(gitDirectory) : gitDirectory;
      const place = path.relative(root, path.join(real, ...missing));
      return { folder: real, place: place.split(path.sep).join('/') };
    }
    if (path.dirname(at) === at) return undefined;
    missing.unshift(path.basename(at));
  }
}

/** The nearest `.git` upwards, or the folder itself where it is bare. A linked work tree's `.git` is a file: git reads it. */
async function findGitDirectory(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = path.dirname(at)) {
    if (await exists(path.join(at, '.git'))) return path.join(at, '.git');
    if ((await exists(path.join(at, 'HEAD'))) && (await exists(path.join(at, 'objects')))) return at;
    if (path.dirname(at) === at) return undefined;
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
