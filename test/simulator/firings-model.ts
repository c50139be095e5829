import type { FiringId, FiringObserved, FiringOrder, RunOutcome } from '../../src/model/firing.ts';

/** How the firings of one artifact go. */
export interface RunBehaviour {
  /** Ends by itself after so long; a deadline before that stops it. */
  readonly runMs: number;
  /** Share of firings that fail. */
  readonly failures: number;
}

interface Firing {
  readonly order: FiringOrder;
  readonly replica: string;
  readonly behaviour: RunBehaviour;
  elapsedMs: number;
  outcome?: RunOutcome;
}

export interface Started {
  readonly id: FiringId;
  readonly release: string;
  readonly epoch: string;
}

/** What the engine knows of firings: each id once, its end until it is told to forget it. */
export class FiringsModel {
  /** Every firing that ran, over all epochs, in order: what a guest would have seen. */
  readonly started: Started[] = [];
  readonly ended: { readonly id: FiringId; readonly outcome: RunOutcome }[] = [];
  readonly #firings = new Map<FiringId, Firing>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  fire(order: FiringOrder, epoch: string, replica: string | undefined, behaviour: RunBehaviour): void {
    if (this.#firings.has(order.id)) return;
    const firing: Firing = { order, behaviour, replica: replica ?? '', elapsedMs: 0 };
    if (replica === undefined) firing.outcome = 'NotStarted';
    else this.started.push({ id: order.id, release: order.release, epoch });
    this.#firings.set(order.id, firing);
  }

  stop(id: FiringId): void {
    const firing = this.#firings.get(id);
    if (firing && !firing.outcome) this.#end(firing, 'Stopped');
  }

  forget(ids: readonly FiringId[]): void {
    for (const id of ids) if (this.#firings.get(id)?.outcome) this.#firings.delete(id);
  }

  /** Another process: it knows nothing of them, and they do not go on. */
  restart(): void {
    this.#firings.clear();
  }

  isRunningOn(replica: string): boolean {
    return [...this.#firings.values()].some((firing) => firing.replica === replica && !firing.outcome);
  }

  /** The cell is gone. */
  lose(replica: string): void {
    for (const firing of this.#firings.values())
      if (firing.replica === replica && !firing.outcome) this.#end(firing, 'Crashed');
  }

  advance(milliseconds: number): void {
    for (const firing of this.#firings.values()) {
      if (firing.outcome) continue;
      firing.elapsedMs += milliseconds;
      const { behaviour, order } = firing;
      if (firing.elapsedMs >= Math.min(behaviour.runMs, order.deadlineMs)) {
        if (behaviour.runMs > order.deadlineMs) this.#end(firing, 'DeadlineExceeded');
        else this.#end(firing, this.#random() < behaviour.failures ? 'Failed' : 'Succeeded');
      }
    }
  }

  observed(): readonly FiringObserved[] {
    return [...this.#firings].map(([id, { elapsedMs, outcome, replica }]) => ({
      id,
      elapsedMs,
      ...(replica === '' ? {} : { replica }),
      ...(outcome ? { outcome } : {}),
      ...(outcome === 'Failed' ? { exitCode: 3 } : {}),
      ...(outcome === 'Succeeded' ? { exitCode: 0 } : {}),
    }));
  }

  #end(firing: Firing, outcome: RunOutcome): void {
    firing.outcome = outcome;
    this.ended.push({ id: firing.order.id, outcome });
  }
}
