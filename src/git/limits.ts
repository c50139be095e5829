/** Every bound of the mirror. Bytes and milliseconds, as the names say. */
export interface GitLimits {
  /** Files, links, submodules and folders under the followed path. */
  readonly treeEntries: number;
  /** Of one path, in bytes, relative to the followed path. */
  readonly pathBytes: number;
  readonly blobBytes: number;
  /** Of all blobs that one call reads. */
  readonly blobsBytes: number;
  /** Of the whole mirror on disk, a fetch in flight included. */
  readonly mirrorBytes: number;
  /** What `git` may print for one commit or one list of commits. */
  readonly textBytes: number;
  /** `ls-remote`: from start to the last byte. */
  readonly askDeadlineMs: number;
  readonly fetchDeadlineMs: number;
  /** A command that only reads the mirror. */
  readonly localDeadlineMs: number;
  /** How long a `cat-file` stays open after it was read from last. */
  readonly keptIdleMs: number;
  /** A transfer slower than a byte a second for this long is given up. */
  readonly stallMs: number;
}

export const DEFAULT_GIT_LIMITS: GitLimits = {
  treeEntries: 20_000,
  pathBytes: 1_024,
  blobBytes: 64 * 2 ** 20,
  blobsBytes: 512 * 2 ** 20,
  mirrorBytes: 4 * 2 ** 30,
  textBytes: 2 ** 20,
  askDeadlineMs: 30_000,
  fetchDeadlineMs: 600_000,
  localDeadlineMs: 60_000,
  keptIdleMs: 60_000,
  stallMs: 20_000,
};
