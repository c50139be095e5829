/**
 * What was verified once: a file for each artifact and demand, named by a hash of all that shaped the verdict, so that
 * another policy or another trusted root finds none. Only that a demand was met is kept, never that it was not.
 */
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hashOfJson } from '../../kit/digest.ts';
import { canonicalJson, type Json } from '../../kit/json.ts';

/** Beyond it the oldest go, and are verified again when they are asked for. */
export const MAX_VERDICTS = 4_096;

export interface Verdicts {
  has(about: Json): Promise<boolean>;
  add(about: Json): Promise<void>;
}

export function openVerdicts(folder: string | undefined, maxVerdicts = MAX_VERDICTS): Verdicts {
  if (folder === undefined) return { has: () => Promise.resolve(false), add: () => Promise.resolve() };
  const fileOf = (about: Json): string => path.join(folder, hashOfJson(about));
  return {
    async has(about) {
      const text = await readFile(fileOf(about), 'utf8').catch(() => undefined);
      // A file that was cut or damaged says nothing.
      return text === canonicalJson(about);
    },
    async add(about) {
      // Where it cannot be written down it is verified again.
      await write(folder, fileOf(about), canonicalJson(about), maxVerdicts).catch(() => undefined);
    },
  };
}

async function write(folder: string, file: string, text: string, maxVerdicts: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, text, { mode: 0o600 });
  const names = await readdir(folder);
  if (names.length <= maxVerdicts) return;
  const files = await Promise.all(
    names.map(async (name) => {
      const place = path.join(folder, name);
      return {
        place,
        atMs: (await stat(place).catch(() => undefined))?.mtimeMs ?? 0,
      };
    }),
  );
  files.sort((a, b) => a.atMs - b.atMs);
  for (const { place } of files.slice(0, names.length - maxVerdicts)) await rm(place, { force: true });
}
