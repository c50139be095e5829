/** The tree of a commit, through whatever reads the repository: nothing is checked out and nothing of it runs. */
import { digestOfBytes, type Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { isManifestPath } from '../../manifest/parse.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { GitPort, TreeFile } from '../../reconcile/ports.ts';
import { CONFIG_FILE, type LintSource } from './source.ts';

export function commitSource(label: string, commit: string, git: Pick<GitPort, 'files' | 'blobs'>): LintSource {
  return {
    label,
    prefix: '',
    async manifests(ignore) {
      const listed = await git.files(commit);
      if (!listed.ok) return listed;
      return bytesOf(
        git,
        listed.value.filter(({ path }) => isManifestPath(path) && !ignore(path)),
      );
    },
    async digests(paths) {
      const wanted = new Set(paths);
      const listed = await git.files(commit);
      if (!listed.ok) return listed;
      const files = await bytesOf(
        git,
        listed.value.filter(({ path }) => wanted.has(path)),
      );
      if (!files.ok) return files;
      return ok(new Map<string, Digest>(files.value.map(({ path, bytes }) => [path, digestOfBytes(bytes)])));
    },
    async artifact(wanted) {
      const listed = await git.files(commit);
      if (!listed.ok) return listed;
      const files = await bytesOf(
        git,
        listed.value.filter(({ path }) => path === wanted),
      );
      if (!files.ok) return files;
      const [file] = files.value;
      return file ? ok(file.bytes) : err(problem('HW2001', `there is no file ${wanted} in ${label}`));
    },
    async config() {
      const listed = await git.files(commit);
      if (!listed.ok) return listed;
      const files = await bytesOf(
        git,
        listed.value.filter(({ path }) => path === CONFIG_FILE),
      );
      if (!files.ok) return files;
      const [file] = files.value;
      return ok(file && { file: CONFIG_FILE, bytes: file.bytes, below: '' });
    },
  };
}

async function bytesOf(
  git: Pick<GitPort, 'blobs'>,
  files: readonly TreeFile[],
): Promise<Result<readonly { readonly path: string; readonly bytes: Uint8Array }[], Problem>> {
  const blobs = await git.blobs(files.map(({ oid }) => oid));
  if (!blobs.ok) return err(blobs.error);
  const sorted = [...files].sort((one, other) => (one.path < other.path ? -1 : 1));
  return ok(sorted.map(({ path, oid }) => ({ path, bytes: blobs.value.get(oid)! })));
}
