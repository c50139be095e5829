/**
 * From a folder that is held open and a path of a guest to the folder and the name that the path means, with the semantics of
 * `openat`: what was passed is held by descriptors, so that nobody can change what is behind us.
 *
 * Invariants
 * W1 No system call gets more than one segment of a guest's path, below a descriptor of ours, and none follows a link: a
 *    symbolic link is read, and its text walked as a path.
 * W2 Nothing leads above the folder that the walk began at: not `..`, not a link, not an absolute path. `..` is the folder
 *    that we came by, whoever moves folders meanwhile.
 * W3 The folder of the result is borrowed: it is closed when `use` returns. So are all on the way.
 * W4 What a slash at the end means is the kernel's: a look-up follows a link before it, and finds folders alone; what creates, removes
 *    or moves a name never follows it (`filename_lookup` and `filename_parentat` of Linux's `fs/namei.c`).
 */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { MAX_FILE_PATH_BYTES } from '../../wire/file-frames.ts';
import { errnoOf, FileFault } from './fault.ts';

/** Linux; Node does not name it. The same on every architecture that Node is built for. */
const O_PATH = 0o10000000;
export const HOLD = O_PATH | constants.O_NOFOLLOW;
const HOLD_FOLDER = HOLD | constants.O_DIRECTORY;
export const MAX_NAME_BYTES = 255;
const MAX_LINKS = 40;
const MAX_SEGMENTS = 512;

/** What becomes of a symbolic link at the end of a path (W4). */
export type LastLink =
  /** It is followed. */
  | 'Follow'
  /** It is followed where a slash stands behind it. */
  | 'Keep'
  /** It is the name that is meant. */
  | 'Name';

/** Where a path leads. */
export interface Spot {
  /** A descriptor of the folder that it is in. */
  readonly folder: number;
  /** Its name there; absent where the path means the folder itself: it ends with `.` or `..`. */
  readonly name: string | undefined;
  /** The path ends with a slash: it means a folder. */
  readonly isFolder: boolean;
  /** It ends with `..`. */
  readonly isAbove: boolean;
  /** Folders from where the walk began. */
  readonly depth: number;
}

/** The path of one name below a descriptor (W1). */
export function below(folder: number, name: string): string {
  return `/proc/self/fd/${folder}/${name}`;
}

export function itself(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

/** @throws FileFault, and what the system says. */
export function walk<T>(base: number, path: string, last: LastLink, use: (spot: Spot) => T): T {
  const route = new Route(base);
  try {
    return use(route.to(path, last));
  } finally {
    route.close();
  }
}

class Route {
  readonly #base: number;
  /** Held below the base, the innermost last. */
  readonly #held: number[] = [];
  #links = 0;

  constructor(base: number) {
    this.#base = base;
  }

  get #folder(): number {
    return this.#held.at(-1) ?? this.#base;
  }

  to(path: string, last: LastLink): Spot {
    /** What is left of the way, the next one at the end. */
    const left = namesOf(path).toReversed();
    let isFolder = path.endsWith('/');
    let name = '';
    for (let passed = 0; left.length > 0; passed++) {
      if (passed > MAX_SEGMENTS) throw new FileFault('name-too-long');
      name = left.pop()!;
      if (name === '.') continue;
      if (name === '..') {
        this.#leave();
        continue;
      }
      if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new FileFault('name-too-long');
      const isLast = left.length === 0;
      const follows = last === 'Follow' || (last === 'Keep' && isFolder);
      const link = isLast ? (follows ? this.#linkAt(name) : undefined) : this.#enter(name);
      if (link !== undefined) {
        if (isLast) isFolder ||= link.endsWith('/');
        left.push(...namesOf(link).toReversed());
      } else if (isLast) return { folder: this.#folder, name, isFolder, isAbove: false, depth: this.#held.length };
    }
    const isAbove = name === '..';
    return { folder: this.#folder, name: undefined, isFolder: true, isAbove, depth: this.#held.length };
  }

  close(): void {
    for (const folder of this.#held) closeSync(folder);
  }

  /** The text of a link in place of a folder. */
  #enter(name: string): string | undefined {
    try {
      this.#held.push(openSync(below(this.#folder, name), HOLD_FOLDER));
      return undefined;
    } catch (thrown) {
      if (errnoOf(thrown) !== 'ENOTDIR' && errnoOf(thrown) !== 'ELOOP') throw thrown;
      const link = this.#linkAt(name);
      if (link === undefined) throw new FileFault('not-directory');
      return link;
    }
  }

  /** What a symbolic link leads to; `undefined` where there is none. */
  #linkAt(name: string): string | undefined {
    let target: string;
    try {
      target = readlinkSync(below(this.#folder, name));
    } catch (thrown) {
      if (errnoOf(thrown) === 'EINVAL' || errnoOf(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
    if (++this.#links > MAX_LINKS) throw new FileFault('loop');
    return target;
  }

  /** W2. */
  #leave(): void {
    const folder = this.#held.pop();
    if (folder === undefined) throw new FileFault('not-permitted');
    closeSync(folder);
  }
}

/** W2. Slashes that follow each other are one. */
function namesOf(path: string): string[] {
  if (path === '') throw new FileFault('no-entry');
  if (path.startsWith('/')) throw new FileFault('not-permitted');
  if (Buffer.byteLength(path) > MAX_FILE_PATH_BYTES) throw new FileFault('name-too-long');
  if (path.includes('\0')) throw new FileFault('invalid');
  return path.split('/').filter((name) => name !== '');
}
