/**
 * `limits.cpu`: looks once a second at what the thread of each guest has used, and what that means.
 *
 *   Within → Lowered (nice 19) → Told (a condition) → Recycle (control replaces it), each after five seconds above the limit
 *
 * Invariants
 * U1 Only the thread that the guest runs in counts: what V8 does beside it is no guest's doing. One thread is one processor,
 *    so that a limit of 1 is never exceeded.
 * U2 A stage needs a whole window of its own: what came before the last change is not counted again.
 * U3 Below the limit over a window it is Within again, with its priority. Who is to be replaced stays so.
 */
import { readFile } from 'node:fs/promises';
import type { ProcessorStage, ProcessorUse } from '../model/processor.ts';
import { STAT, statField } from './spawner/process-stat.ts';
import { GUEST_PRIORITY, LOWEST_PRIORITY, setPriority } from './spawner/priority.ts';

export const WINDOW_MS = 5_000;
const LOOK_PERIOD_MS = 1_000;
/** sysconf(_SC_CLK_TCK), which Linux has as 100 on every architecture that Node runs on. */
const MS_PER_TICK = 10;
/** The clock of the kernel is that coarse, on both ends of a window. */
const TOLERATED_MS = 2 * MS_PER_TICK;

const NEXT = { Within: 'Lowered', Lowered: 'Told', Told: 'Recycle', Recycle: 'Recycle' } as const;

interface Look {
  readonly atMs: number;
  readonly usedMs: number;
}

/** One guest's use, from looks that somebody else takes. */
export class ProcessorMeter {
  stage: ProcessorStage = 'Within';
  used = 0;
  /** Cells come to a process and leave it. */
  limitMillis: number;
  #looks: Look[] = [];

  constructor(limitMillis: number) {
    this.limitMillis = limitMillis;
  }

  /** The stage, where it has changed. */
  look(look: Look): ProcessorStage | undefined {
    this.#looks.push(look);
    const [first, second] = this.#looks;
    if (second !== undefined && look.atMs - second.atMs >= WINDOW_MS) this.#looks.shift();
    const from = this.#looks[0]!;
    const elapsedMs = look.atMs - from.atMs;
    if (elapsedMs <= 0) return undefined;
    const usedMs = look.usedMs - from.usedMs;
    this.used = usedMs / elapsedMs;
    if (first === undefined || elapsedMs < WINDOW_MS) return undefined;
    const isAbove = usedMs > (elapsedMs * this.limitMillis) / 1_000 + TOLERATED_MS;
    const next = isAbove ? NEXT[this.stage] : this.stage === 'Recycle' ? 'Recycle' : 'Within';
    if (next === this.stage) return undefined;
    this.stage = next;
    this.#looks = [look];
    return next;
  }
}

/** A process to be looked at; its thread runs one guest, or those of all cells that share it. */
export interface Guest {
  readonly id: string;
  readonly pid: number;
  /** Of cells that share it, the sum: who has the thread is not measured, and they trust each other. */
  readonly limitMillis: number;
}

export interface ProcessorOptions {
  readonly guests: () => readonly Guest[];
  readonly onStage: (guest: Guest, use: ProcessorUse) => void;
}

export class Processor {
  readonly #options: ProcessorOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #meters = new Map<string, ProcessorMeter>();
  #isLooking = false;

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look(), LOOK_PERIOD_MS).unref();
  }

  /** Absent: it was not looked at yet, or it cannot be on this system. */
  useOf(id: string): ProcessorUse | undefined {
    const meter = this.#meters.get(id);
    return meter && { stage: meter.stage, used: meter.used };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const guests = this.#options.guests();
    const present = new Set(guests.map(({ id }) => id));
    for (const id of this.#meters.keys()) if (!present.has(id)) this.#meters.delete(id);
    for (const guest of guests) await this.#lookAt(guest);
    this.#isLooking = false;
  }

  async #lookAt(guest: Guest): Promise<void> {
    const { id, pid, limitMillis } = guest;
    const usedMs = await guestTimeMs(pid);
    if (usedMs === undefined) return;
    const meter = this.#meters.get(id) ?? new ProcessorMeter(limitMillis);
    meter.limitMillis = limitMillis;
    this.#meters.set(id, meter);
    const before = meter.stage;
    const changed = meter.look({ atMs: performance.now(), usedMs });
    if (changed === undefined) return;
    if (changed === 'Lowered') setPriority(pid, LOWEST_PRIORITY);
    if (changed === 'Within' && before !== 'Within') setPriority(pid, GUEST_PRIORITY);
    this.#options.onStage(guest, { stage: changed, used: meter.used });
  }
}

async function guestTimeMs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/task/${pid}/stat`, 'latin1').catch(() => '');
  const ticks = Number(statField(text, STAT.userTicks)) + Number(statField(text, STAT.systemTicks));
  return Number.isFinite(ticks) ? ticks * MS_PER_TICK : undefined;
}
