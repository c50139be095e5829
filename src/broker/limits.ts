/** How often cells asked for more than they may have open: counted here, told once a second. */
import type { BrokerLimit } from '../wire/broker-link.ts';

export interface LimitCount {
  readonly cell: number;
  readonly limit: BrokerLimit;
  readonly count: number;
}

export class BrokerLimits {
  /** By cell and limit: as many as there are cells, at most twice. */
  #counts = new Map<string, LimitCount>();

  note(cell: number, limit: BrokerLimit): void {
    const name = `${limit} ${cell}`;
    this.#counts.set(name, { cell, limit, count: (this.#counts.get(name)?.count ?? 0) + 1 });
  }

  drain(): readonly LimitCount[] {
    if (this.#counts.size === 0) return [];
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }
}
