/** Folders that manifests mount, as they lie on the disk: what a commit of it would hold. */
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { ok, type Result } from '../../kit/result.ts';
import { foldersIn, type ListedFile, type NoFile } from '../../manifest/folders.ts';
import { MAX_FOLDER_FILES, type FolderFile } from '../../model/folder-image.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { MountedFolders } from './source.ts';

export async function readMounted(dir: string, paths: readonly string[]): Promise<Result<MountedFolders, Problem>> {
  const read = new Map<string, Result<readonly FolderFile[], string>>();
  for (const folder of paths) {
    const files: ListedFile[] = [];
    const noFiles: NoFile[] = [];
    try {
      await list(dir, folder, files, noFiles);
      for (const [found, listed] of foldersIn(files, noFiles, [folder])) {
        read.set(found, listed.ok ? ok(await contents(dir, listed.value)) : listed);
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { ok: false, error: problem('HW5013', `${folder} cannot be read: ${why}`) };
    }
  }
  return ok(read);
}

async function contents(dir: string, files: readonly ListedFile[]): Promise<readonly FolderFile[]> {
  const read: FolderFile[] = [];
  for (const file of files) read.push({ path: file.path, bytes: await readFile(path.join(dir, file.path)) });
  return read;
}

/** No link is followed: git has it as a link, also on the way to the folder. */
async function list(dir: string, at: string, files: ListedFile[], noFiles: NoFile[]): Promise<void> {
  const stats = await lstat(path.join(dir, at)).catch(() => undefined);
  // One more than is mounted, so that whoever counts them sees that there are too many.
  if (!stats || files.length > MAX_FOLDER_FILES) return;
  if (stats.isFile()) files.push({ path: at, bytes: stats.size });
  else if (!stats.isDirectory()) noFiles.push({ path: at, kind: stats.isSymbolicLink() ? 'Symlink' : 'OtherMode' });
  else for (const name of (await readdir(path.join(dir, at))).sort()) await list(dir, `${at}/${name}`, files, noFiles);
}
