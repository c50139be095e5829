/**
 * Replicas that fail while others of their group do not: they get no requests for a while (outlier detection, as Envoy has it).
 *
 * Invariants
 * E1 Ejected is who failed so many calls in a row, each by the guest's own doing, while another of its group does well. Where
 *    all fail it is the release, which is the gate's to judge. At most half of the replicas are ejected at once, and never the last one.
 * E2 Who comes back is on probation: one more failure ejects it again, for twice as long, up to a bound; each success takes a doubling back.
 * E3 Nothing is kept of a replica that is gone, and nothing costs a look while all do well.
 */
import type { CellCaller } from '../wire/cell-caller.ts';

export const FAILURES_IN_A_ROW = 5;
export const EJECTION_INITIAL_MS = 5_000;
export const EJECTION_MAX_MS = 60_000;

interface Record {
  failures: number;
  /** How often it was ejected, less the successes since. */
  times: number;
  untilMs: number;
  timer: NodeJS.Timeout | undefined;
}

export interface Ejected {
  /** `namespace/name@revision#7`. */
  readonly replica: string;
  readonly leftMs: number;
}

export class Outliers {
  readonly #records = new Map<CellCaller, Record>();
  readonly #onChange: () => void;

  /** `onChange`: somebody was ejected, or may have requests again. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  succeeded(caller: CellCaller): void {
    if (this.#records.size === 0) return;
    const record = this.#records.get(caller);
    if (record === undefined) return;
    record.failures = 0;
    record.times = Math.max(0, record.times - 1);
    if (record.times === 0 && record.timer === undefined) this.#records.delete(caller);
  }

  /** `callers`: its group, itself among them. */
  failed(caller: CellCaller, callers: readonly CellCaller[]): void {
    if (!callers.includes(caller)) return;
    const record = this.#records.get(caller) ?? { failures: 0, times: 0, untilMs: 0, timer: undefined };
    this.#records.set(caller, record);
    record.failures++;
    if (record.failures < FAILURES_IN_A_ROW || record.timer !== undefined) return;
    // E1.
    const others = callers.filter((one) => one !== caller && !this.isEjected(one));
    if (2 * others.length < callers.length || others.every((one) => this.#isFailing(one))) return;
    const forMs = Math.min(EJECTION_MAX_MS, EJECTION_INITIAL_MS * 2 ** record.times);
    record.times = Math.min(record.times + 1, 16);
    record.untilMs = performance.now() + forMs;
    record.timer = setTimeout(() => this.#comeBack(record), forMs).unref();
    this.#onChange();
  }

  isEjected(caller: CellCaller): boolean {
    return this.#records.get(caller)?.timer !== undefined;
  }

  /** Those that are left of the group (E3). */
  retain(callers: readonly CellCaller[]): void {
    for (const [caller, { timer }] of this.#records) {
      if (callers.includes(caller)) continue;
      clearTimeout(timer);
      this.#records.delete(caller);
    }
  }

  read(): readonly Ejected[] {
    const nowMs = performance.now();
    return [...this.#records].flatMap(([{ replica }, { timer, untilMs }]) =>
      timer === undefined ? [] : [{ replica, leftMs: Math.max(0, Math.round(untilMs - nowMs)) }],
    );
  }

  #isFailing(caller: CellCaller): boolean {
    return (this.#records.get(caller)?.failures ?? 0) > 0;
  }

  /** E2. */
  #comeBack(record: Record): void {
    record.timer = undefined;
    record.failures = FAILURES_IN_A_ROW - 1;
    this.#onChange();
  }
}
