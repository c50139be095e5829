/**
 * Completes package-lock.json: `npm install` leaves out optional packages of other platforms where it cannot see them at
 * that moment (npm/cli#4828), and `npm ci` then refuses the file as out of step. Each gets the entry that its parent
 * names: exact version, and the platform that its name says. Run after a dependency was added:
 *
 *   node test/support/complete-lockfile.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface Entry {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

interface Lockfile {
  packages: Record<string, Entry>;
}

const FILE = path.resolve(import.meta.dirname, '../../package-lock.json');
const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32', 'aix', 'netbsd', 'openbsd', 'sunos'];
const PROCESSORS = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

/** The versions that are asked for are exact; a range would need a registry to be resolved. */
const EXACT = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

const lockfile = JSON.parse(readFileSync(FILE, 'utf8')) as Lockfile;
const added: string[] = [];
for (const [place, parent] of Object.entries(lockfile.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const found = resolved(place, name);
    if (found !== undefined && (found === version || !EXACT.test(version))) continue;
    if (!EXACT.test(version)) throw new Error(`${place} asks for ${name} ${version}, which is not exact`);
    lockfile.packages[freePlace(place, name, version)] = {
      version,
      ...platformOf(name),
      ...(parent.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name} ${version}`);
  }
}
const packages = Object.entries(lockfile.packages).sort(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(FILE, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(packages) }, undefined, 2)}\n`);
process.stdout.write(`${added.length} packages added\n${added.map((line) => `  ${line}\n`).join('')}`);

/** The version that the parent would get: npm looks beside it first, then in each folder above. */
function resolved(place: string, name: string): string | undefined {
  for (let folder = place; ;) {
    const entry = lockfile.packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`];
    if (entry) return entry.version;
    if (folder === '') return undefined;
    const above = folder.lastIndexOf('/node_modules/');
    folder = above === -1 ? '' : folder.slice(0, above);
  }
}

function freePlace(place: string, name: string, version: string): string {
  const top = `node_modules/${name}`;
  const there = lockfile.packages[top];
  return there === undefined || there.version === version ? top : `${place}/node_modules/${name}`;
}

function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words.includes('musl') ? ['musl'] : words.includes('gnu') ? ['glibc'] : [];
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(libc.length > 0 ? { libc } : {}) };
}
