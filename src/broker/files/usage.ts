/**
 * How much is in a volume: names (files, folders, links) and bytes of files, each file once however many names it has.
 *
 * Invariants
 * U1 A file that has no name any more counts until the last descriptor of it is closed.
 * U2 What was counted at the start of a broker and added since is what is there, as long as nobody but brokers writes.
 */
import type { BigIntStats } from 'node:fs';
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { opendir, lstat } from 'node:fs/promises';
import { FileFault } from './fault.ts';
import { below, HOLD, itself } from './walk.ts';

/** What a grant lets its component make of a volume. */
export interface VolumeQuota {
  readonly bytes: number;
  readonly files: number;
}

const HOLD_FOLDER = HOLD | constants.O_DIRECTORY;

export class Usage {
  bytes = 0;
  files = 0;
  /** By inode: how many descriptors hold it, and whether it has lost its last name. */
  readonly #open = new Map<bigint, { holders: number; nameless: boolean }>();

  /** @throws FileFault `quota`. Less is always allowed: a volume may be over a quota that was lowered. */
  admit(bytes: number, files: number, quota: VolumeQuota): void {
    if (bytes > 0 && this.bytes + bytes > quota.bytes) throw new FileFault('quota');
    if (files > 0 && this.files + files > quota.files) throw new FileFault('quota');
  }

  hold(inode: bigint): void {
    const held = this.#open.get(inode);
    if (held) held.holders += 1;
    else this.#open.set(inode, { holders: 1, nameless: false });
  }

  /** Before the descriptor is closed. */
  letGo(inode: bigint, size: bigint): void {
    const held = this.#open.get(inode);
    if (!held || --held.holders > 0) return;
    this.#open.delete(inode);
    if (held.nameless) this.bytes -= Number(size);
  }

  /** A name of a file, link or folder is gone; the stat is of before. */
  lost(stats: BigIntStats): void {
    this.files -= 1;
    if (stats.isDirectory() || (stats.isFile() && stats.nlink > 1n)) return;
    const held = stats.isFile() ? this.#open.get(stats.ino) : undefined;
    if (held) held.nameless = true;
    else this.bytes -= Number(stats.size);
  }

  /**
   * Counts what is there, a folder at a time and not in the way of anybody. Folders may be in each other as deep as they like:
   * who moves one into another adds their depths. So one of them is held at a time, and left by `..`.
   *
   * @throws what the system says, and FileFault where somebody moves folders meanwhile: guests wait until it is counted.
   */
  async count(root: number): Promise<void> {
    const seen = new Set<bigint>();
    const above: { readonly inode: bigint; readonly inner: string[] }[] = [];
    let folder = openSync(`${itself(root)}/.`, HOLD_FOLDER);
    try {
      let inner = await this.#countFolder(folder, seen);
      for (;;) {
        const name = inner.pop();
        if (name !== undefined) {
          above.push({ inode: inodeOf(folder), inner });
          folder = instead(folder, below(folder, name));
          inner = await this.#countFolder(folder, seen);
          continue;
        }
        const outer = above.pop();
        if (!outer) return;
        folder = instead(folder, below(folder, '..'));
        if (inodeOf(folder) !== outer.inode) throw new FileFault('busy');
        ({ inner } = outer);
      }
    } finally {
      closeSync(folder);
    }
  }

  /** Returns the names of the folders in it. */
  async #countFolder(folder: number, seen: Set<bigint>): Promise<string[]> {
    const inner: string[] = [];
    for await (const { name } of await opendir(itself(folder))) {
      const stats = await lstat(below(folder, name), { bigint: true }).catch(() => undefined);
      if (!stats) continue;
      this.files += 1;
      if (stats.isDirectory()) inner.push(name);
      else if (stats.nlink === 1n || !seen.has(stats.ino)) {
        if (stats.nlink > 1n) seen.add(stats.ino);
        this.bytes += Number(stats.size);
      }
    }
    return inner;
  }
}

/** Held in the place of another one, which is closed. Where there is none, nothing changes. */
function instead(folder: number, path: string): number {
  const next = openSync(path, HOLD_FOLDER);
  closeSync(folder);
  return next;
}

function inodeOf(folder: number): bigint {
  return fstatSync(folder, { bigint: true }).ino;
}
