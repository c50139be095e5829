/**
 * Every suspended guest can be brought down. The bindings lose the rejection of an import that has no `result`
 * (`poll`, `pollable.block`): its promise then never settles, and the guest's stack, memory and place would be held for
 * ever. So each promise that a guest is suspended on goes through its scope, which rejects it when the scope ends.
 */
import type { Scope } from './scope.ts';

type ImportedFunction = (...args: readonly unknown[]) => unknown;

export class Suspension {
  #scope: Scope | undefined;

  /** Puts ourselves in front of `WebAssembly.Suspending`; before any bindings are loaded. */
  install(): void {
    const Native = WebAssembly.Suspending;
    const guard = (imported: ImportedFunction): ImportedFunction => this.#guard(imported);
    WebAssembly.Suspending = function Suspending(imported: ImportedFunction) {
      return new Native(guard(imported));
    } as unknown as typeof WebAssembly.Suspending;
  }

  /** What is built inside belongs to the scope. */
  within<T>(scope: Scope, build: () => T): T {
    this.#scope = scope;
    try {
      return build();
    } finally {
      this.#scope = undefined;
    }
  }

  #guard(imported: ImportedFunction): ImportedFunction {
    const scope = this.#scope;
    if (!scope) return imported;
    return (...args) => {
      const result = imported(...args);
      return result instanceof Promise ? scope.untilEnded(result) : result;
    };
  }
}
