/** A component's bytes → what a cell is assigned, by the pipeline that prepares components. */
import { readFile } from 'node:fs/promises';
import { prepareComponent } from '../../../src/component/job.ts';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import { WIRE_VERSION, type Assignment } from '../../../src/wire/frames.ts';

export interface TestBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly blockingExports: readonly string[];
}

const EXAMPLES = new URL('../../../examples/wasm/', import.meta.url);
export const MEMORY_BYTES = 64 * 1024 * 1024;
/** What admission lets in with these is denied by the cell all the same: nothing of it is implemented. */
const CAPABILITIES = ['outboundHttp', 'sockets', 'nameLookup', 'keyValue'].map((capability) => ({ capability }));

export async function exampleBundle(name: string): Promise<TestBundle> {
  return bundleOf(await readFile(new URL(`${name}.wasm`, EXAMPLES)));
}

export async function bundleOf(component: Uint8Array): Promise<TestBundle> {
  await loadTranspiler();
  const prepared = prepareComponent({
    bytes: component,
    memoryBytes: MEMORY_BYTES,
    given: { capabilities: CAPABILITIES, links: [] },
  });
  if (!prepared.ok) throw new Error(`${prepared.error.code}: ${prepared.error.message}`);
  const { files, imports, exports, blockingExports } = prepared.value;
  return { files: new Map(files.map(({ name, bytes }) => [name, bytes])), imports, exports, blockingExports };
}

export function assignmentOf(bundle: TestBundle, changes: Partial<Assignment> = {}): Assignment {
  return {
    wire: WIRE_VERSION,
    replica: 'test/cell@1#1',
    entry: 'test/cell',
    revision: '1'.repeat(64),
    files: [...bundle.files].map(([name, bytes]) => ({ name, bytes: bytes.length })),
    imports: bundle.imports,
    exports: bundle.exports,
    blockingExports: bundle.blockingExports,
    env: [],
    config: [],
    args: [],
    memoryBytes: MEMORY_BYTES,
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
