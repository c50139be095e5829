import type { Scope } from './scope.ts';
import { HostTrap } from './trap.ts';

/**
 * A host resource in the hands of a guest. The bindings call `[Symbol.dispose]` when the guest drops its handle; where
 * the guest gives the handle away, whoever takes it calls `giveAway`. All other state of the subclasses is `#private`:
 * the bindings make bare objects for handles that they do not know, and those fail at the first private access.
 */
export abstract class HostResource {
  readonly #scope: Scope;
  readonly #parent: HostResource | undefined;
  #live = true;
  #children = 0;

  /** @param parent must outlive it: dropping the parent first is a trap. */
  constructor(scope: Scope, parent?: HostResource) {
    scope.acquire();
    this.#scope = scope;
    this.#parent = parent;
    if (parent) parent.#children += 1;
  }

  protected get scope(): Scope {
    return this.#scope;
  }

  protected get live(): boolean {
    return this.#live;
  }

  /** The handle moves from the guest to the host. */
  protected giveAway(): void {
    if (!this.#live) throw new HostTrap('the resource is gone');
    this.#live = false;
    this.#scope.release();
    if (this.#parent) this.#parent.#children -= 1;
  }

  [Symbol.dispose](): void {
    if (!this.#live) return;
    if (this.#children > 0) throw this.#scope.trap('a resource dropped before what it gave out');
    this.giveAway();
    this.dropped();
  }

  /** The guest dropped it; for what has to be told to somebody. */
  protected dropped(): void {}
}
