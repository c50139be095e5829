/**
 * `npm run generate`: the schemas are the source; types for the code (`src/manifest/generated/`) and the reference for
 * people (`docs/manifests/`) are made from them, and the page of codes from the tables in `src/model/`. Prints what it wrote; `--check` writes nothing and exits 1 when a file
 * is not what it would be.
 */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { CODE_PAGES, codePages } from './code-pages.ts';
import { codesReference } from './codes.ts';
import { referenceOf, type ReferenceSchema } from './reference.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const KINDS = ['component', 'route', 'schedule', 'rolloutpolicy', 'environment', 'policy', 'role', 'config', 'secret', 'check', 'runtime', 'lint'] as const;
const BANNER = '/* Made from schemas/headway.dev by `npm run generate`; change the schema instead. */';

const BESIDE_THE_SHAPE = new Set(['examples', 'default', 'oneOf', 'anyOf', 'allOf']);

/** Everything that is generated: text by path, relative to the root of the repository. */
export async function generate(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const kind of KINDS) {
    const source = `schemas/headway.dev/${kind}_v1alpha1.json`;
    const text = readFileSync(path.join(ROOT, source), 'utf8');
    const types = await compile(shapeOf(JSON.parse(text)) as JSONSchema, kind, {
      additionalProperties: false,
      bannerComment: BANNER,
      format: false,
      // Bounds of lists are checked by the schema; as tuple types they would only be in the way.
      ignoreMinAndMaxItems: true,
    });
    files.set(`src/manifest/generated/${kind}.ts`, types.endsWith('\n') ? types : `${types}\n`);
    files.set(`docs/manifests/${kind}.md`, referenceOf(JSON.parse(text) as ReferenceSchema, source));
  }
  files.set('docs/reference/codes.md', codesReference());
  for (const [file, text] of codePages()) files.set(file, text);
  return files;
}

/**
 * The shape alone: examples and defaults stand in the reference, and what combines fields (exactly one of, not both) is
 * checked by the schema; as types it would become intersections with everything.
 */
function shapeOf(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(shapeOf);
  if (typeof node !== 'object' || node === null) return node;
  // A field without a type takes any JSON; the compiler would make an object of it.
  const free = 'description' in node && typeof node.description === 'string' && !('type' in node) && !('$ref' in node);
  if (free) return { description: node.description, tsType: 'unknown' };
  return Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => !BESIDE_THE_SHAPE.has(key))
      .map(([key, value]) => [key, shapeOf(value)]),
  );
}

/** Pages of codes that no table has any more. */
export function stalePages(files: ReadonlyMap<string, string>): readonly string[] {
  return globSync(`${CODE_PAGES}/*.md`, { cwd: ROOT }).filter((file) => !files.has(file));
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  const files = await generate();
  for (const [file, text] of files) {
    const target = path.join(ROOT, file);
    if (!check) {
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, text);
      process.stdout.write(`${file}\n`);
    } else if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
      process.stderr.write(`${file} is not what it would be: npm run generate\n`);
      process.exitCode = 1;
    }
  }
  for (const file of stalePages(files)) {
    if (!check) rmSync(path.join(ROOT, file));
    else {
      process.stderr.write(`${file} belongs to no code: npm run generate\n`);
      process.exitCode = 1;
    }
  }
}
