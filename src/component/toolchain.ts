import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { BLOCKING } from '../model/blocking.ts';
import { MEMORY_MODULE, MEMORY_NAME, MEMORY_SECTION, memorySection } from '../model/imported-memory.ts';
import { WATCHED_MEMORY, WATCHED_REFUSALS, WATCHED_TABLE_REFUSALS } from '../model/watched-memory.ts';

const TRANSPILER = '@bytecodealliance/jco-transpile';
/** Packages whose version shapes the files of a bundle. */
const PACKAGES = [TRANSPILER, 'acorn', 'astring'];
/** What a bundle and a cell have agreed on, and what suspends. */
const AGREED = [
  BLOCKING,
  [MEMORY_MODULE, MEMORY_NAME, MEMORY_SECTION, [...memorySection({ initial: 1, maximum: 2 })]],
  [WATCHED_MEMORY, WATCHED_REFUSALS, WATCHED_TABLE_REFUSALS],
];

/**
 * Versions of everything that shapes a bundle: the packages, and this room itself by a hash over its files and over
 * what `model/` says for it, so that no change of a rule or pass can be forgotten. A bundle of another toolchain is another bundle.
 */
export function toolchainVersion(): string {
  const packages = PACKAGES.map((name) => `${name.split('/').at(-1)} ${packageVersion(name)}`);
  return [...packages, `headway ${hashOfFolder(import.meta.dirname).slice(0, 12)}`].join(', ');
}

/** Of the transpiler that is installed: which passes know their way through its output depends on it. */
export function transpilerVersion(): string {
  return packageVersion(TRANSPILER);
}

function packageVersion(name: string): string {
  const file = findPackageJSON(name, import.meta.url);
  if (file === undefined) throw new Error(`${name} is not installed; run npm ci`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function hashOfFolder(folder: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && /\.(?:ts|js|wasm)$/.test(item.name))
    .map((item) => path.join(item.parentPath, item.name))
    .sort();
  for (const file of files) {
    const bytes = readFileSync(file);
    hash.update(`${path.relative(folder, file)}\n${bytes.length}\n`).update(bytes);
  }
  return hash.update(JSON.stringify(AGREED)).digest('hex');
}
