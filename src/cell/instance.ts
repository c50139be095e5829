/**
 * One instance of the component: its exports, and what it holds of the host.
 *
 * Invariants
 * N1 After a trap an instance is never called again: `discard` ends its scope, and nothing keeps it.
 * N2 The memories of an instance together stay within `memoryBytes`: checked when it is made and after each call.
 */
import { Seat, type BrokerChannel } from './broker.ts';
import type { ExportNames } from './exports.ts';
import { buildImports, type World } from './imports.ts';
import { LineSink, LogStream, type LogRate } from './log-lines.ts';
import type { Program } from './program.ts';
import { Scope } from './scope.ts';
import type { Suspension } from './suspension.ts';
import { HostTrap } from './trap.ts';
import type { TellDenied } from './wasi/denied.ts';

type ExportedFunction = (...args: readonly unknown[]) => unknown;

/** What all instances of a cell have in common. */
export interface InstanceSettings {
  readonly program: Program;
  readonly names: ExportNames;
  readonly imports: readonly string[];
  readonly env: World['env'];
  readonly args: World['args'];
  readonly config: World['config'];
  readonly broker: BrokerChannel;
  readonly handles: number;
  readonly memoryBytes: number;
  readonly logs: LogRate;
  readonly tellDenied: TellDenied;
  readonly suspension: Suspension;
}

export class Instance {
  readonly scope: Scope;
  /** The HTTP handler's `handle`; calling it where there is none is a bug. */
  readonly handle: ExportedFunction;
  readonly handleMaySuspend: boolean;
  /** Calls that it has finished well. */
  served = 0;
  readonly #exports: Readonly<Record<string, unknown>>;
  readonly #names: ExportNames;
  readonly #memories: WebAssembly.Memory[] = [];
  readonly #memoryBytes: number;
  readonly #seat: Seat;
  readonly #stdout: LineSink;
  readonly #stderr: LineSink;

  /**
   * @param onWait called when its guest begins to wait for the outside.
   * @throws what the guest's start code traps with.
   */
  constructor(settings: InstanceSettings, onWait: (instance: Instance) => void) {
    const { names } = settings;
    this.scope = new Scope(settings.handles, () => onWait(this));
    this.#names = names;
    this.#memoryBytes = settings.memoryBytes;
    this.#stdout = new LineSink(settings.logs, LogStream.Stdout);
    this.#stderr = new LineSink(settings.logs, LogStream.Stderr);
    this.#seat = new Seat(settings.broker, this.scope);
    const { env, args, config, tellDenied } = settings;
    const world: World = {
      env,
      args,
      config,
      tellDenied,
      seat: this.#seat,
      stdout: this.#stdout,
      stderr: this.#stderr,
    };
    const imports = buildImports(settings.imports, this.scope, world);
    this.#exports = settings.suspension.within(this.scope, () =>
      settings.program.instantiate(imports, (memory) => this.#memories.push(memory)),
    );
    this.checkMemory();
    this.handle = this.find(names.handler, 'handle') ?? noHandler;
    this.handleMaySuspend = this.maySuspend(names.handler, 'handle');
  }

  /** An exported function of an exported interface. */
  find(interfaceName: string, functionName: string): ExportedFunction | undefined {
    if (!Object.hasOwn(this.#exports, interfaceName)) return undefined;
    const members = this.#exports[interfaceName] as Readonly<Record<string, unknown>>;
    if (!Object.hasOwn(members, functionName)) return undefined;
    const member = members[functionName];
    return typeof member === 'function' ? (member as ExportedFunction) : undefined;
  }

  maySuspend(interfaceName: string, functionName: string): boolean {
    const { blocking } = this.#names;
    return blocking.has(`${interfaceName}#${functionName}`) || blocking.has(`${interfaceName}#*`);
  }

  /** @throws HostTrap where the memories together are over the limit: each alone is capped at admission. */
  checkMemory(): void {
    let bytes = 0;
    for (const memory of this.#memories) bytes += memory.buffer.byteLength;
    if (bytes > this.#memoryBytes) throw new HostTrap(`${bytes} bytes of memory, the limit is ${this.#memoryBytes}`);
  }

  /** Over: whatever waits is rejected, and the unfinished lines of its output leave. */
  discard(reason: string): void {
    this.scope.end(reason);
    this.#seat.leave();
    this.#stdout.flush();
    this.#stderr.flush();
  }
}

function noHandler(): never {
  throw new HostTrap('the component exports no HTTP handler');
}
