/**
 * One control in virtual time: the loop as it is, real manifests, and the simulator's world behind its ports. Each call
 * of a port is noted in order; single ports can be replaced, to hang or to fail.
 */
import { pino } from 'pino';
import { hashOfJson } from '../../src/kit/digest.ts';
import type { ReconcilerPorts } from '../../src/reconcile/ports.ts';
import { createReconciler, type Reconciler, type ReconcilerOptions } from '../../src/reconcile/reconciler.ts';
import { emptyOutside, portsOf, type Life, type Outside } from '../simulator/ports.ts';
import { EMPTY_TREE, filesOf, NEW_SERVICE, type Service, type Tree } from '../simulator/tree.ts';
import { VirtualClock } from '../simulator/virtual-clock.ts';

export class Bench {
  readonly clock = new VirtualClock(Date.UTC(2026, 10, 23, 12));
  readonly outside: Outside;
  readonly calls: string[] = [];
  readonly logged: string[] = [];
  control!: Reconciler;
  #tree: Tree = EMPTY_TREE;
  #commits = 0;
  #engineAtMs = 0;
  #life: Life = { dead: true, crashIn: undefined, crashAfterEffect: false, died: () => undefined };

  constructor() {
    this.outside = emptyOutside(1, 100);
  }

  /** Starts a control over what is left of the one before. */
  boot(
    change: (ports: ReconcilerPorts) => Partial<ReconcilerPorts> = () => ({}),
    more: Partial<ReconcilerOptions> = {},
  ): this {
    this.#life.dead = true;
    const life: Life = { dead: false, crashIn: undefined, crashAfterEffect: false, died: () => undefined };
    this.#life = life;
    const clock = this.clock.lifeOf(() => life.dead);
    const none = {
      published: () => undefined,
      started: () => undefined,
      stopped: () => undefined,
      fired: () => undefined,
      journalled: () => undefined,
    };
    const plain = portsOf(this.outside, life, clock, none);
    const ports = this.#noting({ ...plain, ...change(plain) });
    const log = pino({ level: 'warn' }, { write: (line: string) => void this.logged.push(line) });
    this.control = createReconciler(ports, clock, log, {
      version: 'test',
      source: { repository: 'file:///repo', ref: 'main', path: '.' },
      minLookMs: 100,
      ...more,
    });
    this.control.start();
    return this;
  }

  push(
    services: { readonly [name: string]: Partial<Service> },
    parent: string | undefined = this.outside.head,
  ): string {
    const named = Object.entries(services).map(([name, change]) => [
      name,
      { ...NEW_SERVICE, path: `/${name}`, ...change },
    ]);
    this.#tree = { ...this.#tree, services: Object.fromEntries(named) };
    const id = hashOfJson({ commit: (this.#commits += 1) }).slice(0, 40);
    this.outside.commits.set(id, { id, parent: parent === '' ? undefined : parent, files: filesOf(this.#tree) });
    this.outside.head = id;
    return id;
  }

  async run(milliseconds: number): Promise<this> {
    const untilMs = this.clock.nowMs + milliseconds;
    for (;;) {
      const run = this.clock.next(untilMs);
      this.#catchUp();
      if (!run) break;
      run();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.clock.nowMs = untilMs;
    this.#catchUp();
    await new Promise<void>((resolve) => setImmediate(resolve));
    return this;
  }

  async until(holds: () => boolean, withinMs = 120_000): Promise<this> {
    for (let elapsed = 0; elapsed < withinMs; elapsed += 100) {
      if (holds()) return this;
      await this.run(100);
    }
    throw new Error(
      `did not happen within ${withinMs} ms: ${JSON.stringify(this.control.statusSource.status().entries)}`,
    );
  }

  serves(name: string): string | undefined {
    const artifact = this.control.memory().entries[`shop/${name}`]?.serving?.release.entry.members[0].artifact;
    return artifact && this.outside.store.get(artifact);
  }

  isProven(name: string): boolean {
    return this.control.memory().entries[`shop/${name}`]?.serving?.proven === true;
  }

  get status() {
    return this.control.statusSource.status();
  }

  #catchUp(): void {
    for (; this.#engineAtMs + 50 <= this.clock.nowMs; this.#engineAtMs += 50) this.outside.engine.advance(50);
  }

  #noting(ports: ReconcilerPorts): ReconcilerPorts {
    const noted = <Port extends object>(name: string, port: Port): Port =>
      new Proxy(port, {
        get: (target, method, receiver) => {
          const value: unknown = Reflect.get(target, method, receiver);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) => {
            this.calls.push(`${name}.${String(method)}`);
            return (value as (...rest: unknown[]) => unknown).apply(target, args);
          };
        },
      });
    return {
      git: noted('git', ports.git),
      manifest: noted('manifest', ports.manifest),
      artifacts: noted('artifacts', ports.artifacts),
      supply: noted('supply', ports.supply),
      components: noted('components', ports.components),
      engine: noted('engine', ports.engine),
      journal: noted('journal', ports.journal),
    };
  }
}

export const HANGS = new Promise<never>(() => undefined);
