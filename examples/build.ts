/**
 * `npm run build:examples [name…]`: builds the catalogue, or the named rows of it, into `examples/wasm/` and records
 * digests and the compiler in `examples/wasm/built.json`. A QuickJS component whose inputs did not change is left as it
 * is, because its bytes would change without a reason.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXAMPLES, type Example } from './catalogue.ts';
import { buildExample, compilerVersion, inputsOfQuickJs } from './toolchain.ts';

export interface Built {
  readonly compiler: string;
  readonly components: Readonly<Record<string, BuiltComponent>>;
}

interface BuiltComponent {
  readonly bytes: number;
  readonly digest: string;
  /** Where the bytes alone do not say whether they are current. */
  readonly inputs?: string;
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
  const last = await lastRecord();
  const components: Record<string, BuiltComponent> = {};
  for (const example of EXAMPLES) {
    const before = last[example.name];
    const wanted = names.length === 0 || names.includes(example.name);
    if (!wanted && before) components[example.name] = before;
    if (wanted) components[example.name] = await buildOne(example, before);
  }
  const built: Built = { compiler: await compilerVersion(), components };
  await writeFile(RECORD, `${JSON.stringify(built, null, 2)}\n`);
  return 0;
}

async function buildOne(example: Example, before: BuiltComponent | undefined): Promise<BuiltComponent> {
  const inputs = example.language === 'quickjs' ? await inputsOfQuickJs(example) : undefined;
  if (inputs && before?.inputs === inputs) {
    report(example, before.bytes, 'unchanged');
    return before;
  }
  const bytes = await buildExample(example);
  await writeFile(join(OUTPUT, `${example.name}.wasm`), bytes);
  report(example, bytes.length, example.about);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes: bytes.length, digest, ...(inputs && { inputs }) };
}

function report(example: Example, bytes: number, note: string): void {
  process.stdout.write(`${example.name.padEnd(24)} ${String(bytes).padStart(8)} bytes  ${note}\n`);
}

async function lastRecord(): Promise<Built['components']> {
  try {
    return (JSON.parse(await readFile(RECORD, 'utf8')) as Built).components;
  } catch {
    return {};
  }
}

process.exitCode = await main(process.argv.slice(2));
