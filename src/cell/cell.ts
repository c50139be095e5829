/**
 * The life of a cell process: booted → assigned → loaded → serving → shut down. Everything that happens, happens because
 * a frame came or a guest went on; the process has no business of its own.
 *
 * Invariants
 * L1 One assignment in a life. What fails before `Loaded` is a `LoadFailed` and the end of the process.
 * L2 A frame that breaks the protocol ends the process: the engine is trusted, so it is a bug, and going on would hide it.
 * L3 The process ends when its channel does: a cell without an engine has nobody to serve.
 */
import type net from 'node:net';
import type { Duplex } from 'node:stream';
import { FrameWriter } from '../wire/encoder.ts';
import { unpackCompiled } from '../wire/compiled-bindings.ts';
import { seatsOf } from '../wire/broker-frames.ts';
import type { LentMemory } from '../kit/lent-memory.ts';
import { framerToCell, type Framer } from '../wire/framer.ts';
import { ToCell, WIRE_VERSION, type Assignment, type MemberAssignment } from '../wire/frames.ts';
import { AssignmentInbox, nameOf, providersFirst } from './assignment.ts';
import type { Compiled } from './bindings.ts';
import { BrokerChannel } from './broker.ts';
import { Calls } from './calls.ts';
import { limitDenials } from './denials.ts';
import { findExports, type ExportNames } from './exports.ts';
import { RepeatedTexts } from './latin1.ts';
import { gatherLimits } from './limits.ts';
import { LogRate } from './log-lines.ts';
import type { MemberSettings } from './member.ts';
import { mountSettings, type MountSettings } from './mounts.ts';
import { Outbox } from './outbox.ts';
import { InstancePool } from './pool.ts';
import { EarlyModules, Program } from './program.ts';
import type { Collect } from './discarded.ts';
import { RemoteCalls } from './remote.ts';
import type { Reuse } from './reuse.ts';
import type { Suspension } from './suspension.ts';
import { CallEnded, describeFailure } from './trap.ts';
import { TYPES_FILE, TypedExports } from './typed/exports.ts';
import { REMOTE_FILE, RemoteImports } from './typed/imports.ts';
import { warmUp } from './warm-up.ts';

/** Exit codes of a cell, for whoever looks at the process. */
export const CellExit = { Ok: 0, ChannelClosed: 0, LoadFailed: 70, Protocol: 71 } as const;

/** How long the last words may wait for an engine that does not read. */
const LEAVE_DEADLINE_MS = 1000;

/** Of each member, by its position. */
interface MadeOfFiles {
  readonly programs: readonly Program[];
  readonly remotes: readonly RemoteImports[];
  readonly mounts: readonly (readonly MountSettings[])[];
}

export interface CellSettings {
  /** Descriptor 3, or that of its slot. */
  readonly channel: Duplex;
  /** Opens the descriptor of the broker: once, when the engine has said that there is one. */
  readonly openBroker: () => net.Socket;
  readonly nodeVersion: string;
  readonly exit: (code: number) => void;
  /** Installed already. */
  readonly suspension: Suspension;
  readonly collect: Collect;
  /** Said where other cells share the process: a turn of the event loop begins that may be this cell's guest's. */
  readonly onTurn?: () => void;
}

export class Cell {
  readonly #settings: CellSettings;
  readonly #outbox: Outbox;
  readonly #broker: BrokerChannel;
  readonly #remote: RemoteCalls;
  readonly #early = new EarlyModules();
  readonly #framer: Framer;
  #inbox: AssignmentInbox | undefined;
  /** As the engine gave it; of each member once the assignment is there. */
  #compiled: Buffer | undefined;
  #calls: Calls | undefined;
  /** From when it is made; `#pool` from when it serves. */
  #made: InstancePool | undefined;
  #pool: InstancePool | undefined;
  #logs: LogRate | undefined;
  #shuttingDown = false;

  constructor(settings: CellSettings) {
    this.#settings = settings;
    this.#outbox = new Outbox(new FrameWriter(settings.channel));
    this.#framer = framerToCell((type, id, bytes, start, end) => this.#take(type, id, bytes, start, end));
    this.#remote = new RemoteCalls((id, question) => this.#outbox.remote(id, question));
    this.#broker = new BrokerChannel(settings.openBroker, (what) => this.#broken(what));
  }

  /**
   * Says that it waits, and reads from here on.
   *
   * @param rehearsed whether the process has been through a start before.
   */
  boot(rehearsed: boolean): void {
    const { channel, nodeVersion, exit } = this.#settings;
    channel.on('data', (chunk: Buffer, memory?: LentMemory) => {
      if (!this.#framer.push(chunk, memory) && this.#framer.violation) this.#broken(this.#framer.violation);
    });
    channel.on('error', () => exit(CellExit.ChannelClosed));
    channel.on('close', () => exit(CellExit.ChannelClosed));
    channel.on('end', () => exit(CellExit.ChannelClosed));
    this.#outbox.booted({ wire: WIRE_VERSION, node: nodeVersion, rehearsed });
  }

  /** A promise of the bindings that nobody awaited was rejected. The guest's doing; the other instances go on. */
  strayRejection(reason: unknown): void {
    this.#logs?.say(`stray rejection in the bindings: ${describeFailure(reason)}`);
  }

  /** It has left a process that goes on: whatever its guests hold is let go of. */
  close(): void {
    this.#made?.end('the cell has ended');
    this.#inbox = undefined;
    this.#calls = undefined;
    this.#made = undefined;
    this.#pool = undefined;
  }

  #take(type: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const wrong = this.#accept(type, id, bytes, start, end);
    if (wrong === undefined) return true;
    this.#broken(wrong);
    return false;
  }

  #accept(type: number, id: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (id !== 0) {
      return this.#calls ? this.#calls.take(type, id, bytes, start, end) : `a frame of type ${type} before Loaded`;
    }
    switch (type) {
      case ToCell.Assign:
        return this.#assign(bytes.subarray(start, end));
      case ToCell.FileChunk:
        return this.#fileChunk(bytes.subarray(start, end));
      case ToCell.Compiled:
        return this.#takeCompiled(bytes.subarray(start, end));
      case ToCell.Broker:
        return this.#broker.announce(bytes.subarray(start, end));
      case ToCell.Shutdown:
        return this.#shutdown(bytes.subarray(start, end));
      default:
        return `a frame of type ${type} for the channel`;
    }
  }

  #takeCompiled(packed: Buffer): string | undefined {
    if (this.#compiled) return 'compiled bindings twice';
    if (this.#inbox) return 'compiled bindings behind the assignment';
    this.#compiled = packed;
    return undefined;
  }

  #assign(payload: Buffer): string | undefined {
    if (this.#inbox) return 'a second assignment';
    const inbox = AssignmentInbox.open(payload, WIRE_VERSION, (name, bytes) => this.#early.take(name, bytes));
    if (typeof inbox === 'string') return inbox;
    this.#inbox = inbox;
    if (inbox.complete) void this.#load(inbox);
    return undefined;
  }

  #fileChunk(chunk: Buffer): string | undefined {
    const inbox = this.#inbox;
    if (!inbox || inbox.complete) return 'a chunk of no file';
    if (!inbox.push(chunk)) return 'more bytes than the file has';
    if (inbox.complete) void this.#load(inbox);
    return undefined;
  }

  async #load({ assignment, members, files }: AssignmentInbox): Promise<void> {
    const startMs = performance.now();
    try {
      // What is called is of the entry: the first member.
      const typed = new TypedExports(files[0]?.get(TYPES_FILE));
      const compiled = this.#compiledOf(assignment, members.length);
      const programs: Program[] = [];
      const remotes: RemoteImports[] = [];
      const mounts = members.map((member, position) => mountSettings(member.mounts ?? [], files[position]!));
      for (const [position, ofMember] of files.entries()) {
        programs.push(Program.load(ofMember, this.#early, compiled[position]));
        remotes.push(new RemoteImports(ofMember.get(REMOTE_FILE)));
        ofMember.clear();
      }
      const compileMs = this.#early.elapsedMs + performance.now() - startMs;
      const pool = this.#makePool(assignment, members, { programs, remotes, mounts });
      this.#made = pool;
      const { names } = pool.entry;
      // Never before the engine, who judges by a clock that began earlier: timers may be early by a millisecond.
      const leftMs = Math.max(1, Math.ceil(assignment.startTimeoutMs - compileMs) + 1);
      const migrateMs = await this.#migrate(assignment, pool);
      const { instantiateMs, initMs } = await pool.warm(leftMs);
      const isReady = await this.#warmUp(assignment, pool, names);
      this.#serve(assignment, pool, names, typed);
      this.#outbox.loaded({
        compileMs,
        instantiateMs,
        initMs,
        ...(migrateMs === undefined ? {} : { migrateMs }),
        instancePolicy: pool.reuse.policy,
        ...whyOf(pool.reuse, assignment, names),
        isProven: pool.reuse.isProven,
        isReady,
        isCompiled: programs.every((program) => program.isCompiled),
        hasHealth: names.health !== undefined,
        hasShutdown: pool.hasLifecycle,
        hasHttp: names.http,
      });
      if (assignment.handsOutCompiled) this.#handOutCompiled(programs);
    } catch (thrown) {
      this.#outbox.loadFailed(isLate(thrown) ? 'HW4105' : 'HW4001', describeFailure(thrown));
      this.#leave(CellExit.LoadFailed);
    }
  }

  /** @throws TypeError where it is of other members: the engine is trusted, so it is a bug. */
  #compiledOf({ handsOutCompiled }: Assignment, members: number): readonly Compiled[] {
    const packed = this.#compiled;
    this.#compiled = undefined;
    if (!packed) return Array<Compiled>(members).fill(handsOutCompiled ? 'Make' : undefined);
    const pieces = unpackCompiled(packed, 0, packed.length, members);
    if (!pieces) throw new TypeError('compiled bindings of other members');
    return pieces;
  }

  /** At once: `Loaded` is on its way, and what comes next is somebody's request. */
  #handOutCompiled(programs: readonly Program[]): void {
    this.#outbox.flush();
    this.#outbox.compiled(programs.map((program) => program.compiled()));
  }

  /** Before any `init`: that may read what it is to find in its own form. */
  async #migrate({ migrate }: Assignment, pool: InstancePool): Promise<number | undefined> {
    if (!migrate) return undefined;
    const startMs = performance.now();
    await pool.migrate(migrate.from, migrate.timeoutMs);
    return performance.now() - startMs;
  }

  async #warmUp(assignment: Assignment, pool: InstancePool, { http }: ExportNames): Promise<boolean> {
    const { warmUp: call, startTimeoutMs } = assignment;
    if (!call || http === 'none') return false;
    return warmUp(pool, { http, call, limits: assignment, startTimeoutMs });
  }

  #makePool(assignment: Assignment, members: readonly MemberAssignment[], made: MadeOfFiles): InstancePool {
    const tellDenied = limitDenials((denial) => this.#outbox.denied(denial));
    const tellLimit = gatherLimits((limit, count) => this.#outbox.limit(limit, count));
    const settings = members.map((member, position): MemberSettings => {
      const logs = new LogRate(member.logBytesPerSecond, (stream, dropped, text) =>
        this.#outbox.log(stream, position, dropped, text),
      );
      if (position === 0) this.#logs = logs;
      const { imports, links = [], remotes = [], env, args, config, handles, memoryBytes, ambient = {} } = member;
      return {
        name: members.length === 1 ? undefined : nameOf(assignment, position),
        program: made.programs[position]!,
        names: findExports(member.exports, member.blockingExports),
        imports,
        links,
        remotes: new Map(remotes.map((name) => [name, made.remotes[position]!.of(name)])),
        position,
        env,
        args,
        config,
        mounts: made.mounts[position]!,
        ambient,
        handles,
        memoryBytes,
        logs,
        tellLimit,
        texts: new RepeatedTexts(),
        tellDenied: (denial) => tellDenied(position, denial),
      };
    });
    const { suspension } = this.#settings;
    const { concurrency, instances = concurrency, requestsPerInstance, instancePolicy } = assignment;
    const broker = this.#broker;
    broker.furnish(seatsOf(concurrency), assignment.sockets, () => tellLimit('sockets'));
    return new InstancePool({
      instances: {
        members: settings,
        order: providersFirst(members),
        broker,
        remote: this.#remote,
        suspension,
        onTurn: this.#settings.onTurn ?? nothing,
      },
      collect: this.#settings.collect,
      policy: instancePolicy,
      most: Math.min(concurrency, instances),
      requestsPerInstance,
      tellLimit: (limit) => {
        // Unless written, an instance for each call is no limit of its own.
        if (limit !== 'instances' || assignment.instances !== undefined) tellLimit(limit);
      },
      say: (line) => this.#logs?.say(line),
      onPerRequest: (why) => {
        this.#logs?.say(`instancePolicy is PerRequest from here: ${why}`);
        // Before that, `Loaded` says it.
        if (this.#pool) this.#outbox.perRequest(why);
      },
    });
  }

  #serve(assignment: Assignment, pool: InstancePool, names: ExportNames, typed: TypedExports): void {
    this.#pool = pool;
    this.#calls = new Calls({
      pool,
      outbox: this.#outbox,
      http: names.http,
      typed,
      remote: this.#remote,
      limits: assignment,
      lend: () => this.#framer.lend(),
      say: (line) => this.#logs?.say(line),
    });
  }

  #shutdown(payload: Buffer): string | undefined {
    const deadlineMs = readDeadline(payload);
    if (deadlineMs === undefined) return 'a shutdown without a deadline';
    if (this.#shuttingDown) return undefined;
    this.#shuttingDown = true;
    void this.#shutDown(deadlineMs);
    return undefined;
  }

  /** The engine sends no more requests; should the last ones not end, it kills the process at its deadline. */
  async #shutDown(deadlineMs: number): Promise<void> {
    const startMs = performance.now();
    await this.#pool?.idle();
    await this.#pool?.close(Math.max(0, deadlineMs - (performance.now() - startMs)));
    this.#leave(CellExit.Ok);
  }

  #broken(what: string): void {
    this.#outbox.log(3, 0, 0, Buffer.from(`the engine broke the protocol: ${what}\n`));
    this.#leave(CellExit.Protocol);
  }

  /** What was said leaves first; a channel that takes nothing any more does not hold the end up. */
  #leave(code: number): void {
    this.#outbox.flush();
    this.#settings.channel.end(() => this.#settings.exit(code));
    setTimeout(() => this.#settings.exit(code), LEAVE_DEADLINE_MS);
  }
}

function nothing(): void {}

/** Why the policy is what it is, where that is not what was asked for and found to hold. */
function whyOf(
  { policy, why, isProven }: Reuse,
  { warmUp }: Assignment,
  { http }: ExportNames,
): { readonly why?: string } {
  if (why !== undefined) return { why };
  // Where it is told to prove nothing, it was proven before.
  if (policy !== 'Pooled' || isProven || warmUp?.proves === false || http === 'none') return {};
  const untried = warmUp
    ? 'the first call of the warm-up did not succeed in time'
    : 'no readiness probe asks for a path, or it calls other cells';
  return { why: `no second call on one instance was tried before the first request: ${untried}` };
}

/** `init` was ended from outside, because its time was over. */
function isLate(thrown: unknown): boolean {
  return thrown instanceof CallEnded && thrown.message.startsWith('init ');
}

function readDeadline(payload: Buffer): number | undefined {
  try {
    const { deadlineMs } = JSON.parse(payload.toString('utf8')) as { readonly deadlineMs?: unknown };
    return typeof deadlineMs === 'number' ? deadlineMs : undefined;
  } catch {
    return undefined;
  }
}
