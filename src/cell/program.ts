/**
 * The assigned component, compiled once: core modules, and the bindings' `instantiate`. Everything an instance is made
 * from.
 */
import { MEMORY_MODULE, MEMORY_NAME, MEMORY_SECTION, memoryShape } from '../model/imported-memory.ts';
import { WATCHED_REFUSALS, WATCHED_TABLE_REFUSALS } from '../model/watched-memory.ts';
import { readBindings, type Bindings, type Compiled } from './bindings.ts';
import { Memories } from './memories.ts';
import { HostTrap } from './trap.ts';

const BINDINGS_FILE = 'component.js';

/**
 * A smaller module is compiled when the bindings ask for it. Some never do (ADR 0145), and each compilation waits for V8's threads, for as long as
 * these wait for a processor.
 */
const MIN_EARLY_BYTES = 16 * 1024;

interface CoreModule {
  readonly module: WebAssembly.Module;
  /** Of its instances; absent where it imports none of its own (ADR 0174). */
  readonly memories: Memories | undefined;
}

/**
 * Modules that are compiled while the rest of the files is on its way. No code of the guest runs by that; what does not
 * compile is compiled again when it is wanted, and says then what is wrong.
 */
export class EarlyModules {
  elapsedMs = 0;
  readonly #modules = new Map<Uint8Array, CoreModule>();

  take(name: string, bytes: Uint8Array): void {
    if (!name.endsWith('.wasm') || bytes.length < MIN_EARLY_BYTES) return;
    const startMs = performance.now();
    try {
      this.#modules.set(bytes, compile(bytes));
    } catch {
      // See above.
    }
    this.elapsedMs += performance.now() - startMs;
  }

  /** Once: afterwards the program has it. Absent where it is small or did not compile. */
  of(bytes: Uint8Array): CoreModule | undefined {
    const module = this.#modules.get(bytes);
    this.#modules.delete(bytes);
    return module;
  }
}

/** What is told of the core instances as they are made. */
export interface Watcher {
  /** Twice where a module exports it under two names. @param memories takes it back when nobody runs in it any more. */
  readonly memory: (memory: WebAssembly.Memory, memories: Memories | undefined) => void;
  /** Counts what one of them was refused of that. */
  readonly refusals: (counter: WebAssembly.Global, limit: 'memory' | 'tables') => void;
}

export class Program {
  readonly #bindings: Bindings;
  /** Bytes where it has not been asked for yet. */
  readonly #modules: Map<string, CoreModule | Uint8Array>;
  readonly #memories = new Map<WebAssembly.Module, Memories>();

  private constructor(bindings: Bindings, modules: Map<string, CoreModule | Uint8Array>) {
    this.#bindings = bindings;
    this.#modules = modules;
  }

  /**
   * @param compiled of the same bundle.
   * @throws TypeError where the files are not those of a bundle; SyntaxError.
   */
  static load(files: ReadonlyMap<string, Uint8Array>, early = new EarlyModules(), compiled?: Compiled): Program {
    const bindings = files.get(BINDINGS_FILE);
    if (!bindings) throw new TypeError(`the bundle has no ${BINDINGS_FILE}`);
    const modules = new Map<string, CoreModule | Uint8Array>();
    for (const [name, bytes] of files) {
      if (name.endsWith('.wasm')) modules.set(name, early.of(bytes) ?? bytes);
    }
    return new Program(readBindings(bindings, compiled), modules);
  }

  /** V8 took what it had compiled of the bindings before. */
  get isCompiled(): boolean {
    return this.#bindings.isCompiled;
  }

  /** What V8 has compiled of the bindings so far; empty where that is not to be handed out. */
  compiled(): Uint8Array {
    return this.#bindings.compiled?.() ?? new Uint8Array(0);
  }

  /**
   * One instance's exports.
   *
   * @throws what the compiler throws, and what the guest's start code traps with.
   */
  instantiate(imports: object, watcher: Watcher): Readonly<Record<string, unknown>> {
    const exports = this.#bindings.instantiate(
      (name) => this.#module(name),
      imports,
      (module, coreImports) => {
        const memories = this.#memories.get(module);
        const given = memories?.take();
        const all = given ? { ...coreImports, [MEMORY_MODULE]: { [MEMORY_NAME]: given } } : coreImports;
        const instance = new WebAssembly.Instance(module, all);
        if (given) watcher.memory(given, memories);
        for (const [name, member] of Object.entries(instance.exports)) {
          if (member === given) continue;
          if (member instanceof WebAssembly.Memory) watcher.memory(member, undefined);
          else if (member instanceof WebAssembly.Global) {
            if (name === WATCHED_REFUSALS) watcher.refusals(member, 'memory');
            else if (name === WATCHED_TABLE_REFUSALS) watcher.refusals(member, 'tables');
          }
        }
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
    const found = this.#modules.get(name);
    if (!found) throw new TypeError(`the bundle has no ${name}`);
    const core = found instanceof Uint8Array ? compile(found) : found;
    if (core !== found) this.#modules.set(name, core);
    if (core.memories) this.#memories.set(core.module, core.memories);
    return core.module;
  }
}

/** @throws what the compiler throws. */
function compile(bytes: Uint8Array): CoreModule {
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const shape = memoryShape(WebAssembly.Module.customSections(module, MEMORY_SECTION)[0]);
  return { module, memories: shape && new Memories(shape) };
}
