/** The tree of a commit, through whatever reads the repository: nothing is checked out and nothing of it runs. */
import type { Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { isManifestPath } from '../../manifest/parse.ts';
import { problem, type Problem } from '../../model/problem.ts';
import { linkedManifests } from '../../reconcile/documents.ts';
import { readFolders } from '../../reconcile/folders.ts';
import type { GitPort, TreeFile } from '../../reconcile/ports.ts';
import { KeptArtifacts, MAX_KEPT_BYTES } from './kept.ts';
import { CONFIG_FILE, type LintSource } from './source.ts';

export function commitSource(
  label: string,
  commit: string,
  git: Pick<GitPort, 'files' | 'baseFiles' | 'blobs' | 'skipped'>,
): LintSource {
  // What a commit holds does not change: it is listed once.
  let listed: ReturnType<GitPort['files']> | undefined;
  const files = async (isWanted: (path: string) => boolean): Promise<Result<readonly TreeFile[], Problem>> => {
    const all = await (listed ??= git.files(commit));
    if (!all.ok) return all;
    return ok([...all.value, ...[...inBases.values()].flat()].filter(({ path }) => isWanted(path)));
  };
  const inBases = new Map<string, readonly TreeFile[]>();
  const read = async (isWanted: (path: string) => boolean) => {
    const wanted = await files(isWanted);
    return wanted.ok ? bytesOf(git, wanted.value) : wanted;
  };
  let kept = new KeptArtifacts();
  return {
    label,
    prefix: '',
    async manifests(ignore) {
      const own = await read((path) => isManifestPath(path) && !ignore(path));
      const links = await linkedManifests(git, commit);
      if (!own.ok || !links.ok) return own.ok ? links : own;
      return ok([...own.value, ...links.value.filter(({ path }) => !ignore(path))].sort(byPath));
    },
    async base(base) {
      const found = await git.baseFiles(commit, base);
      if (!found.ok) return found;
      inBases.set(
        base,
        found.value.map((file) => ({ ...file, path: `${base}/${file.path}` })),
      );
      const written = found.value.filter(({ path }) => isManifestPath(path));
      const manifests = await bytesOf(git, written);
      if (!manifests.ok) return manifests;
      return ok(manifests.value.map(({ path, bytes }) => ({ path: `${base}/${path}`, bytes, base })));
    },
    async digests(paths) {
      const named = new Set(paths);
      const wanted = await files((path) => named.has(path));
      if (!wanted.ok) return wanted;
      kept = new KeptArtifacts();
      const digests = new Map<string, Digest>();
      for (const together of inParts(wanted.value)) {
        const artifacts = await bytesOf(git, together);
        if (!artifacts.ok) return artifacts;
        for (const { path, bytes } of artifacts.value) digests.set(path, kept.add(path, bytes));
      }
      return ok(digests);
    },
    async folders(paths) {
      const all = await files((path) => paths.some((folder) => path.startsWith(`${folder}/`)));
      return all.ok ? readFolders(git, { commit, files: all.value, paths }) : all;
    },
    async artifact(wanted) {
      const bytes = kept.get(wanted);
      if (bytes) return ok(bytes);
      const found = await read((path) => path === wanted);
      if (!found.ok) return found;
      const [file] = found.value;
      return file ? ok(file.bytes) : err(problem('HW2001', `there is no file ${wanted} in ${label}`));
    },
    async config() {
      const found = await read((path) => path === CONFIG_FILE);
      if (!found.ok) return found;
      const [file] = found.value;
      return ok(file && { file: CONFIG_FILE, bytes: file.bytes, below: '' });
    },
  };
}

/** Whatever a commit names, so much of it is in memory at once (or one artifact that has more). */
function* inParts(files: readonly TreeFile[]): Generator<readonly TreeFile[]> {
  let part: TreeFile[] = [];
  let total = 0;
  for (const file of files) {
    if (part.length > 0 && total + file.bytes > MAX_KEPT_BYTES) {
      yield part;
      part = [];
      total = 0;
    }
    part.push(file);
    total += file.bytes;
  }
  if (part.length > 0) yield part;
}

function byPath(one: { readonly path: string }, other: { readonly path: string }): number {
  return one.path < other.path ? -1 : 1;
}

async function bytesOf(
  git: Pick<GitPort, 'blobs'>,
  files: readonly TreeFile[],
): Promise<Result<readonly { readonly path: string; readonly bytes: Uint8Array }[], Problem>> {
  const blobs = await git.blobs(files.map(({ oid }) => oid));
  if (!blobs.ok) return err(blobs.error);
  const sorted = [...files].sort(byPath);
  return ok(sorted.map(({ path, oid }) => ({ path, bytes: blobs.value.get(oid)! })));
}
