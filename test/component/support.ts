import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { pino } from 'pino';
import { openContentStore } from '../../src/artifact/store.ts';
import { openComponents, type Components, type ComponentsOptions } from '../../src/component/components.ts';
import type { Digest } from '../../src/kit/digest.ts';
import type { Member } from '../../src/model/component.ts';
import type { ArtifactPort } from '../../src/reconcile/ports.ts';

export const MIB = 1024 * 1024;
export const silent = pino({ level: 'silent' });

/** A component, or a core module, from its text. */
export function fromText(text: string): Promise<Uint8Array> {
  return parse(text);
}

/** A component of one core module, made for a world. `wit` holds the world `w` of package `test:t`. */
export async function fromCore(wat: string, wit: string): Promise<Uint8Array> {
  const binary = await parse(wat);
  return componentNew(await componentEmbed({ binary, witSource: wit, world: 'w' }), []);
}

/** A component that imports and exports everything in a world and does nothing. */
export async function dummyOf(wit: string): Promise<Uint8Array> {
  return componentNew(await componentEmbed({ dummy: true, witSource: wit, world: 'w' }), []);
}

/** The whole of WASI 0.2.12 as nested packages, to be put behind a package of one's own. */
export function wasi(): string {
  const root = path.resolve(import.meta.dirname, '../../node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12');
  return ['cli', 'clocks', 'filesystem', 'http', 'io', 'random', 'sockets']
    .map((name) => readFileSync(path.join(root, `wasi-${name}`, 'package.wit'), 'utf8').replace(';', ' {') + '}')
    .join('\n');
}

/** A component built from `examples/`. */
export function example(name: string): Uint8Array {
  return readFileSync(path.resolve(import.meta.dirname, `../../examples/wasm/${name}.wasm`));
}

export function memberOf(artifact: Digest, more: { memoryBytes?: number } & Partial<Member> = {}): Member {
  const { memoryBytes = 64 * MIB, ...rest } = more;
  return {
    key: 'shop/checkout',
    artifact,
    source: { type: 'path', path: 'checkout.wasm' },
    env: [],
    config: [],
    secretVersions: [],
    capabilities: [],
    limits: {
      memoryBytes,
      cpuMillis: 500,
      concurrency: 8,
      queue: 8,
      requestTimeoutMs: 1_000,
      startTimeoutMs: 1_000,
      requestBodyBytes: MIB,
      responseBodyBytes: MIB,
      logBytesPerSecond: 1_000,
      handles: 100,
    },
    instancePolicy: 'Pooled',
    isolation: 'Auto',
    links: [],
    ...rest,
  };
}

/** Two cores run the tests of the whole project: one child each, warm enough. */
const FRUGAL = { children: 1, warmUpRounds: 1 };

export interface Workshop {
  readonly folder: string;
  readonly artifacts: ArtifactPort;
  readonly components: Components;
  /** Stores the bytes and returns their digest. */
  put(bytes: Uint8Array): Promise<Digest>;
  /** Another one over the same folder, as after a restart of the daemon. */
  again(options?: Partial<ComponentsOptions>): Components;
  close(): void;
}

/** A content store and a component room in a folder of their own. */
export function openWorkshop(options: Partial<ComponentsOptions> = {}): Workshop {
  const folder = mkdtempSync(path.join(tmpdir(), 'headway-component-'));
  const artifacts = openContentStore({ folder: path.join(folder, 'store'), maxBytes: 512 * MIB, log: silent });
  const opened: Components[] = [];
  const again = (more: Partial<ComponentsOptions> = {}): Components => {
    const limits = { ...FRUGAL, ...options.limits, ...more.limits };
    const components = openComponents({
      artifacts,
      folder: path.join(folder, 'components'),
      log: silent,
      ...options,
      ...more,
      limits,
    });
    opened.push(components);
    return components;
  };
  return {
    folder,
    artifacts,
    components: again(),
    again,
    put: async (bytes) => {
      const stored = await artifacts.put(bytes);
      if (!stored.ok) throw new Error(stored.error.message);
      return stored.value;
    },
    close: () => {
      for (const components of opened) components.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
