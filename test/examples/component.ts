/** A built example, transpiled by jco and running in this process. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import { Exchange, type ExchangeRequest, type HostSettings, WasiHost } from './wasi-host.ts';

export const WASM_FOLDER = join(import.meta.dirname, '../../examples/wasm');

type ExportedFunction = (...args: unknown[]) => unknown;
type Instance = Readonly<Record<string, Readonly<Record<string, ExportedFunction>>>>;
interface Bindings {
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Record<string, unknown>,
  ): Promise<Instance> | Instance;
}

/** A component as it can be instantiated, any number of times. */
export interface Loaded {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  instantiate(host: WasiHost): Promise<Instance>;
}

export async function load(name: string): Promise<Loaded> {
  const component = await readFile(join(WASM_FOLDER, `${name}.wasm`));
  const transpiled = await transpileBytes(component, {
    name: 'component',
    instantiation: 'async',
    emitTypescriptDeclarations: false,
  });
  const folder = await mkdtemp(join(tmpdir(), 'headway-example-'));
  try {
    const source = join(folder, 'component.mjs');
    await writeFile(source, transpiled.files['component.js']!);
    const bindings = (await import(pathToFileURL(source).href)) as Bindings;
    const modules = new Map<string, WebAssembly.Module>();
    for (const [file, bytes] of Object.entries(transpiled.files)) {
      if (file.endsWith('.wasm')) modules.set(file, new WebAssembly.Module(bytes));
    }
    return {
      imports: transpiled.imports,
      exports: transpiled.exports.map(([exported]) => exported),
      instantiate: async (host) => bindings.instantiate((file) => modules.get(file)!, host.imports()),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One instance that answers over wasi:http. */
export interface Service {
  readonly host: WasiHost;
  readonly instance: Instance;
  /** Throws what the guest throws: a trap is a `WebAssembly.RuntimeError`. The exchange stays readable either way. */
  readonly call: (request: ExchangeRequest | string, exchange?: Exchange) => Exchange;
}

export async function startService(loaded: Loaded, settings: HostSettings = {}): Promise<Service> {
  const host = new WasiHost(settings);
  const instance = await loaded.instantiate(host);
  const handle = instance['wasi:http/incoming-handler@0.2.12']!['handle']!;
  return {
    host,
    instance,
    call(request, exchange = new Exchange(typeof request === 'string' ? { target: request } : request)) {
      handle(...host.arguments(exchange));
      return exchange;
    },
  };
}
