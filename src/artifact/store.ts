import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open, readFile, rename, rm, stat, utimes, mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { digestOfBytes, isDigest, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { contentPath } from '../model/content.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ArtifactPort } from '../reconcile/ports.ts';

/** The longest content that the store takes: the largest JavaScript runtimes as components are a fifth of it. */
export const MAX_ARTIFACT_BYTES = 64 * 1024 * 1024;
/** What was stored or refreshed this recently is not collected, referred to or not (A3). */
export const COLLECT_GRACE_MS = 10 * 60_000;

export interface ContentStoreOptions {
  readonly folder: string;
  /** Of the whole store, on disk. */
  readonly maxBytes: number;
  readonly log: Logger;
  /** For tests: `COLLECT_GRACE_MS` and `MAX_ARTIFACT_BYTES` otherwise. */
  readonly graceMs?: number;
  readonly maxArtifactBytes?: number;
}

/**
 * Opens the store, makes its folders and clears what a crash left half-written.
 *
 * @throws when the folder cannot be made or read: without it there is no daemon.
 */
export function openContentStore(options: ContentStoreOptions): ArtifactPort {
  return new ContentStore(options);
}

class ContentStore implements ArtifactPort {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #maxArtifactBytes: number;
  readonly #graceMs: number;
  readonly #log: Logger;
  /** Bytes on disk, kept up to date by put and collect; exact again at each collect. */
  #usedBytes: number;
  /** Room that a put has lacked since the last collect, which makes it. */
  #wantedBytes = 0;

  constructor({ folder, maxBytes, log, graceMs, maxArtifactBytes }: ContentStoreOptions) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#maxArtifactBytes = maxArtifactBytes ?? MAX_ARTIFACT_BYTES;
    this.#graceMs = graceMs ?? COLLECT_GRACE_MS;
    this.#log = log;
    rmSync(path.join(folder, 'tmp'), { recursive: true, force: true });
    mkdirSync(path.join(folder, 'tmp'), { recursive: true, mode: 0o700 });
    mkdirSync(path.join(folder, 'sha256'), { recursive: true, mode: 0o700 });
    this.#usedBytes = total(this.#list());
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, Problem>> {
    if (bytes.byteLength > this.#maxArtifactBytes) return err(tooLarge(bytes.byteLength, this.#maxArtifactBytes));
    const digest = digestOfBytes(bytes);
    const file = this.#path(digest);
    // What is there already is read back, so that a put also mends a damaged file.
    if (await holds(file, digest)) {
      await utimes(file, new Date(), new Date()).catch(() => undefined);
      return ok(digest);
    }
    if (this.#usedBytes + bytes.byteLength > this.#maxBytes) {
      this.#wantedBytes = Math.max(this.#wantedBytes, bytes.byteLength);
      return err(
        problem(
          'HW2006',
          `${bytes.byteLength} bytes do not fit: the store holds ${this.#usedBytes} of ${this.#maxBytes}`,
        ),
      );
    }
    this.#usedBytes += bytes.byteLength;
    try {
      await writeAside(file, path.join(this.#folder, 'tmp', randomUUID()), bytes);
      return ok(digest);
    } catch (error) {
      this.#usedBytes -= bytes.byteLength;
      return err(problem('HW2004', `${digest} could not be written: ${reason(error)}`));
    }
  }

  async has(digest: Digest): Promise<boolean> {
    if (!isDigest(digest)) return false;
    const found = await stat(this.#path(digest)).catch(() => undefined);
    return found?.isFile() === true;
  }

  async read(digest: Digest): Promise<Result<Uint8Array, Problem>> {
    if (!isDigest(digest)) return err(problem('HW2005', 'the name that was asked for is not a digest'));
    const file = this.#path(digest);
    const content = await readBounded(file, this.#maxArtifactBytes).catch((error: unknown) => error);
    if (content instanceof Uint8Array && digestOfBytes(content) === digest) return ok(content);
    if (isMissing(content)) return err(problem('HW2005', `${digest} is not in the content store`));
    if (content instanceof Error) return err(problem('HW2004', `${digest} could not be read: ${reason(content)}`));
    this.#log.error({ digest }, 'stored bytes do not hash to their name; dropped');
    await rm(file, { force: true }).catch(() => undefined);
    return err(problem('HW2003', `the bytes stored as ${digest} no longer hash to it`));
  }

  async collect(keep: ReadonlySet<Digest>): Promise<void> {
    const files = this.#list();
    this.#usedBytes = total(files);
    const before = Date.now() - this.#graceMs;
    const garbage = files.filter((file) => !keep.has(file.digest) && file.usedMs <= before);
    garbage.sort((a, b) => a.usedMs - b.usedMs);
    const targetBytes = this.#maxBytes - this.#wantedBytes;
    this.#wantedBytes = 0;
    let removed = 0;
    for (const file of garbage) {
      if (this.#usedBytes <= targetBytes) break;
      await rm(this.#path(file.digest), { force: true });
      this.#usedBytes -= file.bytes;
      removed += 1;
    }
    if (removed > 0) this.#log.info({ removed, bytes: this.#usedBytes }, 'content store collected');
    if (this.#usedBytes > this.#maxBytes) {
      this.#log.warn(
        { bytes: this.#usedBytes, maxBytes: this.#maxBytes },
        'content store over its size; all of it is kept',
      );
    }
  }

  #path(digest: Digest): string {
    return path.join(this.#folder, contentPath(digest));
  }

  #list(): StoredFile[] {
    const root = path.join(this.#folder, 'sha256');
    const files: StoredFile[] = [];
    for (const start of readdirSync(root)) {
      for (const rest of readdirSync(path.join(root, start))) {
        const digest = `sha256:${start}${rest}`;
        const found = statSync(path.join(root, start, rest), { throwIfNoEntry: false });
        if (isDigest(digest) && found) files.push({ digest, bytes: found.size, usedMs: found.mtimeMs });
      }
    }
    return files;
  }
}

interface StoredFile {
  readonly digest: Digest;
  readonly bytes: number;
  readonly usedMs: number;
}

function total(files: readonly StoredFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

async function holds(file: string, digest: Digest): Promise<boolean> {
  const content = await readFile(file).catch(() => undefined);
  return content !== undefined && digestOfBytes(content) === digest;
}

/** A2: complete under its name or not there. The folder is flushed too, else a power cut could lose the name. */
async function writeAside(file: string, aside: string, bytes: Uint8Array): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    const handle = await open(aside, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, file);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readBounded(file: string, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    // Longer than anything that was ever put: damaged, and not worth reading to know it.
    return size > maxBytes ? new Uint8Array() : await handle.readFile();
  } finally {
    await handle.close();
  }
}

function tooLarge(bytes: number, maxBytes: number): Problem {
  return problem('HW2002', `the artifact has ${bytes} bytes; at most ${maxBytes} are accepted`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
