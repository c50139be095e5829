/** A folder on the disk, read as a commit with this content would show it: regular files only, nothing behind a link. */
import { createHash, randomUUID, type Hash } from 'node:crypto';
import { createReadStream, existsSync, lstatSync, readFileSync } from 'node:fs';
import { chmod, lstat, readdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isDigest, type Digest } from '../../kit/digest.ts';
import { err, ok, type Result } from '../../kit/result.ts';
import { BOUNDS } from '../../manifest/bounds.ts';
import { isManifestPath } from '../../manifest/parse.ts';
import { resolveBase } from '../../model/base-path.ts';
import { problem, type Problem } from '../../model/problem.ts';
import type { ManifestFile } from '../../reconcile/ports.ts';
import { KeptArtifacts, MAX_KEPT_BYTES } from './kept.ts';
import { readMounted } from './mounted.ts';
import { CONFIG_FILE, type ConfigFile, type LintSource } from './source.ts';

/** A folder with more entries is hardly one of manifests; the daemon's mirror has the same bound for a commit. */
const MAX_ENTRIES = 20_000;

export function folderSource(dir: string): LintSource {
  const relative = path.relative(process.cwd(), path.resolve(dir)).split(path.sep).join('/');
  let kept = new KeptArtifacts();
  return {
    label: dir,
    prefix: relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? '' : `${relative}/`,
    manifests: (ignore) => readManifests(dir, ignore),
    base: (base) => readBase(dir, base),
    digests(paths) {
      kept = new KeptArtifacts();
      return digestArtifacts(dir, paths, kept);
    },
    folders: (paths) => readMounted(dir, paths),
    artifact: async (file) => {
      const bytes = kept.get(file);
      return bytes ? ok(bytes) : readArtifact(dir, file);
    },
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
      // Without `await`: nothing else waits here, and of ten thousand small files it would cost as much as their parse.
      const stat = lstatSync(path.join(dir, file));
      if (stat.isSymbolicLink()) {
        files.push({ path: file, bytes: new Uint8Array(0), isLink: true });
        continue;
      }
      total += stat.size;
      // Past the bounds the content does not matter any more; the parser says so by the number of bytes.
      const bytes = total > BOUNDS.maxTotalBytes * 2 ? new Uint8Array(0) : readFileSync(path.join(dir, file));
      files.push({ path: file, bytes });
    } catch (error) {
      return err(problem('HW5013', `${file} cannot be read: ${reasonOf(error)}`));
    }
  }
  return ok(files);
}

/** Inside of the repository that the folder belongs to, as the daemon would find it in a commit: not behind a link. */
async function readBase(dir: string, base: string): Promise<Result<readonly ManifestFile[], Problem>> {
  const root = await repositoryOf(dir);
  if (root === undefined) return err(problem('HW1150', `the base ${base} is not there: ${dir} is in no repository`));
  const own = path
    .relative(root, await realpath(dir))
    .split(path.sep)
    .join('/');
  const folder = resolveBase(own, base);
  if (!folder.ok) return err(problem('HW1150', `the base ${folder.error}`));
  const real = await realpath(path.join(root, folder.value)).catch(() => undefined);
  if (real !== path.join(root, folder.value)) {
    return err(problem('HW1150', `the base ${base} is not there: there is no folder ${folder.value}`));
  }
  const files = await readManifests(real, () => false);
  return files.ok ? ok(files.value.map((file) => ({ ...file, path: `${base}/${file.path}`, base }))) : files;
}

async function repositoryOf(dir: string): Promise<string | undefined> {
  for (let at = await realpath(dir); ; at = path.dirname(at)) {
    if (existsSync(path.join(at, '.git'))) return at;
    if (path.dirname(at) === at) return undefined;
  }
}

/** Digests of the artifacts that exist. A path that leads out of the folder or through a link does not exist in git. */
async function digestArtifacts(
  dir: string,
  paths: readonly string[],
  kept: KeptArtifacts,
): Promise<Result<ReadonlyMap<string, Digest>, Problem>> {
  const digests = new Map<string, Digest>();
  for (const artifact of paths) {
    const size = await sizeOf(dir, artifact);
    if (size === undefined) continue;
    if (size > MAX_KEPT_BYTES) {
      const digest = `sha256:${await hashOfFile(path.join(dir, artifact), createHash('sha256'))}`;
      if (isDigest(digest)) digests.set(artifact, digest);
      continue;
    }
    const bytes = await readArtifact(dir, artifact);
    if (!bytes.ok) return bytes;
    digests.set(artifact, kept.add(artifact, bytes.value));
  }
  return ok(digests);
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
      if ((entry.isFile() || entry.isSymbolicLink()) && isManifestPath(name)) found.push(name);
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

/** In bytes, of a regular file that no link leads to. */
async function sizeOf(dir: string, artifact: string): Promise<number | undefined> {
  const segments = artifact.split('/');
  for (const [index] of segments.entries()) {
    const at = path.join(dir, ...segments.slice(0, index + 1));
    const stat = await lstat(at).catch(() => undefined);
    const last = index === segments.length - 1;
    if (!stat || !(last ? stat.isFile() : stat.isDirectory())) return undefined;
    if (last) return stat.size;
  }
  return undefined;
}

async function hashOfFile(file: string, hash: Hash): Promise<string> {
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
