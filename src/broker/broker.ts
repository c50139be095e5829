/**
 * The broker: the only part that touches stores on behalf of guests. It does what the engine says about cells and grants,
 * and what cells ask for as far as their grants go.
 *
 * Invariant
 * G1 A call that begins after `granted` was said is judged by those grants or by later ones, whichever cell it is of.
 */
import type { Duplex } from 'node:stream';
import type { AccessRecord } from '../model/audit.ts';
import type { GrantsInForce } from '../model/snapshot.ts';
import type { BrokerCell } from '../wire/broker-link.ts';
import { Authority } from './authority.ts';
import { KeyValueService } from './key-value.ts';
import { Records } from './records.ts';
import { Session, type Judge } from './session.ts';
import { Stores } from './stores.ts';

const NOTHING_RESTRICTED: GrantsInForce = { ceilings: [], groups: [] };

export interface BrokerOptions {
  readonly storesFolder: string;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  /** Records wait in `drain` and should leave soon. */
  readonly onRecords: () => void;
  readonly onViolation: (cell: number, why: string) => void;
  readonly onStoreFailure: (store: string, error: unknown) => void;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #stores: Stores;
  readonly #records: Records;
  readonly #keyValue: KeyValueService;
  readonly #sessions = new Map<number, Session>();
  #grants: GrantsInForce = NOTHING_RESTRICTED;

  constructor(options: BrokerOptions) {
    this.#options = options;
    const { storesFolder, wallMs, onRecords, onStoreFailure } = options;
    this.#stores = new Stores(storesFolder);
    this.#records = new Records(onRecords);
    this.#keyValue = new KeyValueService({
      stores: this.#stores,
      records: this.#records,
      wallMs,
      onFailure: onStoreFailure,
    });
  }

  /** How many cells are attached. */
  get cells(): number {
    return this.#sessions.size;
  }

  /** G1. */
  grant(grants: GrantsInForce): void {
    this.#grants = grants;
  }

  attach(cell: BrokerCell, socket: Duplex): void {
    this.#sessions.get(cell.cell)?.close();
    const session = new Session({
      cell,
      socket,
      keyValue: this.#keyValue,
      judge: this.#judgeOf(cell),
      monotonicMs: this.#options.monotonicMs,
      onEnd: (why) => {
        if (this.#sessions.get(cell.cell) === session) this.#sessions.delete(cell.cell);
        if (why !== undefined) this.#options.onViolation(cell.cell, why);
      },
    });
    this.#sessions.set(cell.cell, session);
  }

  detach(cell: number): void {
    this.#sessions.get(cell)?.close();
  }

  /** Records that are due; with `all`, every count that there is. */
  drain(all = false): readonly AccessRecord[] {
    return this.#records.drain(this.#options.wallMs(), all);
  }

  close(): void {
    for (const session of this.#sessions.values()) session.close();
    this.#stores.close();
  }

  /** Made anew only when the grants in force have changed: every call of the cell shares it meanwhile. */
  #judgeOf({ component, group, grants }: BrokerCell): () => Judge {
    const namespace = component.slice(0, component.indexOf('/'));
    let of: GrantsInForce | undefined;
    let judge: Judge;
    return () => {
      if (of === this.#grants) return judge;
      of = this.#grants;
      const owner = of.groups.find((row) => row.group === group);
      judge = {
        actor: { component, group, release: owner?.release, commit: owner?.commit },
        authority: new Authority(namespace, grants, of.ceilings),
      };
      return judge;
    };
  }
}
