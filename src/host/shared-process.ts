/**
 * One process that cells share.
 *
 * Invariants
 * S1 A slot that was assigned is not used again. One that was not is as good as new.
 * S2 A cell that leaves takes nobody along: its channel is closed, the process says so by closing its end, and the memory
 *    counts as given back from then on. A process that does not get to it because it runs that very cell's guest is ended.
 * S3 The process ends when its last cell has left.
 * S4 Who is not known to have ended the process has not failed: it hears who did. Known is whoever was told to be ended, else
 *    those that had a call or were starting when it went.
 */
import { readFileSync } from 'node:fs';
import { Deferred } from '../kit/deferred.ts';
import { err, ok, type Result } from '../kit/result.ts';
import type { EntryKey } from '../model/component.ts';
import { problem, type Problem } from '../model/problem.ts';
import { slotOfName } from '../wire/slots.ts';
import type { CellDeath, CellProcess, OwnLimits, SharedLimits, SharedView } from './cell-process.ts';
import { describeExit } from './spawner/exit.ts';
import type { CellExit, SandboxKind } from './spawner/messages.ts';
import { STAT, statFieldOf } from './spawner/process-stat.ts';

/** From the close of a cell's channel: a process that is well has closed its end by then. */
const LEAVE_LOOK_MS = 500;
/** A cell that has not left by then never will, whoever has the turn. */
const LEAVE_DEADLINE_MS = 15_000;
/** For the word how the process ended, once it has: a replica waits for it longer than this and one look (`EXIT_DEADLINE_MS`). */
const WORD_DEADLINE_MS = 4_000;
/** What was seen when the first channel closed tells of the end of the process as long as that. */
const SNAPSHOT_MS = WORD_DEADLINE_MS + LEAVE_LOOK_MS;

/** A replica that has a slot, as the process sees it. */
export interface Tenant {
  readonly replica: string;
  readonly entry: EntryKey;
  readonly isWanted: () => boolean;
  /** It has a call, or is being started: if the process ends now, it may be why. */
  readonly isBusy: () => boolean;
}

export interface SharedProcessOptions {
  readonly namespace: string;
  readonly kind: SandboxKind;
  /** What all its cells together can be allowed to map. */
  readonly mostDataBytes: number;
  readonly slots: number;
  readonly boot: (isWanted: () => boolean) => Promise<Result<readonly CellProcess[], Problem>>;
  /** It takes no more cells; said once. */
  readonly onOver: () => void;
  /** A cell of it is why it ended. */
  readonly onCulprit: (entry: EntryKey) => void;
}

export class SharedProcess {
  readonly options: SharedProcessOptions;
  readonly #slots: Slot[] = [];
  /** They have a slot, or will have one when the process has booted. */
  readonly #tenants = new Set<Tenant>();
  #booted: Promise<Result<void, Problem>> | undefined;
  /** Slots that nobody had yet, or has been promised. */
  #free: number;
  #isOver = false;
  #culprit: { readonly tenant: Tenant; readonly why: string } | undefined;
  /** Who was busy when the first channel closed unasked. */
  #seen: { readonly atMs: number; readonly busy: ReadonlySet<Tenant> } | undefined;
  /** Limits are set and cells assigned one after the other. */
  #assigning: Promise<unknown> = Promise.resolve();

  constructor(options: SharedProcessOptions) {
    this.options = options;
    this.#free = options.slots;
  }

  /** Whether a cell of the entry may come: two of one entry would go down together. */
  hasRoomFor(entry: EntryKey): boolean {
    if (this.#isOver || this.#free === 0) return false;
    return [...this.#tenants].every((tenant) => tenant.entry !== entry);
  }

  /** Its slot, when the process has booted. */
  async admit(tenant: Tenant): Promise<Result<CellProcess, Problem>> {
    this.#tenants.add(tenant);
    this.#free -= 1;
    const booted = await (this.#booted ??= this.#boot());
    const slot =
      booted.ok && !this.#isOver ? this.#slots.find((one) => one.tenant === undefined && !one.used) : undefined;
    if (slot) {
      slot.tenant = tenant;
      return ok(slot);
    }
    this.#tenants.delete(tenant);
    return booted.ok ? err(problem('HW4141', 'the process that it was to share ended as it started')) : booted;
  }

  /** Nobody comes in any more; those that are in it stay. */
  closeToOthers(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.options.onOver();
  }

  get cells(): number {
    return this.#tenants.size;
  }

  /** The cells that have their turn now; undefined where the kernel does not say. */
  get #turn(): Slot | undefined {
    try {
      const slot = slotOfName(readFileSync(`/proc/${this.#slots[0]!.pid}/comm`, 'latin1'));
      return slot === undefined ? undefined : this.#slots[slot];
    } catch {
      return undefined;
    }
  }

  /** Undefined: it cannot be found out. */
  hasTheTurn(slot: Slot): boolean | undefined {
    const turn = this.#turn;
    return turn && turn === slot;
  }

  isTakenAlong({ tenant }: Slot): boolean {
    return this.#culprit !== undefined && this.#culprit.tenant !== tenant;
  }

  assign(slot: Slot, own: OwnLimits, assign: (limits: SharedLimits) => Promise<Result<void, Problem>>) {
    slot.used = true;
    slot.limits = own;
    const { mostDataBytes } = this.options;
    const assigned = this.#assigning.then(() => {
      const present = this.#slots.flatMap(({ tenant, limits }) => (tenant && limits ? [limits] : []));
      const dataBytes = present.reduce((sum, limits) => sum + limits.dataBytes, 0);
      const cpuMillis = present.reduce((sum, limits) => sum + limits.cpuMillis, 0);
      return assign({ dataBytes, mostDataBytes, cpuMillis });
    });
    this.#assigning = assigned.catch(() => undefined);
    return assigned;
  }

  /** S1, S3: the slot has nobody any more. */
  vacate(slot: Slot): void {
    if (slot.tenant) this.#tenants.delete(slot.tenant);
    slot.tenant = undefined;
    if (!slot.used) this.#free += 1;
    if (this.#tenants.size === 0) this.#end();
  }

  /** S4: it is known who. */
  blame(tenant: Tenant, why: string): void {
    if (!this.#culprit) {
      this.#culprit = { tenant, why };
      if (this.#tenants.size > 1) this.options.onCulprit(tenant.entry);
    }
    this.#end();
  }

  /** A channel was closed by the process: it leaves that slot, or it is at its end. */
  onUnasked(): void {
    const nowMs = performance.now();
    if (this.#seen && nowMs - this.#seen.atMs < SNAPSHOT_MS) return;
    this.#seen = { atMs: nowMs, busy: new Set([...this.#tenants].filter((tenant) => tenant.isBusy())) };
  }

  /** The process goes on: what was seen tells nothing of its end. */
  onLeftUnasked(): void {
    this.#seen = undefined;
  }

  async #boot(): Promise<Result<void, Problem>> {
    const booted = await this.options.boot(() => [...this.#tenants].some((tenant) => tenant.isWanted()));
    if (!booted.ok) {
      this.closeToOthers();
      return booted;
    }
    for (const cell of booted.value) this.#slots.push(new Slot(this, cell));
    // All of them: a channel that closed before the others says nothing about the process.
    void Promise.all(booted.value.map(({ exited }) => exited)).then((exits) =>
      this.#onExit(exits.find((exit) => exit)),
    );
    return ok(undefined);
  }

  #end(): void {
    this.closeToOthers();
    for (const slot of this.#slots) slot.cut();
  }

  #onExit(exit: CellExit | undefined): void {
    this.closeToOthers();
    const suspects = this.#suspects();
    const because = this.#because(exit, suspects);
    for (const slot of this.#slots) {
      const isSuspect = slot.tenant === undefined || suspects.has(slot.tenant);
      slot.gone(isSuspect ? exit : { ...(exit ?? NOBODY_SAW), because });
    }
    if (!this.#culprit && this.#tenants.size > 1) {
      for (const { entry } of suspects) this.options.onCulprit(entry);
    }
    this.#tenants.clear();
  }

  /** S4. Whoever is alone in it is as any cell in a process of its own. */
  #suspects(): ReadonlySet<Tenant> {
    if (this.#culprit) return new Set([this.#culprit.tenant]);
    if (this.#tenants.size <= 1) return this.#tenants;
    this.onUnasked();
    return this.#seen?.busy ?? new Set();
  }

  #because(exit: CellExit | undefined, suspects: ReadonlySet<Tenant>): string {
    if (this.#culprit) return `${this.#culprit.tenant.replica}: ${this.#culprit.why}`;
    const how = exit ? describeExit(exit).split('\n')[0]! : 'nobody saw how';
    const who = [...suspects].map(({ replica }) => replica).join(', ');
    return who === '' ? `${how}, while nobody in it had a call` : `${how}, while ${who} had a call`;
  }
}

/** It runs no more, whether or not somebody has been told how it ended. */
function hasEnded(pid: number): boolean {
  return /^[ZX]/.test(statFieldOf(pid, STAT.state) ?? 'X');
}

const NOBODY_SAW: CellExit = { code: null, signal: null, stderr: '' };

class Slot implements CellProcess {
  readonly id: number;
  readonly pid: number;
  readonly kind: SandboxKind;
  readonly channel: CellProcess['channel'];
  readonly brokerEnd: CellProcess['brokerEnd'];
  readonly exited: Promise<CellDeath | undefined>;
  readonly shared: SharedView;
  tenant: Tenant | undefined;
  /** It was assigned, or is being assigned. */
  used = false;
  /** From its assignment on. */
  limits: OwnLimits | undefined;
  readonly #process: SharedProcess;
  readonly #raw: CellProcess;
  readonly #exited = new Deferred<CellDeath | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #isAsked = false;
  #isCut = false;

  constructor(process: SharedProcess, raw: CellProcess) {
    this.#process = process;
    this.#raw = raw;
    this.id = raw.id;
    this.pid = raw.pid;
    this.kind = raw.kind;
    this.channel = raw.channel;
    this.brokerEnd = raw.brokerEnd;
    this.exited = this.#exited.promise;
    this.shared = {
      get cells() {
        return process.cells;
      },
      hasTheTurn: () => process.hasTheTurn(this),
      isTakenAlong: () => process.isTakenAlong(this),
      assign: (own, assign) => process.assign(this, own, assign),
    };
    // Before whoever owns the channel hears of it.
    raw.channel.once('close', () => this.#onClosed());
  }

  end(): void {
    if (this.#isAsked || this.#isCut) return;
    // It goes back to the others (S1).
    if (!this.used) return this.#process.vacate(this);
    this.#isAsked = true;
    this.brokerEnd?.destroy();
    if (this.channel.destroyed) return this.#left();
    this.channel.resume();
    this.channel.end();
    this.#awaitLeave(performance.now() + LEAVE_DEADLINE_MS);
  }

  kill(why: Problem): void {
    if (this.tenant) this.#process.blame(this.tenant, why.message);
  }

  /** The process ends. */
  cut(): void {
    clearTimeout(this.#timer);
    this.#isCut = true;
    this.#raw.end();
  }

  gone(death: CellDeath | undefined): void {
    clearTimeout(this.#timer);
    this.#exited.resolve(death);
  }

  /** S2. */
  #awaitLeave(deadlineMs: number): void {
    this.#timer = setTimeout(() => {
      const isLate = performance.now() >= deadlineMs;
      if (!isLate && this.#process.hasTheTurn(this) !== true) return this.#awaitLeave(deadlineMs);
      if (this.tenant) this.#process.blame(this.tenant, 'it did not leave when it was told to');
    }, LEAVE_LOOK_MS);
  }

  #onClosed(): void {
    if (this.#isCut) return;
    if (this.#isAsked) return this.#left();
    this.#process.onUnasked();
    this.#isAsked = true;
    this.#awaitWord(performance.now() + WORD_DEADLINE_MS);
  }

  /** Where the process is at its end, how it ended is known soon, and is the answer. */
  #awaitWord(deadlineMs: number): void {
    this.#timer = setTimeout(() => {
      if (performance.now() < deadlineMs && hasEnded(this.pid)) return this.#awaitWord(deadlineMs);
      this.#process.onLeftUnasked();
      this.#left();
    }, LEAVE_LOOK_MS);
  }

  #left(): void {
    clearTimeout(this.#timer);
    this.#exited.resolve({ code: 0, signal: null, stderr: 'it left the process that it shared' });
    this.#process.vacate(this);
  }
}
