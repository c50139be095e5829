import type { Digest } from '../../kit/digest.ts';
import type { Result } from '../../kit/result.ts';
import type { FolderFile } from '../../model/folder-image.ts';
import type { Problem } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';

export type MountedFolders = ReadonlyMap<string, Result<readonly FolderFile[], string>>;

/** What is linted: a folder as it lies on the disk, or the tree of a commit. Paths are relative to it, `/` between segments. */
export interface LintSource {
  /** As the user named it. */
  readonly label: string;
  /** From where the user stands to it: `''`, or a path with `/` at its end. */
  readonly prefix: string;
  /** The manifests whose path no glob matches, sorted. */
  manifests(ignore: (path: string) => boolean): Promise<Result<readonly ManifestFile[], Problem>>;
  /** The manifests of a base, which is relative to what is linted; their paths begin with it. HW1150: not a base. */
  base(path: string): Promise<Result<readonly ManifestFile[], Problem>>;
  /** Digests of the artifacts that are there as regular files. */
  digests(paths: readonly string[]): Promise<Result<ReadonlyMap<string, Digest>, Problem>>;
  /** The files of the folders that are there, of those of manifests; a text says why one cannot be mounted. */
  folders(paths: readonly string[]): Promise<Result<MountedFolders, Problem>>;
  /** The bytes of one of them. */
  artifact(path: string): Promise<Result<Uint8Array, Problem>>;
  /** `.headway.yaml`, where there is one, and how its globs begin: `''`, or a path with `/` at its end. */
  config(): Promise<Result<ConfigFile | undefined, Problem>>;
  /** Replaces the content of a file; absent where the source cannot be written. */
  readonly write?: (path: string, text: string) => Promise<Result<void, Problem>>;
}

export interface ConfigFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** From the configuration's folder to what is linted: `''`, or a path with `/` at its end. */
  readonly below: string;
}

export const CONFIG_FILE = '.headway.yaml';
