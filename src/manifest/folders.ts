/** Folders of the repository that documents mount: which files they are, and what of them a revision is made from. */
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { encodeFolder, MAX_FOLDER_BYTES, MAX_FOLDER_FILES, type FolderFile } from '../model/folder-image.ts';
import type { Parsed, ParsedDocument } from './parsed.ts';

/** The image of a folder, by its digest. */
export interface FolderContent {
  readonly digest: Digest;
  readonly bytes: number;
}

/** By path; a text says why a folder cannot be mounted. One that is not here is not in the commit. */
export type Folders = ReadonlyMap<string, Result<FolderContent, string>>;

export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
}

/** What is no regular file, with what it is. */
export interface NoFile {
  readonly path: string;
  readonly kind: string;
}

/** Paths of folders that the documents mount, relative to the followed path. */
export function folderPathsOf(parsed: Parsed): readonly string[] {
  const paths = parsed.documents.flatMap((document) => {
    if (document.kind !== 'Component' && document.kind !== 'Role') return [];
    const { capabilities = [] } = (document as ParsedDocument<'Component'> | ParsedDocument<'Role'>).value.spec;
    return capabilities.flatMap(({ filesystem }) =>
      filesystem?.path === undefined ? [] : [folderPath(filesystem.path)],
    );
  });
  return [...new Set(paths)].sort();
}

/** Two ways to write one folder are one. */
export function folderPath(path: string): string {
  return path.replace(/^\.\//, '');
}

/** The files below each of the paths. */
export function foldersIn<File extends ListedFile>(
  files: readonly File[],
  noFiles: readonly NoFile[],
  paths: readonly string[],
): ReadonlyMap<string, Result<readonly File[], string>> {
  const found = new Map<string, Result<readonly File[], string>>();
  for (const path of paths) {
    const inside = files.filter((file) => file.path.startsWith(`${path}/`));
    const [foreign] = noFiles.filter((one) => one.path === path || one.path.startsWith(`${path}/`));
    if (foreign) found.set(path, err(`${foreign.path} is no regular file (${foreign.kind}): links are not followed`));
    else if (inside.length > 0) found.set(path, withinBounds(inside));
  }
  return found;
}

function withinBounds<File extends ListedFile>(files: readonly File[]): Result<readonly File[], string> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (files.length > MAX_FOLDER_FILES)
    return err(`it holds ${files.length} files; at most ${MAX_FOLDER_FILES} are mounted`);
  if (bytes > MAX_FOLDER_BYTES) return err(`it holds ${bytes} bytes; at most ${MAX_FOLDER_BYTES} are mounted`);
  return ok(files);
}

/** The image of the folder at `path`, whose files are named from the followed path. */
export function imageOfFolder(path: string, files: readonly FolderFile[]): Uint8Array {
  return encodeFolder(files.map((file) => ({ path: file.path.slice(path.length + 1), bytes: file.bytes })));
}

export function contentsOf(folders: ReadonlyMap<string, Result<readonly FolderFile[], string>>): Folders {
  return new Map(
    [...folders].map(([path, files]): [string, Result<FolderContent, string>] => {
      if (!files.ok) return [path, files];
      const image = imageOfFolder(path, files.value);
      return [path, ok({ digest: digestOfBytes(image), bytes: image.length })];
    }),
  );
}
