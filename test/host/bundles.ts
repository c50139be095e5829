/** Bundles of the example components, made the way prepare makes them, without its child process. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { $init, generate } from '@bytecodealliance/jco-transpile/component';
import { admit } from '../../src/component/admission/admit.ts';
import { makeBindings } from '../../src/component/bindings/make.ts';
import { digestOfBytes } from '../../src/kit/digest.ts';
import { contentPath } from '../../src/model/content.ts';
import type { Bundle } from '../../src/model/engine.ts';

const EXAMPLES = path.resolve(import.meta.dirname, '../../examples/wasm');

export function bundleOf(example: string, storeFolder: string, memoryBytes: number): Promise<Bundle> {
  return bundleOfBytes(readFileSync(path.join(EXAMPLES, `${example}.wasm`)), storeFolder, memoryBytes);
}

export async function bundleOfBytes(component: Uint8Array, storeFolder: string, memoryBytes: number): Promise<Bundle> {
  await $init;
  const admitted = admit(component, memoryBytes);
  if (!admitted.ok) throw new Error(admitted.error.message);
  const { bytes, imports, exports, functions, blockingImports, memories } = admitted.value;
  const blockingExports = blockingImports.length > 0 ? functions : [];
  const generated = generate(bytes, {
    name: 'component',
    noTypescript: true,
    instantiation: { tag: 'async' },
    noNodejsCompat: true,
    base64Cutoff: 0,
    tlaCompat: false,
    validLiftingOptimization: false,
    tracing: false,
    noComponentErrorWrapping: true,
    noNamespacedExports: false,
    ...(blockingImports.length > 0
      ? { asyncMode: { tag: 'jspi', val: { imports: blockingImports, exports: functions } } }
      : {}),
  } as never);
  const files = generated.files
    .filter(([name]) => name.endsWith('.js') || name.endsWith('.wasm'))
    .map(([name, content]) => {
      const stored = name.endsWith('.js') ? bindings(Buffer.from(content).toString('utf8')) : content;
      return { name, digest: store(stored, storeFolder), bytes: stored.length };
    });
  const artifact = digestOfBytes(bytes);
  const initialMemoryBytes = memories.reduce((sum, memory) => sum + memory.initialBytes, 0);
  return {
    digest: artifact,
    artifact,
    tier: 'quiet',
    files,
    imports,
    exports,
    blockingExports,
    initialMemoryBytes,
    toolchain: 'test',
  };
}

function bindings(source: string): Uint8Array {
  const made = makeBindings(source);
  if (!made.ok) throw new Error(made.error.message);
  return Buffer.from(made.value.text);
}

function store(bytes: Uint8Array, storeFolder: string) {
  const digest = digestOfBytes(bytes);
  const file = path.join(storeFolder, contentPath(digest));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  return digest;
}
