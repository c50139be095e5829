/**
 * Which cells share a process: those of one namespace that ask for it, never two of one entry, and for a while nobody with
 * an entry that took others along.
 */
import type { Result } from '../kit/result.ts';
import type { EntryKey } from '../model/component.ts';
import type { Problem } from '../model/problem.ts';
import { MAX_SLOTS } from '../wire/slots.ts';
import type { CellProcess } from './cell-process.ts';
import { SharedProcess, type Tenant } from './shared-process.ts';
import type { SandboxKind } from './spawner/messages.ts';

/** So long an entry that ended a process which others shared has one to itself. */
export const ALONE_MS = 10 * 60_000;
/** More of them are forgotten, the oldest first. */
export const MAX_ALONE = 1_000;

export interface SharedProcessesOptions {
  readonly mostDataBytes: number;
  readonly boot: (
    kind: SandboxKind,
    slots: number,
    isWanted: () => boolean,
  ) => Promise<Result<readonly CellProcess[], Problem>>;
  readonly nowMs: () => number;
}

export class SharedProcesses {
  readonly #options: SharedProcessesOptions;
  readonly #processes = new Set<SharedProcess>();
  /** Until when. */
  readonly #alone = new Map<EntryKey, number>();

  constructor(options: SharedProcessesOptions) {
    this.#options = options;
  }

  take(kind: SandboxKind, tenant: Tenant): Promise<Result<CellProcess, Problem>> {
    const namespace = tenant.entry.split('/')[0]!;
    const found = [...this.#processes].find(
      (one) => one.options.namespace === namespace && one.options.kind === kind && one.hasRoomFor(tenant.entry),
    );
    return (found ?? this.#start(namespace, kind)).admit(tenant);
  }

  /** Cells of a spawner that is gone cannot be assigned any more. */
  discard(): void {
    for (const one of this.#processes) one.closeToOthers();
  }

  /** It ended a process that others shared, not long ago: it gets one of its own. */
  isAlone(entry: EntryKey): boolean {
    const untilMs = this.#alone.get(entry);
    if (untilMs === undefined) return false;
    if (untilMs > this.#options.nowMs()) return true;
    this.#alone.delete(entry);
    return false;
  }

  #start(namespace: string, kind: SandboxKind): SharedProcess {
    const { boot, mostDataBytes } = this.#options;
    const started: SharedProcess = new SharedProcess({
      namespace,
      kind,
      mostDataBytes,
      slots: MAX_SLOTS,
      boot: (isWanted) => boot(kind, MAX_SLOTS, isWanted),
      onOver: () => this.#processes.delete(started),
      onCulprit: (entry) => this.#keepAlone(entry),
    });
    this.#processes.add(started);
    return started;
  }

  #keepAlone(entry: EntryKey): void {
    this.#alone.delete(entry);
    this.#alone.set(entry, this.#options.nowMs() + ALONE_MS);
    for (const oldest of this.#alone.keys()) {
      if (this.#alone.size <= MAX_ALONE) break;
      this.#alone.delete(oldest);
    }
  }
}
