/** A component's bytes → what a cell is assigned, by the pipeline that prepares components. */
import { readFile } from 'node:fs/promises';
import { prepareComponent } from '../../../src/component/job.ts';
import { loadTranspiler } from '../../../src/component/transpile.ts';
import type { BindingTier, BoundLink } from '../../../src/model/engine.ts';
import { WIRE_VERSION, type Assignment, type WarmUpCall } from '../../../src/wire/frames.ts';

export interface TestBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly tier: BindingTier;
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

export interface Linking {
  readonly links: readonly string[];
  /** `interface#function` of those that can block. */
  readonly blockingLinks?: readonly string[];
  /** What it is prepared for; absent: `MEMORY_BYTES`. */
  readonly memoryBytes?: number;
}

export async function bundleOf(
  component: Uint8Array,
  { links, blockingLinks = [], memoryBytes = MEMORY_BYTES }: Linking = { links: [] },
): Promise<TestBundle> {
  await loadTranspiler();
  const prepared = prepareComponent({
    bytes: component,
    memoryBytes,
    given: { capabilities: CAPABILITIES, links: links.map((name) => ({ import: name })) },
    blockingLinks,
  });
  if (!prepared.ok) throw new Error(`${prepared.error.code}: ${prepared.error.message}`);
  const { files, tier, imports, exports, blockingExports } = prepared.value;
  return { files: new Map(files.map(({ name, bytes }) => [name, bytes])), tier, imports, exports, blockingExports };
}

/** What a cell of several is assigned: the bundles in the order of `linked`, their links as given. */
export interface LinkedMember {
  readonly key: string;
  readonly bundle: TestBundle;
  readonly links?: readonly BoundLink[];
}

export function assignmentOfSeveral(
  entry: Omit<LinkedMember, 'key'>,
  linked: readonly LinkedMember[],
  changes: Partial<Assignment> = {},
): { readonly assignment: Assignment; readonly bundle: TestBundle } {
  const own = assignmentOf(entry.bundle, { ...(entry.links ? { links: entry.links } : {}), ...changes });
  const members = linked.map(({ key, bundle, links }) => {
    const { files, imports, exports, blockingExports, env, args, config, memoryBytes, logBytesPerSecond, handles } =
      assignmentOf(bundle);
    const member = {
      files,
      imports,
      exports,
      blockingExports,
      env,
      args,
      config,
      memoryBytes,
      logBytesPerSecond,
      handles,
    };
    return { key, ...member, ...(links ? { links } : {}) };
  });
  const all = [entry.bundle, ...linked.map(({ bundle }) => bundle)];
  // Only the order of the contents matters to who sends them.
  const files = new Map(
    all.flatMap((bundle, member) =>
      [...bundle.files].map(([name, bytes]): [string, Uint8Array] => [`${member}/${name}`, bytes]),
    ),
  );
  return { assignment: { ...own, linked: members }, bundle: { ...entry.bundle, files } };
}

/** A probe's GET of the path, asked for a proof of `Pooled` unless it is said otherwise. */
export function warmUpOf(path: string, changes: Partial<WarmUpCall> = {}): WarmUpCall {
  return { path, headers: [], timeoutMs: 1_000, proves: true, ...changes };
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
