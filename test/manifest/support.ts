import { expect } from 'vitest';
import { digestOfBytes, type Digest } from '../../src/kit/digest.ts';
import { err, ok } from '../../src/kit/result.ts';
import { assemble } from '../../src/manifest/assemble.ts';
import { folderPathsOf, type Folders } from '../../src/manifest/folders.ts';
import type { RootScope } from '../../src/manifest/assemble/scope.ts';
import { artifactPathsOf, createParse } from '../../src/manifest/parse.ts';
import type { Parsed } from '../../src/manifest/parsed.ts';
import type { Desired, DesiredEntry } from '../../src/model/desired.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';

const parseFiles = createParse();

export type Files = Readonly<Record<string, string | Uint8Array>>;

export function parse(files: Files): Parsed {
  return parseFiles(Object.entries(files).map(([path, content]) => ({ path, bytes: bytesOf(content) })));
}

export function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

/** Every artifact that is named exists, except those whose path holds `missing`; its digest is that of its path. */
export function artifactsOf(parsed: Parsed): ReadonlyMap<string, Digest> {
  const paths = artifactPathsOf(parsed).filter((path) => !path.includes('missing'));
  return new Map(paths.map((path) => [path, digestOfBytes(bytesOf(path))]));
}

/** Every folder that is mounted is there, except those whose path holds `missing`; one with `large` cannot be mounted. */
export function foldersOf(parsed: Parsed): Folders {
  const paths = folderPathsOf(parsed).filter((path) => !path.includes('missing'));
  return new Map(
    paths.map((path): [string, Folders extends ReadonlyMap<string, infer Value> ? Value : never] => [
      path,
      path.includes('large') ? err('it is too large') : ok({ digest: digestOfBytes(bytesOf(path)), bytes: 100 }),
    ]),
  );
}

export function desiredOf(files: Files, previous?: Desired, scope?: RootScope): Desired {
  const parsed = parse(files);
  return assemble('0123456789abcdef', parsed, artifactsOf(parsed), previous, undefined, scope, foldersOf(parsed));
}

/** The entry of Component `shop/cart`, of files in which nothing is refused. */
export function cartOf(files: Files): DesiredEntry {
  const desired = desiredOf(files);
  expect(desired.invalid).toEqual([]);
  const entry = desired.entries.get('shop/cart')!;
  expect(entry.refusals).toEqual([]);
  return entry;
}

export function places(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ code, span }) => `${code} ${span?.file ?? '?'}:${span?.line ?? 0}:${span?.column ?? 0}`);
}

export const ENVIRONMENT = `apiVersion: headway.dev/v1alpha1
kind: Environment
metadata: {name: test}
spec: {}
`;

export function component(name: string, spec = '', namespace = 'shop'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Component
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  source: {path: ${name}.wasm}
${spec}`;
}

export function route(name: string, spec: string, namespace = 'shop'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Route
metadata: {name: ${name}, namespace: ${namespace}}
spec:
${spec}`;
}

export function rolloutPolicy(name: string, spec: string, namespace = 'shop'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: RolloutPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec:
${spec}`;
}

export function policy(name: string, spec: string): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Policy
metadata: {name: ${name}}
spec:
${spec}`;
}

export function environment(spec: string, name = 'test'): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Environment
metadata: {name: ${name}}
spec:
${spec}`;
}
