import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { hashOfJson, type Digest } from '../kit/digest.ts';
import type { Bundle } from '../model/engine.ts';
import { isIntact } from './bundle.ts';

/** What a bundle is made from: the same key, the same bundle. */
export interface PreparationKey {
  readonly artifact: Digest;
  readonly memoryBytes: number;
  readonly toolchain: string;
  /** Functions of linked imports that can block; absent where none can. */
  readonly blockingLinks?: readonly string[];
}

export interface IndexEntry {
  readonly key: PreparationKey;
  readonly madeMs: number;
  readonly bundle: Bundle;
}

/** Prepared bundles that are remembered at most, those that are kept apart. */
export const MAX_INDEX_ENTRIES = 1_000;

/**
 * Which bundle was made from which component: one small file each, written aside and renamed. It is a cache: an entry that is
 * not intact is dropped, and nothing is lost but time.
 */
export class BundleIndex {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #entries = new Map<string, IndexEntry>();

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(folder)) this.#load(file);
  }

  get(key: PreparationKey): Bundle | undefined {
    return this.#entries.get(nameOf(key))?.bundle;
  }

  /** Entries of an artifact, newest first. */
  of(artifact: Digest): IndexEntry[] {
    const found = [...this.#entries.values()].filter((entry) => entry.key.artifact === artifact);
    return found.sort((a, b) => b.madeMs - a.madeMs);
  }

  byDigest(digest: Digest): Bundle | undefined {
    for (const { bundle } of this.#entries.values()) if (bundle.digest === digest) return bundle;
    return undefined;
  }

  /** Remembers; a disk that refuses costs a preparation after the next start, and no more. */
  set(entry: IndexEntry): void {
    const name = nameOf(entry.key);
    this.#entries.set(name, entry);
    const aside = path.join(this.#folder, `${randomUUID()}.tmp`);
    try {
      writeFileSync(aside, JSON.stringify(entry), { mode: 0o600, flag: 'wx' });
      renameSync(aside, path.join(this.#folder, `${name}.json`));
    } catch (error) {
      this.#log.warn({ err: error }, 'prepared bundle not remembered on disk');
      rmSync(aside, { force: true });
    }
  }

  delete(key: PreparationKey): void {
    const name = nameOf(key);
    this.#entries.delete(name);
    rmSync(path.join(this.#folder, `${name}.json`), { force: true });
  }

  /**
   * Of an artifact in `keep`: its bundles of the present toolchain and of the newest before it; of older ones only those
   * whose own digest is in `keep`. Everything else is loose, and stays while there is room for it.
   */
  collect(keep: ReadonlySet<Digest>, maxEntries: number, toolchain: string): void {
    const loose = [...this.#entries.values()].filter(
      (entry) => !keep.has(entry.bundle.digest) && !(keep.has(entry.key.artifact) && this.#isRecent(entry, toolchain)),
    );
    loose.sort((a, b) => b.madeMs - a.madeMs);
    for (const { key } of loose.slice(maxEntries)) this.delete(key);
  }

  #isRecent({ key, madeMs }: IndexEntry, toolchain: string): boolean {
    if (key.toolchain === toolchain) return true;
    const newer = this.of(key.artifact).some(
      (other) =>
        other.key.memoryBytes === key.memoryBytes &&
        other.key.toolchain !== toolchain &&
        other.key.toolchain !== key.toolchain &&
        other.madeMs > madeMs,
    );
    return !newer;
  }

  #load(file: string): void {
    const where = path.join(this.#folder, file);
    const entry = readEntry(where);
    if (entry && file === `${nameOf(entry.key)}.json`) this.#entries.set(nameOf(entry.key), entry);
    else rmSync(where, { force: true, recursive: true });
  }
}

function nameOf({ artifact, memoryBytes, toolchain, blockingLinks }: PreparationKey): string {
  return hashOfJson({ artifact, memoryBytes, toolchain, ...(blockingLinks ? { blockingLinks } : {}) });
}

function readEntry(file: string): IndexEntry | undefined {
  try {
    const entry = JSON.parse(readFileSync(file, 'utf8')) as IndexEntry;
    const belongs = entry.bundle.artifact === entry.key.artifact && entry.bundle.toolchain === entry.key.toolchain;
    return belongs && isIntact(entry.bundle) && Number.isFinite(entry.madeMs) ? entry : undefined;
  } catch {
    return undefined;
  }
}
