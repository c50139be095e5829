/**
 * What a cell process loads: the modules of `src/process/cell.ts` as plain JavaScript in a folder of their own, so that a
 * cell needs neither the source tree nor the type stripper, and the sandbox can show it that folder and nothing else.
 *
 * The folder is named by the hash of its content and appears by one rename: whoever sees it sees all of it.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, type Node } from 'acorn';

export interface BootFolder {
  /** Absolute path; world-readable, written by nobody. */
  readonly folder: string;
  /** The entry module, relative to `folder`. */
  readonly entry: string;
}

export interface BootSource {
  /** Absolute path of the entry module, `.ts` or `.js`. */
  readonly entry: string;
  /** The folder that holds all of our own modules: `src` or its build. */
  readonly root: string;
}

const MAX_MODULES = 500;

/** Writes the boot folder below `parent` unless it is there already, and removes those of other versions. */
export async function writeBootFolder(source: BootSource, parent: string): Promise<BootFolder> {
  const modules = await collectModules(source);
  const hash = hashOf(modules);
  const folder = path.join(parent, hash);
  const entry = placeOf(source.entry, source.root);
  await mkdir(parent, { recursive: true });
  await chmod(parent, 0o755);
  if (!(await holds(folder, modules))) {
    const unfinished = path.join(parent, `.unfinished-${process.pid}`);
    await rm(unfinished, { recursive: true, force: true });
    await writeModules(unfinished, modules);
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  }
  for (const name of await readdir(parent)) {
    if (name !== hash) await rm(path.join(parent, name), { recursive: true, force: true });
  }
  return { folder, entry };
}

/** Place in the boot folder → text, for the entry and everything that it imports. */
async function collectModules(source: BootSource): Promise<ReadonlyMap<string, string>> {
  const modules = new Map<string, string>([['package.json', '{"type":"module"}\n']]);
  const waiting = [source.entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const place = placeOf(file, source.root);
    if (modules.has(place)) continue;
    if (modules.size >= MAX_MODULES) throw new Error(`the cell's code has more than ${MAX_MODULES} modules`);
    const text = await readFile(file, 'utf8');
    const module = rewrite(file, file.endsWith('.ts') ? stripTypeScriptTypes(text) : text, source.root);
    modules.set(place, module.text);
    waiting.push(...module.imports);
  }
  return modules;
}

/** Where a file goes: our own below `src/`, a package's below `npm/`. */
function placeOf(file: string, root: string): string {
  const own = path.relative(root, file);
  if (!own.startsWith('..')) return path.join('src', own.replace(/\.ts$/, '.js'));
  const marker = `${path.sep}node_modules${path.sep}`;
  const at = file.lastIndexOf(marker);
  if (at < 0) throw new Error(`${file} is neither ours nor a package's: a cell cannot load it`);
  return path.join('npm', file.slice(at + marker.length));
}

/** The text with its specifiers pointing to where the boot folder has them, and the files that they stand for. */
function rewrite(file: string, text: string, root: string): { text: string; imports: string[] } {
  const imports: string[] = [];
  let result = '';
  let copied = 0;
  for (const specifier of specifiersOf(text)) {
    if (specifier.name.startsWith('node:')) continue;
    const target = specifier.name.startsWith('.')
      ? path.resolve(path.dirname(file), specifier.name)
      : fileURLToPath(import.meta.resolve(specifier.name));
    imports.push(target);
    const relative = path.relative(path.dirname(placeOf(file, root)), placeOf(target, root));
    const written = relative.startsWith('.') ? relative : `./${relative}`;
    result += `${text.slice(copied, specifier.start)}${JSON.stringify(written)}`;
    copied = specifier.end;
  }
  return { text: result + text.slice(copied), imports };
}

interface Specifier {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Module specifiers of static imports and exports, in order. A cell imports nothing later but its bindings, by `data:`. */
function specifiersOf(text: string): readonly Specifier[] {
  const found: Specifier[] = [];
  const program = parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
  for (const statement of program.body) {
    const source = (statement as Node & { source?: { value?: unknown; start: number; end: number } | null }).source;
    if (source && typeof source.value === 'string') {
      found.push({ name: source.value, start: source.start, end: source.end });
    }
  }
  return found;
}

function hashOf(modules: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const [place, text] of [...modules].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${place}\0${Buffer.byteLength(text)}\0`).update(text);
  }
  return hash.digest('hex').slice(0, 32);
}

async function holds(folder: string, modules: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [place, text] of modules) {
    const there = await readFile(path.join(folder, place), 'utf8').catch(() => undefined);
    if (there !== text) return false;
  }
  return true;
}

async function writeModules(folder: string, modules: ReadonlyMap<string, string>): Promise<void> {
  for (const [place, text] of modules) {
    const file = path.join(folder, place);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o644 });
  }
  // A cell runs under another uid where we are root, whatever our umask is.
  for (const name of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await chmod(path.join(name.parentPath, name.name), name.isDirectory() ? 0o755 : 0o644);
  }
  await chmod(folder, 0o755);
}
