/**
 * Artifacts in a folder of the user, for commands: the blobs of an OCI image layout (`blobs/sha256/<hex>`), as `oras` and
 * `skopeo` write it, and `.wasm` files beside them, which are known by what they hash to.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { digestOfBytes, type Digest } from '../kit/digest.ts';
import { err, ok, type Result } from '../kit/result.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ArtifactPort } from '../reconcile/ports.ts';
import { MAX_ARTIFACT_BYTES } from './store.ts';

type Store = Pick<ArtifactPort, 'put' | 'has' | 'read'>;

/** Beside the blobs; the rest of a larger folder is not looked at. */
export const MAX_LOOSE_FILES = 1_000;

/** `folder` absent: nothing but what was put, in memory. @throws where the folder cannot be read. */
export async function openArtifactFolder(folder?: string): Promise<Store> {
  if (folder === undefined) return memoryStore();
  return new ArtifactFolder(folder, await looseFiles(folder));
}

class ArtifactFolder implements Store {
  readonly #blobs: string;
  readonly #loose: ReadonlyMap<Digest, string>;

  constructor(folder: string, loose: ReadonlyMap<Digest, string>) {
    this.#blobs = path.join(folder, 'blobs', 'sha256');
    this.#loose = loose;
  }

  async put(bytes: Uint8Array): Promise<Result<Digest, Problem>> {
    const digest = digestOfBytes(bytes);
    const aside = path.join(this.#blobs, `.${randomUUID()}`);
    try {
      await mkdir(this.#blobs, { recursive: true });
      await writeFile(aside, bytes);
      await rename(aside, this.#file(digest));
      return ok(digest);
    } catch (error) {
      return err(problem('HW2005', `${digest} cannot be kept: ${(error as Error).message}`));
    }
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.read(digest)).ok;
  }

  async read(digest: Digest): Promise<Result<Uint8Array, Problem>> {
    for (const file of [this.#file(digest), this.#loose.get(digest)]) {
      const bytes = file === undefined ? undefined : await bounded(file);
      // A folder that others write to is believed as little as a server.
      if (bytes && digestOfBytes(bytes) === digest) return ok(bytes);
    }
    return err(problem('HW2005', `${digest} is not in the folder of artifacts`));
  }

  #file(digest: Digest): string {
    return path.join(this.#blobs, digest.slice('sha256:'.length));
  }
}

async function looseFiles(folder: string): Promise<ReadonlyMap<Digest, string>> {
  const found = new Map<Digest, string>();
  const names = (await readdir(folder)).filter((name) => name.endsWith('.wasm')).sort();
  for (const name of names.slice(0, MAX_LOOSE_FILES)) {
    const file = path.join(folder, name);
    const bytes = await bounded(file);
    if (bytes) found.set(digestOfBytes(bytes), file);
  }
  return found;
}

/** `undefined`: it is not there, no regular file, or larger than an artifact may be. */
async function bounded(file: string): Promise<Uint8Array | undefined> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_ARTIFACT_BYTES) return undefined;
  return readFile(file).catch(() => undefined);
}

function memoryStore(): Store {
  const kept = new Map<Digest, Uint8Array>();
  return {
    async put(bytes) {
      const digest = digestOfBytes(bytes);
      kept.set(digest, bytes);
      return ok(digest);
    },
    has: async (digest) => kept.has(digest),
    async read(digest) {
      const bytes = kept.get(digest);
      return bytes ? ok(bytes) : err(problem('HW2005', `${digest} was not fetched`));
    },
  };
}
