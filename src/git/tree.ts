import { problem, type Problem } from '../model/problem.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { SkippedEntry, TreeFile } from '../reconcile/ports.ts';
import type { GitLimits } from './limits.ts';

export interface Tree {
  readonly files: readonly TreeFile[];
  readonly skipped: readonly SkippedEntry[];
}

/** `<mode> <type> <oid> <size>\t<path>`; the size is padded, and `-` for what is not a blob. */
const ENTRY = /^([0-7]{6}) (blob|tree|commit) ([0-9a-f]{40}) +([0-9]+|-)\t([^]+)$/;
const REPLACEMENT_CHARACTER = '\ufffd';

/** The longest text that a listing within the limits can have. */
export function maxListingBytes(limits: GitLimits): number {
  const BYTES_BEFORE_PATH = 80;
  return limits.treeEntries * (limits.pathBytes + BYTES_BEFORE_PATH);
}

/**
 * Reads `ls-tree -r -t -l -z`. Folders are listed (`-t`) so that they count: a tree can hold 10^10 empty ones.
 * Files too large for the limits are not in the way of others that nobody reads, so sizes are left to whoever reads.
 */
export function parseTree(listing: string, limits: GitLimits): Result<Tree, Problem> {
  const files: TreeFile[] = [];
  const skipped: SkippedEntry[] = [];
  let entries = 0;
  let start = 0;
  while (start < listing.length) {
    const end = listing.indexOf('\0', start);
    if (end < 0) return err(problem('HW3013', 'could not read the tree: the listing ends within an entry'));
    entries += 1;
    if (entries > limits.treeEntries) {
      return err(problem('HW3007', `the tree holds more than ${limits.treeEntries} files and folders`));
    }
    const match = ENTRY.exec(listing.slice(start, end));
    if (!match) return err(problem('HW3013', 'could not read the tree: an entry is not in the form of ls-tree'));
    start = end + 1;
    const [, mode, type, oid, size, path] = match as unknown as [string, string, string, string, string, string];
    if (type === 'tree') continue;
    if (Buffer.byteLength(path) > limits.pathBytes) {
      return err(problem('HW3007', `a path is longer than ${limits.pathBytes} bytes: ${path.slice(0, 100)}…`));
    }
    const kind = kindOf(mode, path);
    if (kind === 'File') files.push({ path, oid, bytes: Number(size) });
    else skipped.push({ path, kind });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return ok({ files, skipped });
}

function kindOf(mode: string, path: string): SkippedEntry['kind'] | 'File' {
  if (mode === '120000') return 'Symlink';
  if (mode === '160000') return 'Submodule';
  // Not UTF-8: two such names can look the same, and no manifest can spell them.
  if (path.includes(REPLACEMENT_CHARACTER)) return 'UnreadableName';
  return mode === '100644' || mode === '100755' ? 'File' : 'OtherMode';
}
