/**
 * One member of an instance: a component with its own memories, handles, output and imports.
 *
 * Invariant
 * M1 The memories of a member together stay within its own `memoryBytes`: checked when it is made and after each call.
 */
import { callName } from '../model/callable.ts';
import type { Ambient } from '../model/ambient.ts';
import type { BoundLink } from '../model/engine.ts';
import { exportMeant } from '../model/schedule.ts';
import type { Seat } from './broker.ts';
import type { ExportNames } from './exports.ts';
import { buildImports, type World } from './imports.ts';
import { linkedInterface } from './links.ts';
import type { RepeatedTexts } from './latin1.ts';
import type { TellLimit } from './limits.ts';
import { LineSink, LogStream, type LogRate } from './log-lines.ts';
import { mountsOf, type MountSettings } from './mounts.ts';
import type { Memories } from './memories.ts';
import type { Program } from './program.ts';
import { remoteInterface, type RemoteCalls } from './remote.ts';
import { Scope, type Fate } from './scope.ts';
import type { Suspension } from './suspension.ts';
import { HostTrap } from './trap.ts';
import type { RemoteFunction } from './typed/imports.ts';
import { chanceOf, clockOf } from './wasi/ambient.ts';
import type { TellDenied } from './denials.ts';

export type ExportedFunction = (...args: readonly unknown[]) => unknown;

/** What all instances of a member have in common. */
export interface MemberSettings {
  /** Its component where there are several: said before what it fails by. */
  readonly name: string | undefined;
  readonly program: Program;
  readonly names: ExportNames;
  readonly imports: readonly string[];
  readonly links: readonly BoundLink[];
  /** By full name of the import: what other entries' cells serve. */
  readonly remotes: ReadonlyMap<string, readonly RemoteFunction[]>;
  /** In the assignment. */
  readonly position: number;
  readonly env: World['env'];
  readonly args: readonly string[];
  readonly config: World['config'];
  readonly mounts: readonly MountSettings[];
  readonly ambient: Ambient;
  readonly handles: number;
  readonly memoryBytes: number;
  readonly logs: LogRate;
  readonly tellDenied: TellDenied;
  readonly tellLimit: TellLimit;
  /** What it says again and again. */
  readonly texts: RepeatedTexts;
}

/** What the members of one instance share. */
export interface Company {
  readonly fate: Fate;
  readonly seat: Seat;
  readonly remote: RemoteCalls;
  /** Those made before, by their position in the assignment. */
  readonly providers: readonly (MemberInstance | undefined)[];
  readonly suspension: Suspension;
}

export class MemberInstance {
  readonly scope: Scope;
  readonly settings: MemberSettings;
  /** What the guest gets where it asks for its arguments. */
  args: readonly string[];
  readonly #exports: Readonly<Record<string, unknown>>;
  /** With whoever takes them back; absent where nobody does. */
  readonly #memories = new Map<WebAssembly.Memory, Memories | undefined>();
  readonly #refusals = new Refusals();
  readonly #tableRefusals = new Refusals();
  #isOver = false;
  readonly #stdout: LineSink;
  readonly #stderr: LineSink;

  /** @throws what the guest's start code traps with. */
  constructor(settings: MemberSettings, { fate, seat, remote, providers, suspension }: Company) {
    this.settings = settings;
    this.args = settings.args;
    this.scope = new Scope(settings.handles, fate, () => settings.tellLimit('handles'), settings.texts);
    this.#stdout = new LineSink(settings.logs, LogStream.Stdout);
    this.#stderr = new LineSink(settings.logs, LogStream.Stderr);
    const { env, config, ambient, tellDenied } = settings;
    const output = { stdout: this.#stdout, stderr: this.#stderr };
    const args = (): readonly string[] => this.args;
    const asking = seat.of(this.scope, settings.position);
    const mounts = mountsOf(settings.mounts, asking, tellDenied);
    const world: World = {
      env,
      args,
      config,
      ambient,
      clock: clockOf(ambient),
      chance: chanceOf(ambient),
      tellDenied,
      seat: asking,
      mounts,
      ...output,
    };
    const linked = new Map<string, object>();
    for (const link of settings.links) {
      const provider = providers[link.member];
      if (!provider) throw new TypeError(`the provider of ${link.import} is not there before it is needed`);
      linked.set(link.import, linkedInterface(link, this.scope, provider));
    }
    for (const [name, functions] of settings.remotes) {
      linked.set(name, remoteInterface(functions, this.scope, remote, settings.position));
    }
    const imports = buildImports(settings.imports, this.scope, world, linked);
    this.#exports = suspension.within(this.scope, () =>
      settings.program.instantiate(imports, {
        memory: (memory, memories) => this.#memories.set(memory, memories),
        refusals: (counter, limit) => (limit === 'memory' ? this.#refusals : this.#tableRefusals).add(counter),
      }),
    );
    this.checkMemory();
  }

  /** Functions of an exported interface by the bindings' names; `undefined` where it is not exported. */
  exported(interfaceName: string): Readonly<Record<string, unknown>> | undefined {
    if (!Object.hasOwn(this.#exports, interfaceName)) return undefined;
    return this.#exports[interfaceName] as Readonly<Record<string, unknown>>;
  }

  /** An exported function of an exported interface, or under the empty name of the world itself. */
  find(interfaceName: string, functionName: string): ExportedFunction | undefined {
    const members = interfaceName === '' ? this.#exports : this.exported(interfaceName);
    if (!members || !Object.hasOwn(members, functionName)) return undefined;
    const member = members[functionName];
    return typeof member === 'function' ? (member as ExportedFunction) : undefined;
  }

  /** The exported interface that a name means: of the same release line where there is none of that very version. */
  meant(interfaceName: string): string {
    return exportMeant(Object.keys(this.#exports), interfaceName) ?? interfaceName;
  }

  maySuspend(interfaceName: string, functionName: string): boolean {
    const { blocking } = this.settings.names;
    return blocking.has(callName(interfaceName, functionName)) || blocking.has(`${interfaceName}#*`);
  }

  /** @throws HostTrap where the memories together are over the limit: each alone is capped at admission. */
  checkMemory(): void {
    const { memoryBytes, name } = this.settings;
    const bytes = this.lookAtMemory();
    if (bytes <= memoryBytes) return;
    const whose = name === undefined ? '' : `${name}: `;
    throw new HostTrap(`${whose}${bytes} bytes of memory, the limit is ${memoryBytes}`);
  }

  /** Bytes of its memories. Where a guest wanted more than it may have, in them or in a table, that is told: once for each look. */
  lookAtMemory(): number {
    let bytes = 0;
    for (const memory of this.#memories.keys()) bytes += memory.buffer.byteLength;
    const isOver = bytes > this.settings.memoryBytes;
    if (this.#refusals.haveGrown() || (isOver && !this.#isOver)) this.settings.tellLimit('memory');
    if (this.#tableRefusals.haveGrown()) this.settings.tellLimit('tables');
    this.#isOver = isOver;
    return bytes;
  }

  /** No code of its guest runs any more: its memories may be another instance's. Says how many bytes of them are nobody's now. */
  giveBackMemories(): number {
    let left = 0;
    for (const [memory, memories] of this.#memories) {
      if (memories?.giveBack(memory) !== true) left += memory.buffer.byteLength;
    }
    this.#memories.clear();
    return left;
  }

  /** The unfinished lines of its output leave. */
  flush(): void {
    this.#stdout.flush();
    this.#stderr.flush();
  }
}

/** Counters of core modules: what they were refused of one kind. */
class Refusals {
  readonly #counters: WebAssembly.Global[] = [];
  #seen = 0;

  add(counter: WebAssembly.Global): void {
    this.#counters.push(counter);
  }

  /** Since it was asked before. */
  haveGrown(): boolean {
    let sum = 0;
    for (const counter of this.#counters) sum += counter.value as number;
    const hasGrown = sum !== this.#seen;
    this.#seen = sum;
    return hasGrown;
  }
}
