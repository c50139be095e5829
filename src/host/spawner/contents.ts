/**
 * Files of the content store, as they are given to cells.
 *
 * Invariant H1 (I9 of the design): what is given out was hashed here, after it was read, and hashes to the digest that the bundle names.
 *
 * What was given out last is kept, with the bytes themselves and not with a word about a file: a call may wait for the next start
 * of the same component, and a megabyte takes 1.5 ms to read and to hash.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { RecentBuffers } from '../../kit/recent-buffers.ts';
import { digestOfBytes, type Digest } from '../../kit/digest.ts';
import { contentPath } from '../../model/content.ts';

/** A dozen components of JavaScript; StarlingMonkey's own size is not for this. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;

export class Contents {
  readonly #folder: string;
  readonly #kept: RecentBuffers<Digest>;

  constructor(storeFolder: string, mostBytes = MAX_KEPT_BYTES) {
    this.#folder = storeFolder;
    this.#kept = new RecentBuffers(mostBytes);
  }

  /** Nobody writes to the bytes. A text says what is wrong with the file. In one go: by way of the thread pool it costs four times its reading. */
  read({ digest, bytes }: { readonly digest: Digest; readonly bytes: number }): Buffer | string {
    const kept = this.#kept.get(digest);
    const content = kept ?? this.#open(digest);
    if (typeof content === 'string') return content;
    if (content.length !== bytes || (!kept && digestOfBytes(content) !== digest)) {
      return `in the content store does not hash to ${digest}`;
    }
    if (!kept) this.#kept.set(digest, content);
    return content;
  }

  #open(digest: Digest): Buffer | string {
    try {
      return readFileSync(path.join(this.#folder, contentPath(digest)));
    } catch (error) {
      return `(${digest}) cannot be read from the content store: ${(error as Error).message}`;
    }
  }
}
