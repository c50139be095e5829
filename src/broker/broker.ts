/**
 * The broker: the only part that touches stores and the network on behalf of guests. It does what the engine says about
 * cells and grants, and what cells ask for as far as their grants go.
 *
 * Invariants
 * G1 A call that begins after `granted` was said is judged by those grants or by later ones, whichever cell it is of.
 * G2 Which edition of a store a cell works on is fixed when it is attached; of its own stores it is what control said, whatever
 *    becomes of the broker meanwhile.
 */
import type { Duplex } from 'node:stream';
import type { Result } from '../kit/result.ts';
import type { AccessRecord } from '../model/audit.ts';
import { ownStoresOf, storeOf, type EntryKey } from '../model/component.ts';
import type { DropReason } from '../model/datagrams.ts';
import type { Edition, StoreOrder, StoresDone } from '../model/edition.ts';
import type { Problem } from '../model/problem.ts';
import type { GrantsInForce } from '../model/snapshot.ts';
import type { BrokerCell, BrokerLimit } from '../wire/broker-link.ts';
import { Authority } from './authority.ts';
import { CellCounts, type CellCount } from './cell-counts.ts';
import { Editions } from './editions.ts';
import { FileAuthority } from './files/authority.ts';
import { FilesService } from './files/service.ts';
import { HttpAuthority } from './http/authority.ts';
import { HttpService, type HttpServiceOptions } from './http/service.ts';
import { KeyValueService } from './key-value.ts';
import { Records, type Actor } from './records.ts';
import { Resolver, type Resolve } from './resolver.ts';
import { Session, type Judge } from './session.ts';
import { SocketAuthority } from './sockets/authority.ts';
import { SocketService } from './sockets/service.ts';
import { Stores } from './stores.ts';

const NOTHING_RESTRICTED: GrantsInForce = { ceilings: [], groups: [] };

export interface BrokerOptions {
  readonly storesFolder: string;
  readonly volumesFolder: string;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly http: Omit<HttpServiceOptions, 'records' | 'wallMs' | 'resolver'>;
  readonly resolve: Resolve;
  /** Records wait in `drain` and should leave soon. */
  readonly onRecords: () => void;
  readonly onViolation: (cell: number, why: string) => void;
  readonly onStoreFailure: (store: string, error: unknown) => void;
  readonly onVolumeFailure: (volume: string, error: unknown) => void;
  /** For tests: of the file system otherwise. */
  readonly freeBytes?: () => number;
}

interface Attached {
  readonly session: Session;
  readonly cell: BrokerCell;
  /** Of the stores that it was granted, by name. */
  readonly editions: ReadonlyMap<string, Edition>;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #stores: Stores;
  readonly #records: Records;
  readonly #keyValue: KeyValueService;
  readonly #editions: Editions;
  readonly #http: HttpService;
  readonly #files: FilesService;
  readonly #sockets: SocketService;
  readonly #limits = new CellCounts<BrokerLimit>();
  readonly #dropped = new CellCounts<DropReason>();
  readonly #sessions = new Map<number, Attached>();
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
    this.#editions = new Editions({
      folder: storesFolder,
      usersOf: (namespace, store, edition) => this.#usersOf(namespace, store, edition),
      release: (namespace, store, edition) => this.#stores.drop(namespace, store, edition),
      ...(options.freeBytes ? { freeBytes: options.freeBytes } : {}),
    });
    const resolver = new Resolver(options.resolve);
    this.#http = new HttpService({ ...options.http, resolver, records: this.#records, wallMs });
    this.#files = new FilesService({
      folder: options.volumesFolder,
      records: this.#records,
      wallMs,
      onFailure: options.onVolumeFailure,
    });
    this.#sockets = new SocketService({ resolver, records: this.#records, wallMs });
  }

  /** How many cells are attached. */
  get cells(): number {
    return this.#sessions.size;
  }

  /** G1. */
  grant(grants: GrantsInForce): void {
    this.#grants = grants;
  }

  /** What control wants done with stores; no cell can ask for it. */
  async carryOut(order: StoreOrder): Promise<Result<StoresDone, Problem>> {
    const done = await this.#editions.carryOut(order);
    const namespace = namespaceOf(order.entry);
    if (order.type === 'Use') for (const store of order.stores) this.#stores.forget(namespace, store);
    return done;
  }

  attach(cell: BrokerCell, socket: Duplex): void {
    this.#sessions.get(cell.cell)?.session.close();
    const editions = this.#editionsOf(cell);
    const session = new Session({
      cell,
      socket,
      keyValue: this.#keyValue,
      http: this.#http,
      files: this.#files,
      sockets: this.#sockets,
      judge: this.#judgeOf(cell, editions),
      monotonicMs: this.#options.monotonicMs,
      onLimit: (limit) => this.#limits.note(cell.cell, limit),
      onDropped: (reason) => this.#dropped.note(cell.cell, reason),
      onEnd: (why) => {
        if (this.#sessions.get(cell.cell)?.session === session) this.#sessions.delete(cell.cell);
        if (why !== undefined) this.#options.onViolation(cell.cell, why);
      },
    });
    this.#sessions.set(cell.cell, { session, cell, editions });
  }

  detach(cell: number): void {
    this.#sessions.get(cell)?.session.close();
  }

  /** How often cells asked for more than they may have open, since the last time. */
  drainLimits(): readonly CellCount<BrokerLimit>[] {
    return this.#limits.drain();
  }

  /** Datagrams that went nowhere, since the last time. */
  drainDropped(): readonly CellCount<DropReason>[] {
    return this.#dropped.drain();
  }

  /** Records that are due; with `all`, every count that there is. */
  drain(all = false): readonly AccessRecord[] {
    return this.#records.drain(this.#options.wallMs(), all);
  }

  close(): void {
    for (const { session } of this.#sessions.values()) session.close();
    this.#stores.close();
    this.#files.close();
  }

  /** Made anew only when the grants in force have changed: every call of the cell shares it meanwhile. */
  #judgeOf(
    { component, members: [entry = component, ...linked] = [], group, grants }: BrokerCell,
    editions: Attached['editions'],
  ): () => Judge {
    const namespace = namespaceOf(component);
    let of: GrantsInForce | undefined;
    let judge: Judge;
    return () => {
      if (of === this.#grants) return judge;
      of = this.#grants;
      const owner = of.groups.find((row) => row.group === group);
      const actor = (of: EntryKey): Actor => ({ component: of, group, release: owner?.release, commit: owner?.commit });
      judge = {
        actors: [actor(entry), ...linked.map(actor)],
        authority: new Authority(namespace, grants, of.ceilings),
        editions,
        http: new HttpAuthority(namespace, grants, of.ceilings),
        files: new FileAuthority(namespace, grants, of.ceilings),
        sockets: new SocketAuthority(namespace, grants, of.ceilings),
      };
      return judge;
    };
  }

  /** G2. */
  #editionsOf({ component, grants, own }: BrokerCell): ReadonlyMap<string, Edition> {
    const namespace = namespaceOf(component);
    const names = grants.filter(({ capability }) => capability === 'keyValue').map(storeOf);
    return new Map(
      names.map((name) => {
        const edition = own?.stores.includes(name) ? own.edition : undefined;
        return [name, this.#stores.editionOf(namespace, name, edition)];
      }),
    );
  }

  #usersOf(namespace: string, store: string, edition: Edition): readonly string[] {
    return [...this.#sessions.values()]
      .filter(({ cell, editions }) => {
        if (namespaceOf(cell.component) !== namespace || editions.get(store) !== edition) return false;
        return ownStoresOf(cell.grants).includes(store);
      })
      .map(({ cell }) => cell.replica);
  }
}

function namespaceOf(component: string): string {
  return component.slice(0, component.indexOf('/'));
}
