/**
 * The copy that a lost or corrupt journal starts from: the memory and the desired state as they were at the last
 * promotion, in one file that is replaced as a whole.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { digestOfBytes } from '../kit/digest.ts';
import type { Json } from '../kit/json.ts';
import { partsOf, type MemoryParts } from '../model/memory-parts.ts';

/** Version 1 held the memory as the text of one value. */
export const SEED_VERSION = 2;

export interface Seed {
  readonly memory: MemoryParts | undefined;
  /** JSON text, as the table holds it. */
  readonly desired: string | undefined;
  /** So that ids go on rising. */
  readonly lastEventId: number;
}

interface SeedFile {
  readonly format: 'headway-seed';
  readonly version: number;
  readonly digest: string;
  readonly body: string;
}

export type SeedRead =
  | { readonly type: 'none' }
  | { readonly type: 'damaged' }
  | { readonly type: 'newer'; readonly version: number }
  | { readonly type: 'seed'; readonly seed: Seed };

/** @throws the file system's errors. */
export function writeSeed(file: string, seed: Seed): void {
  const body = JSON.stringify(seed);
  const digest = digestOfBytes(Buffer.from(body));
  const content: SeedFile = { format: 'headway-seed', version: SEED_VERSION, digest, body };
  const next = `${file}.next`;
  writeFileSync(next, JSON.stringify(content), { mode: 0o600, flush: true });
  renameSync(next, file);
  syncFolder(dirname(file));
}

/** A rename is durable when the folder that holds it is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

export function readSeed(file: string): SeedRead {
  if (!existsSync(file)) return { type: 'none' };
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as SeedFile;
    if (content.format !== 'headway-seed' || !Number.isInteger(content.version)) return { type: 'damaged' };
    if (content.version > SEED_VERSION) return { type: 'newer', version: content.version };
    if (digestOfBytes(Buffer.from(content.body)) !== content.digest) return { type: 'damaged' };
    const seed = JSON.parse(content.body) as Seed & { readonly memory?: string };
    return { type: 'seed', seed: content.version === 1 ? { ...seed, memory: partsOfText(seed.memory) } : seed };
  } catch {
    return { type: 'damaged' };
  }
}

function partsOfText(memory: string | undefined): MemoryParts | undefined {
  return memory === undefined ? undefined : partsOf(JSON.parse(memory) as { readonly [field: string]: Json });
}
