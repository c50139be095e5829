import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * Lays out an empty bare repository, or gives the one that is there its configuration anew. By hand and not by
 * `git init`, whose templates bring hooks.
 */
export async function layOut(mirror: string, config: string): Promise<void> {
  for (const folder of ['objects/info', 'objects/pack', 'refs/headway']) {
    await mkdir(join(mirror, folder), { recursive: true, mode: 0o700 });
  }
  await replaceFile(join(mirror, 'HEAD'), 'ref: refs/headway/head\n');
  await replaceFile(join(mirror, 'config'), config);
  await rm(join(mirror, 'hooks'), { recursive: true, force: true });
}

async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`;
  await writeFile(next, text, { mode: 0o600, flush: true });
  await rename(next, path);
}

/**
 * Removes what a fetch that was killed leaves behind: locks, half-written packs, and packs whose index never came.
 * Only for a mirror that nobody else uses; the lock on the data folder sees to that.
 *
 * @returns how many files were removed.
 */
export async function sweep(mirror: string): Promise<number> {
  const paths = await readdir(mirror, { recursive: true });
  const known = new Set(paths);
  let removed = 0;
  for (const path of paths) {
    if (!isLeftover(path, known)) continue;
    await rm(join(mirror, path), { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

function isLeftover(path: string, known: ReadonlySet<string>): boolean {
  const name = basename(path);
  if (name.endsWith('.lock') || name.endsWith('.next')) return true;
  if (!path.startsWith('objects/')) return false;
  if (/^(tmp_|\.tmp-|incoming-)/.test(name)) return true;
  const half = /^(objects\/pack\/pack-[0-9a-f]+)\.(pack|idx|rev)$/.exec(path);
  return half !== null && !(known.has(`${half[1]}.pack`) && known.has(`${half[1]}.idx`));
}

/** Puts a damaged mirror beside, in the place of the last one that was: evidence, but never more than one. */
export async function setAside(mirror: string): Promise<string> {
  const aside = `${mirror}.damaged`;
  await rm(aside, { recursive: true, force: true });
  await rename(mirror, aside);
  return aside;
}

/** Bytes of all files of a mirror. Files that go away meanwhile count as nothing. */
export async function mirrorBytes(mirror: string): Promise<number> {
  const paths = await readdir(mirror, { recursive: true }).catch(() => []);
  let total = 0;
  for (const path of paths) {
    const file = await stat(join(mirror, path)).catch(() => undefined);
    if (file?.isFile()) total += file.size;
  }
  return total;
}
