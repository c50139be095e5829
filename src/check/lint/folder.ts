/** A folder on the disk, read as a commit with this content would show it: regular files only, nothing behind a link. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, lstat, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isDigest, type Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { BOUNDS } from '../../manifest/bounds.ts';
import { isManifestPath } from '../../manifest/parse.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';
import { CONFIG_FILE, type ConfigFile, type LintSource } from './source.ts';

/** A folder with more entries is hardly one of manifests; the daemon's mirror has the same bound for a commit. */
const MAX_ENTRIES = 20_000;

export function folderSource(dir: string): LintSource {
  const relative = path.relative(process.cwd(), path.resolve(dir)).split(path.sep).join('/');
  return {
    label: dir,
    prefix: relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? '' : `${relative}/`,
    manifests: (ignore) => readManifests(dir, ignore),
    digests: async (paths) => ok(await digestArtifacts(dir, paths)),
    artifact: (file) => readArtifact(dir, file),
    config: () => readConfig(path.resolve(dir)),
    write: (file, text) => replace(path.join(dir, file), text),
  };
}

async function readManifests(
  dir: string,
  ignore: (path: string) => boolean,
): Promise<Result<readonly ManifestFile[], Problem>> {
  let paths: readonly string[];
  try {
    paths = (await manifestPaths(dir)).filter((file) => !ignore(file));
  } catch (error) {
    return err(problem('HW5013', `${dir} cannot be read: ${reasonOf(error)}`));
  }
  const files: ManifestFile[] = [];
  let total = 0;
  for (const file of paths) {
    try {
      const { size } = await lstat(path.join(dir, file));
      total += size;
      // Past the bounds the content does not matter any more; the parser says so by the number of bytes.
      const bytes = total > BOUNDS.maxTotalBytes * 2 ? new Uint8Array(0) : await readFile(path.join(dir, file));
      files.push({ path: file, bytes });
    } catch (error) {
      return err(problem('HW5013', `${file} cannot be read: ${reasonOf(error)}`));
    }
  }
  return ok(files);
}

/** Digests of the artifacts that exist. A path that leads out of the folder or through a link does not exist in git. */
async function digestArtifacts(dir: string, paths: readonly string[]): Promise<ReadonlyMap<string, Digest>> {
  const digests = new Map<string, Digest>();
  for (const artifact of paths) {
    if (await isRegularFile(dir, artifact)) digests.set(artifact, await digestOfFile(path.join(dir, artifact)));
  }
  return digests;
}

async function readArtifact(dir: string, file: string): Promise<Result<Uint8Array, Problem>> {
  try {
    return ok(await readFile(path.join(dir, file)));
  } catch (error) {
    return err(problem('HW5013', `${file} cannot be read: ${reasonOf(error)}`));
  }
}

async function manifestPaths(dir: string): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [''];
  let seen = 0;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const entry of await readdir(path.join(dir, folder), { withFileTypes: true })) {
      seen += 1;
      if (seen > MAX_ENTRIES) throw new Error(`it holds more than ${MAX_ENTRIES} files and folders`);
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules') folders.push(name);
      if (entry.isFile() && isManifestPath(name)) found.push(name);
    }
  }
  return found.sort();
}

/** In the folder itself, else in the nearest one above it, not past the root of its repository. */
async function readConfig(dir: string): Promise<Result<ConfigFile | undefined, Problem>> {
  for (let at = dir; ; at = path.dirname(at)) {
    const file = path.join(at, CONFIG_FILE);
    const stat = await lstat(file).catch(() => undefined);
    if (stat?.isFile()) {
      const below = path.relative(at, dir).split(path.sep).join('/');
      try {
        return ok({ file, bytes: await readFile(file), below: below === '' ? '' : `${below}/` });
      } catch (error) {
        return err(problem('HW5013', `${file} cannot be read: ${reasonOf(error)}`));
      }
    }
    if (existsSync(path.join(at, '.git')) || path.dirname(at) === at) return ok(undefined);
  }
}

/** Written aside and renamed: a file is never half of itself. */
async function replace(file: string, text: string): Promise<Result<void, Problem>> {
  const aside = `${file}.${randomUUID()}.tmp`;
  try {
    const { mode } = await lstat(file);
    await writeFile(aside, text, { flag: 'wx' });
    await chmod(aside, mode);
    await rename(aside, file);
    return ok(undefined);
  } catch (error) {
    return err(problem('HW5013', `${file} cannot be written: ${reasonOf(error)}`));
  }
}

async function isRegularFile(dir: string, artifact: string): Promise<boolean> {
  const segments = artifact.split('/');
  for (const [index] of segments.entries()) {
    const at = path.join(dir, ...segments.slice(0, index + 1));
    const stat = await lstat(at).catch(() => undefined);
    const last = index === segments.length - 1;
    if (!stat || !(last ? stat.isFile() : stat.isDirectory())) return false;
  }
  return true;
}

async function digestOfFile(file: string): Promise<Digest> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = `sha256:${hash.digest('hex')}`;
  if (!isDigest(digest)) throw new Error(`${digest} is not a digest`);
  return digest;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
