/** Folders of the repository that are mounted: read from the mirror, and into the content store as one image each. */
import { err, ok, type Result } from '../kit/result.ts';
import { foldersIn, imageOfFolder, type FolderContent, type Folders } from '../manifest/folders.ts';
import type { FolderFile } from '../model/folder-image.ts';
import type { Problem } from '../model/problem.ts';
import type { ArtifactPort, GitPort, TreeFile } from './ports.ts';

export interface FoldersAsked {
  readonly commit: string;
  /** Of the commit, those of its bases too. */
  readonly files: readonly TreeFile[];
  readonly paths: readonly string[];
}

type Reader = Pick<GitPort, 'blobs' | 'skipped'>;

/** The files of each folder with their bytes; an error of one of them says why it cannot be mounted. */
export async function readFolders(
  git: Reader,
  { commit, files, paths }: FoldersAsked,
): Promise<Result<ReadonlyMap<string, Result<readonly FolderFile[], string>>, Problem>> {
  if (paths.length === 0) return ok(new Map());
  const skipped = (await git.skipped?.(commit)) ?? ok([]);
  if (!skipped.ok) return skipped;
  const read = new Map<string, Result<readonly FolderFile[], string>>();
  for (const [path, found] of foldersIn(files, skipped.value, paths)) {
    if (!found.ok) {
      read.set(path, found);
      continue;
    }
    const blobs = await git.blobs(found.value.map(({ oid }) => oid));
    if (!blobs.ok) return err(blobs.error);
    read.set(path, ok(found.value.map((file) => ({ path: file.path, bytes: blobs.value.get(file.oid)! }))));
  }
  return ok(read);
}

export async function storeFolders(
  git: Reader,
  artifacts: Pick<ArtifactPort, 'put'>,
  asked: FoldersAsked,
): Promise<Result<Folders, Problem>> {
  const read = await readFolders(git, asked);
  if (!read.ok) return read;
  const stored = new Map<string, Result<FolderContent, string>>();
  for (const [path, files] of read.value) {
    if (!files.ok) {
      stored.set(path, files);
      continue;
    }
    const image = imageOfFolder(path, files.value);
    const digest = await artifacts.put(image);
    if (!digest.ok) return digest;
    stored.set(path, ok({ digest: digest.value, bytes: image.length }));
  }
  return ok(stored);
}
