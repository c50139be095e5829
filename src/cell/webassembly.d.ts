/** The part of the WebAssembly JavaScript API that a cell uses; the DOM library, which has it, is not for a server. */
declare namespace WebAssembly {
  // oxlint-disable-next-line typescript/no-extraneous-class -- a declaration of what the platform has
  class Module {
    constructor(bytes: Uint8Array);
    static customSections(module: Module, name: string): ArrayBuffer[];
  }
  class Instance {
    constructor(module: Module, imports?: object);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
  }
  class Global {
    constructor(descriptor: { value: 'i32'; mutable: boolean });
    readonly value: unknown;
  }
  class RuntimeError extends Error {}
  // oxlint-disable-next-line typescript/no-extraneous-class -- as above
  class SuspendingFunction {
    constructor(imported: (...args: readonly unknown[]) => unknown);
  }
  let Suspending: typeof SuspendingFunction;
}
