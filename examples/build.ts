/**
 * `npm run build:examples [name…]`: builds the catalogue, or the named rows of it, into `examples/wasm/` and records
 * digests and tool versions in `examples/wasm/built.json`.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXAMPLES } from './catalogue.ts';
import { buildExample, compilerVersion } from './toolchain.ts';

export interface Built {
  readonly compiler: string;
  readonly components: Readonly<Record<string, { readonly bytes: number; readonly digest: string }>>;
}

const OUTPUT = join(import.meta.dirname, 'wasm');
const RECORD = join(OUTPUT, 'built.json');

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !EXAMPLES.some((example) => example.name === name));
  if (unknown.length > 0) {
    process.stderr.write(`not in examples/catalogue.ts: ${unknown.join(', ')}\n`);
    return 2;
  }
  await mkdir(OUTPUT, { recursive: true });
  const components = names.length > 0 ? { ...(await lastRecord()) } : {};
  for (const example of EXAMPLES) {
    if (names.length > 0 && !names.includes(example.name)) continue;
    const bytes = await buildExample(example);
    await writeFile(join(OUTPUT, `${example.name}.wasm`), bytes);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    components[example.name] = { bytes: bytes.length, digest };
    process.stdout.write(`${example.name.padEnd(24)} ${String(bytes.length).padStart(8)} bytes  ${example.about}\n`);
  }
  const built: Built = { compiler: await compilerVersion(), components };
  await writeFile(RECORD, `${JSON.stringify(built, null, 2)}\n`);
  return 0;
}

async function lastRecord(): Promise<Built['components']> {
  try {
    return (JSON.parse(await readFile(RECORD, 'utf8')) as Built).components;
  } catch {
    return {};
  }
}

process.exitCode = await main(process.argv.slice(2));
