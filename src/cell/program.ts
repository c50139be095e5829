/**
 * The assigned component, compiled once: core modules, and the bindings' `instantiate`. Everything an instance is made
 * from.
 */
import { registerHooks } from 'node:module';
import { HostTrap } from './trap.ts';

/** What the bindings export (src/component/README.md says what it promises). */
type Instantiate = (
  getCoreModule: (name: string) => WebAssembly.Module,
  imports: object,
  instantiateCore: (module: WebAssembly.Module, imports?: object) => WebAssembly.Instance,
) => Readonly<Record<string, unknown>> | Promise<unknown>;

const BINDINGS_FILE = 'component.js';
const BINDINGS_URL = 'headway:bindings';
let loaded = 0;

/**
 * Modules that are compiled while the rest of the files is on its way. No code of the guest runs by that; what does not
 * compile is compiled again when it is wanted, and says then what is wrong.
 */
export class EarlyModules {
  elapsedMs = 0;
  readonly #modules = new Map<Uint8Array, WebAssembly.Module>();

  take(name: string, bytes: Uint8Array): void {
    if (!name.endsWith('.wasm')) return;
    const startMs = performance.now();
    try {
      this.#modules.set(bytes, new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
    } catch {
      // See above.
    }
    this.elapsedMs += performance.now() - startMs;
  }

  /** Once: afterwards the program has it. */
  of(bytes: Uint8Array): WebAssembly.Module {
    const module = this.#modules.get(bytes) ?? new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    this.#modules.delete(bytes);
    return module;
  }
}

export class Program {
  readonly #instantiate: Instantiate;
  readonly #modules: ReadonlyMap<string, WebAssembly.Module>;

  private constructor(instantiate: Instantiate, modules: ReadonlyMap<string, WebAssembly.Module>) {
    this.#instantiate = instantiate;
    this.#modules = modules;
  }

  /** @throws what the compiler, the loader or the bindings throw. */
  static async load(files: ReadonlyMap<string, Uint8Array>, early = new EarlyModules()): Promise<Program> {
    const bindings = files.get(BINDINGS_FILE);
    if (!bindings) throw new TypeError(`the bundle has no ${BINDINGS_FILE}`);
    const modules = new Map<string, WebAssembly.Module>();
    for (const [name, bytes] of files) {
      if (name.endsWith('.wasm')) modules.set(name, early.of(bytes));
    }
    return new Program(await importBindings(bindings), modules);
  }

  /**
   * One instance's exports. Memories are handed to `onMemory` as they come.
   *
   * @throws what the guest's start code traps with.
   */
  instantiate(imports: object, onMemory: (memory: WebAssembly.Memory) => void): Readonly<Record<string, unknown>> {
    const exports = this.#instantiate(
      (name) => this.#module(name),
      imports,
      (module, coreImports) => {
        const instance = new WebAssembly.Instance(module, coreImports);
        for (const member of Object.values(instance.exports))
          if (member instanceof WebAssembly.Memory) onMemory(member);
        return instance;
      },
    );
    if (exports instanceof Promise) {
      exports.catch(() => undefined);
      throw new HostTrap('the component waits while it is being instantiated');
    }
    return exports;
  }

  #module(name: string): WebAssembly.Module {
    const module = this.#modules.get(name);
    if (!module) throw new TypeError(`the bundle has no ${name}`);
    return module;
  }
}

/** The bindings come as bytes over the channel; a hook serves them to `import`, once, so that no file is needed. */
async function importBindings(source: Uint8Array): Promise<Instantiate> {
  loaded += 1;
  const bindingsUrl = `${BINDINGS_URL}/${loaded}`;
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== bindingsUrl) return next(specifier, context);
      return { url: bindingsUrl, format: 'module', shortCircuit: true };
    },
    load(url, context, next) {
      if (url !== bindingsUrl) return next(url, context);
      return { source, format: 'module', shortCircuit: true };
    },
  });
  try {
    const bindings = (await import(bindingsUrl)) as { readonly instantiate?: unknown };
    if (typeof bindings.instantiate !== 'function') throw new TypeError('the bindings have no instantiate');
    return bindings.instantiate as Instantiate;
  } finally {
    hooks.deregister();
  }
}
