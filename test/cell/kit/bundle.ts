/** A component's bytes → what a cell is assigned, by the same transpiler that component/ uses. */
import { readFile } from 'node:fs/promises';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { BLOCKING } from '../../../src/component/admission/blocking.ts';
import type { Assignment } from '../../../src/wire/frames.ts';

export interface TestBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly blockingExports: readonly string[];
}

const EXAMPLES = new URL('../../../examples/wasm/', import.meta.url);

export async function exampleBundle(name: string): Promise<TestBundle> {
  return bundleOf(await readFile(new URL(`${name}.wasm`, EXAMPLES)));
}

export async function bundleOf(component: Uint8Array): Promise<TestBundle> {
  const asyncImports = Object.entries(BLOCKING).flatMap(([name, functions]) =>
    functions.map((item) => `${name}#${item}`),
  );
  const plain = await transpileBytes(component, {
    name: 'component',
    instantiation: 'async',
    emitTypescriptDeclarations: false,
  });
  const exports = plain.exports.map(([name]) => name).filter((name) => name.includes(':'));
  const text = Buffer.from(plain.files['component.js']!).toString();
  const blocks = /blocking(Read|Skip|Write|Flush|Splice)|\.block\(\)|\bpoll\b/.test(text);
  const functions = exports.flatMap((name) => exportedFunctions(name));
  const { files } = blocks
    ? await transpileBytes(component, {
        name: 'component',
        instantiation: 'async',
        asyncMode: 'jspi',
        asyncImports,
        asyncExports: functions,
        emitTypescriptDeclarations: false,
      })
    : plain;
  return {
    files: new Map(Object.entries(files)),
    imports: plain.imports,
    exports,
    blockingExports: blocks ? functions : [],
  };
}

/** The functions of the interfaces that the host calls; the components of these tests export no others. */
function exportedFunctions(name: string): string[] {
  if (name.includes('/lifecycle')) return [`${name}#init`, `${name}#shutdown`];
  if (name.includes('/health')) return [`${name}#check`];
  return [`${name}#handle`];
}

export function assignmentOf(bundle: TestBundle, changes: Partial<Assignment> = {}): Assignment {
  return {
    wire: 1,
    replica: 'test/cell@1#1',
    entry: 'test/cell',
    revision: '1'.repeat(64),
    files: [...bundle.files].map(([name, bytes]) => ({ name, bytes: bytes.length })),
    imports: bundle.imports,
    exports: bundle.exports,
    blockingExports: bundle.blockingExports,
    env: [],
    args: [],
    memoryBytes: 64 * 1024 * 1024,
    concurrency: 8,
    requestBodyBytes: 1024 * 1024,
    responseBodyBytes: 16 * 1024 * 1024,
    logBytesPerSecond: 64 * 1024,
    handles: 1000,
    instancePolicy: 'Pooled',
    startTimeoutMs: 5000,
    ...changes,
  };
}
