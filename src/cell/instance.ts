/**
 * One instance of the cell: the entry and everything it links inline, each member once, made together and gone together.
 * A member that two others link is one instance to both, as in a composed component; nothing of it is shared with another
 * instance of the cell.
 *
 * Invariants
 * N1 After a trap in any member the instance is never called again: `discard` ends every scope, and nothing keeps it.
 * N2 Providers are made, and initialised, before those that call them.
 * N3 Its memories become another instance's only where nothing can run in it any more: it has one member, so that nobody else has a
 *    function of it; no call of it was ended from outside, so that none unwinds; and each has returned.
 */
import { Seat, type BrokerChannel } from './broker.ts';
import type { Call } from './call.ts';
import { MemberInstance, type ExportedFunction, type MemberSettings } from './member.ts';
import type { RemoteCalls } from './remote.ts';
import { Fate } from './scope.ts';
import type { Suspension } from './suspension.ts';
import { HostTrap } from './trap.ts';

/** What all instances of a cell have in common. */
export interface InstanceSettings {
  /** The entry first. */
  readonly members: readonly MemberSettings[];
  /** Positions in `members`, each after those that it links. */
  readonly order: readonly number[];
  readonly broker: BrokerChannel;
  readonly remote: RemoteCalls;
  readonly suspension: Suspension;
  /** A turn of the event loop begins with a guest of the cell. */
  readonly onTurn: () => void;
}

export class Instance {
  readonly #fate: Fate;
  readonly #entry: MemberInstance;
  /** Providers before those that call them. */
  readonly members: readonly MemberInstance[];
  /** The HTTP handler's `handle`; calling it where there is none is a bug. */
  readonly handle: ExportedFunction;
  readonly handleMaySuspend: boolean;
  /**
   * What it runs, or is being made for. Here and not in a map by call: each rehash of one leaves a table behind that points to the
   * next, and from the first that the collector takes for old, all of them and the calls in them live until a full collection.
   */
  call: Call | undefined;
  /** Calls that it has finished well. */
  served = 0;
  readonly #seat: Seat;

  /**
   * @param onWait called when a guest of it begins to wait for the outside.
   * @throws what a guest's start code traps with.
   */
  constructor(settings: InstanceSettings, onWait: (instance: Instance) => void) {
    const { members, order, broker, remote, suspension, onTurn } = settings;
    this.#fate = new Fate(() => onWait(this), onTurn);
    this.#seat = new Seat(broker);
    const made: (MemberInstance | undefined)[] = members.map(() => undefined);
    try {
      for (const position of order) {
        made[position] = new MemberInstance(members[position]!, {
          fate: this.#fate,
          seat: this.#seat,
          remote,
          providers: made,
          suspension,
        });
      }
    } catch (thrown) {
      this.#fate.end(thrown instanceof HostTrap ? thrown : new HostTrap('instantiation failed'));
      throw thrown;
    }
    this.#entry = made[0]!;
    this.members = order.map((position) => made[position]!);
    const { handler } = members[0]!.names;
    this.handle = this.find(handler, 'handle') ?? noHandler;
    this.handleMaySuspend = this.maySuspend(handler, 'handle');
  }

  get entry(): MemberInstance {
    return this.#entry;
  }

  /** Of the entry, which calls from outside go to. */
  get scope(): MemberInstance['scope'] {
    return this.#entry.scope;
  }

  get ended(): boolean {
    return this.#fate.ended !== undefined;
  }

  /** A guest of it waits for the outside. */
  get waiting(): boolean {
    return this.#fate.waiting;
  }

  /** An exported function of an interface that the entry exports. */
  find(interfaceName: string, functionName: string): ExportedFunction | undefined {
    return this.#entry.find(interfaceName, functionName);
  }

  /** The exported interface that a name means: of the same release line where there is none of that very version. */
  meant(interfaceName: string): string {
    return this.#entry.meant(interfaceName);
  }

  /** What the entry's guest gets where it asks for its arguments. */
  set args(args: readonly string[]) {
    this.#entry.args = args;
  }

  maySuspend(interfaceName: string, functionName: string): boolean {
    return this.#entry.maySuspend(interfaceName, functionName);
  }

  /** @throws HostTrap where a member's memories together are over its limit. */
  checkMemory(): void {
    for (const member of this.members) member.checkMemory();
  }

  /** Bytes of the memories of all members. Says where one wanted more than it may have. */
  lookAtMemory(): number {
    let bytes = 0;
    for (const member of this.members) bytes += member.lookAtMemory();
    return bytes;
  }

  /** A call is over, well or not. */
  leave(): void {
    this.scope.leave();
    this.#seat.endCall();
  }

  /** Over: whatever waits is rejected, and the unfinished lines of its output leave. */
  discard(reason: string): void {
    this.scope.end(reason);
    this.#seat.leave();
    for (const member of this.members) member.flush();
  }

  /** The same after its last call has returned, where there is nothing that could wait (N3). Bytes of memories that are let go of. */
  discardSpent(reason: string): number {
    const mayUnwind = this.ended || this.waiting;
    const bytes = this.lookAtMemory();
    this.discard(reason);
    return mayUnwind || this.members.length > 1 ? bytes : this.#entry.giveBackMemories();
  }
}

function noHandler(): never {
  throw new HostTrap('the component exports no HTTP handler');
}
