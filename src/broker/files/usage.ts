/**
 * How much is in a volume: names (files, folders, links) and bytes of files, each file once however many names it has.
 *
 * Invariants
 * U1 A file that has no name any more counts until the last descriptor of it is closed.
 * U2 What was counted at the start of a broker and added since is what is there, as long as nobody but brokers writes.
 */
import type { BigIntStats } from 'node:fs';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { opendir, lstat } from 'node:fs/promises';
import { FileFault } from './fault.ts';
import { below, HOLD, itself } from './walk.ts';

/** What a grant lets its component make of a volume. */
export interface VolumeQuota {
  readonly bytes: number;
  readonly files: number;
}

/** Deeper folders than a guest can make by its paths: somebody has moved them into each other. */
const MAX_COUNTED_DEPTH = 512;

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
   * Counts what is there, a folder at a time and not in the way of anybody.
   *
   * @throws what the system says, and FileFault where it is nested beyond measure.
   */
  async count(root: number): Promise<void> {
    const seen = new Set<bigint>();
    await this.#countFolder(root, seen, 0);
  }

  async #countFolder(folder: number, seen: Set<bigint>, depth: number): Promise<void> {
    if (depth > MAX_COUNTED_DEPTH) throw new FileFault('name-too-long');
    for await (const { name } of await opendir(itself(folder))) {
      const stats = await lstat(below(folder, name), { bigint: true }).catch(() => undefined);
      if (!stats) continue;
      this.files += 1;
      if (stats.isDirectory()) {
        const inner = openSync(below(folder, name), HOLD);
        try {
          // Whoever swaps it for something else meanwhile is no guest: guests wait until it is counted.
          if (fstatSync(inner).isDirectory()) await this.#countFolder(inner, seen, depth + 1);
        } finally {
          closeSync(inner);
        }
      } else if (stats.nlink === 1n || !seen.has(stats.ino)) {
        if (stats.nlink > 1n) seen.add(stats.ino);
        this.bytes += Number(stats.size);
      }
    }
  }
}
