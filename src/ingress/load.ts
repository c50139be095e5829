/**
 * How much each group of cells has to do: what is in its cells and what waits for them, looked at a few times a second.
 * Nothing of it is on a request's way but the count in `group.ts`.
 */
import type { GroupLoad } from '../model/engine.ts';
import { replicasFor } from '../model/scaling.ts';
import type { GroupId } from '../model/snapshot.ts';
import type { Group } from './group.ts';

export const LOOK_PERIOD_MS = 200;
/** Looks that one average is of: a second. */
const LOOKS = 5;

interface Measured {
  readonly looks: Float64Array;
  uses: number;
  wasBusy: boolean;
  usedAtMs: number;
  /** How many replicas it asked for when that was last told. */
  told: number;
}

export interface LoadOptions {
  readonly groups: () => Iterable<Pick<Group<never>, 'id' | 'callers' | 'waiting' | 'uses'>>;
  /** A group asks for another number of replicas than it did. */
  readonly onChange: () => void;
}

export class Loads {
  readonly #options: LoadOptions;
  readonly #timer: NodeJS.Timeout;
  #measured = new Map<GroupId, Measured>();
  #at = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_PERIOD_MS).unref();
  }

  read(nowMs = performance.now()): readonly GroupLoad[] {
    const usesNow = new Map([...this.#options.groups()].map((group) => [group.id, group.uses]));
    return [...this.#measured].map(([group, { looks, uses, usedAtMs }]) => ({
      group,
      inFlight: average(looks),
      // A call since the last look is not overlooked: it may have been the one that woke it.
      idleMs: usesNow.get(group) === uses ? Math.round(nowMs - usedAtMs) : 0,
    }));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  look(nowMs = performance.now()): void {
    const measured = new Map<GroupId, Measured>();
    let changed = false;
    for (const group of this.#options.groups()) {
      const { callers } = group;
      const one = this.#measured.get(group.id) ?? begun(group.uses, nowMs);
      let inFlight = group.waiting;
      for (const caller of callers) inFlight += caller.inFlight;
      one.looks[this.#at] = inFlight;
      // What is in it at one look alone may be a probe of our own.
      if (group.uses !== one.uses || (inFlight > 0 && one.wasBusy)) one.usedAtMs = nowMs;
      one.uses = group.uses;
      one.wasBusy = inFlight > 0;
      measured.set(group.id, one);
      const asks = callers.length === 0 ? 0 : replicasFor(average(one.looks), callers[0]!.concurrency);
      if (asks === one.told) continue;
      one.told = asks;
      changed = true;
    }
    this.#measured = measured;
    this.#at = (this.#at + 1) % LOOKS;
    if (changed) this.#options.onChange();
  }
}

function begun(uses: number, nowMs: number): Measured {
  return { looks: new Float64Array(LOOKS), uses, wasBusy: false, usedAtMs: nowMs, told: 0 };
}

function average(looks: Float64Array): number {
  let sum = 0;
  for (const look of looks) sum += look;
  return sum / looks.length;
}
