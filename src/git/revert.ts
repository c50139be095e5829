/**
 * A branch that takes a commit back, without a work tree: what the commit changed is merged out of the head by
 * `merge-tree`, as `git revert` does it, and what has happened since stays.
 *
 * V1 The branch is one of ours, by its name; the followed ref is never pushed to, and nothing is forced.
 * V2 Conflicts are people's: then there is no branch, and the files are named.
 */
import { err, ok, type Result } from '../kit/result.ts';
import { short } from '../kit/digest.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Message } from '../model/report.ts';
import { fencedText, textOf } from '../model/report-text.ts';
import { problemOfRun } from './failure.ts';
import type { Publisher } from './publish.ts';

const PREFIX = 'headway/revert';
const MAX_NAMED_FILES = 5;
/** Of the text of a pull request; GitHub takes 65,536. */
const MAX_TEXT = 60_000;

export interface RevertBranch {
  readonly branch: string;
  readonly title: string;
  readonly text: string;
}

/** The branch that a message would push. */
export function revertBranchOf({ environment, commit }: Pick<Message, 'environment' | 'commit'>): string {
  return `${PREFIX}-${environment}-${short(commit)}`;
}

/** Pushes the branch; undefined: the head has nothing of the commit any more. */
export async function pushRevert(
  publisher: Publisher,
  message: Message,
  followed: string,
  nowMs: number,
): Promise<Result<RevertBranch | undefined, Problem>> {
  const { commit, base, subject } = message;
  const branch = revertBranchOf(message);
  const ref = `refs/heads/${branch}`;
  if (followed === branch || followed === ref) {
    return err(problem('HW5087', `${branch} is the followed branch, which is never pushed to`));
  }
  if (base === undefined) return err(problem('HW5087', `nothing is known before ${short(commit)} to go back to`));
  const head = await publisher.idOf(['rev-parse', '--verify', 'refs/headway/head^{commit}'], 'find the head');
  if (!head.ok) return head;
  const tree = await treeWithout(publisher, { commit, base, head: head.value, nowMs });
  if (!tree.ok) return tree;
  const present = await publisher.idOf(['rev-parse', '--verify', `${head.value}^{tree}`], 'read the head');
  if (!present.ok) return present;
  if (tree.value === present.value) return ok(undefined);
  const title = `Revert "${subject.replaceAll(/\s+/g, ' ').slice(0, 150) || short(commit)}"`;
  const reverted = `This reverts what came with ${commit}\nafter ${base}.`;
  const made = await publisher.commitTree(
    {
      tree: tree.value,
      parents: [head.value],
      message: `${title}\n\n${reverted}\n\n${textOf(message)}\n`,
      atMs: nowMs,
    },
    'write the revert',
  );
  if (!made.ok) return made;
  // A branch that is there was pushed by an earlier try.
  const pushed = await publisher.push(made.value, ref, 'push the revert');
  return pushed.ok ? ok({ branch, title, text: fencedText(message, MAX_TEXT) }) : pushed;
}

/**
 * `merge-tree` finds its base by history: a commit on top of the one to take back, with the content from before it, makes
 * that one the base.
 */
async function treeWithout(
  publisher: Publisher,
  { commit, base, head, nowMs }: Readonly<{ commit: string; base: string; head: string; nowMs: number }>,
): Promise<Result<string, Problem>> {
  const before = await publisher.idOf(['rev-parse', '--verify', `${base}^{tree}`], 'read what was before');
  if (!before.ok) return before;
  const taken = { tree: before.value, parents: [commit], message: 'taken back\n', atMs: nowMs };
  const without = await publisher.commitTree(taken, 'take the commit back');
  if (!without.ok) return without;
  const merged = await publisher.local([
    'merge-tree',
    '--write-tree',
    '--name-only',
    '--no-messages',
    head,
    without.value,
  ]);
  const [tree = '', ...files] = merged.stdout.trim().split('\n');
  if (merged.exitCode === 0 && /^[0-9a-f]{40}$/.test(tree)) return ok(tree);
  if (merged.exitCode !== 1) return err(problemOfRun(merged, 'take the commit back'));
  const named = files.slice(0, MAX_NAMED_FILES).join(', ');
  const more = files.length > MAX_NAMED_FILES ? ` and ${files.length - MAX_NAMED_FILES} more` : '';
  return err(problem('HW5087', `what came after ${short(commit)} changed the same lines: ${named}${more}`));
}
