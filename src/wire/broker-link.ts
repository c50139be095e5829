/**
 * What an engine and its broker say to each other over Node's own IPC channel. Both are ours and of one version. The
 * order of messages is kept: a cell that comes after `grants` is judged by them.
 */
import type { AccessRecord } from '../model/audit.ts';
import type { EntryKey, Grant } from '../model/component.ts';
import type { DropReason } from '../model/datagrams.ts';
import type { Result } from '../kit/result.ts';
import type { Edition, StoreOrder, StoresDone } from '../model/edition.ts';
import type { LimitName } from '../model/limits.ts';
import type { Problem } from '../model/problem.ts';
import type { GrantsInForce, GroupId } from '../model/snapshot.ts';
import type { Door } from './door.ts';

export interface BrokerConfig {
  /** Mode 0700, the broker's own: `<namespace>/<store>.sqlite`. */
  readonly storesFolder: string;
  /** Mode 0700, the broker's own: `<namespace>/<volume>/`. */
  readonly volumesFolder: string;
}

/** Who speaks on a channel, and what git granted it: part of its revision, so it never changes while it runs. */
export interface BrokerCell {
  /** The engine's number of the process; never used again. */
  readonly cell: number;
  readonly replica: string;
  readonly component: EntryKey;
  /** By position, where it links others inline: what a record names. Their grants are one, as they share a process. */
  readonly members?: readonly EntryKey[];
  readonly group: GroupId;
  readonly grants: readonly Grant[];
  /** Which edition the stores have that are its own; absent, and of all others: that which `Use` named last. */
  readonly own?: { readonly stores: readonly string[]; readonly edition: Edition };
  /** Seats of the channel: ids are 1 to this. */
  readonly seats: number;
  /** Of the engine whose cell it is: the way to other entries. */
  readonly door?: Door;
  /** What it may have open at a time. */
  readonly most: { readonly [limit in BrokerLimit]: number };
  /** `ATTACH_BYTES` in hex. */
  readonly token: string;
}

export type ToBrokerProcess =
  | { readonly type: 'configure'; readonly config: BrokerConfig }
  | { readonly type: 'grants'; readonly id: number; readonly grants: GrantsInForce }
  /** With the descriptor of the broker's end. */
  | { readonly type: 'cell'; readonly cell: BrokerCell }
  | { readonly type: 'gone'; readonly cell: number }
  /** What control wants done with stores; answered by `stores` with the same id. */
  | { readonly type: 'stores'; readonly id: number; readonly order: StoreOrder };

/** What the broker counts for a cell. */
export type BrokerLimit = Extract<LimitName, 'sockets' | 'files'>;

export type FromBrokerProcess =
  | { readonly type: 'ready' }
  /** The grants of that message are in force for every call that begins from now on. */
  | { readonly type: 'granted'; readonly id: number }
  | { readonly type: 'stores'; readonly id: number; readonly result: Result<StoresDone, Problem> }
  | { readonly type: 'records'; readonly records: readonly AccessRecord[] }
  /** The cell asked for more than it may have open, so often since it was said last. */
  | { readonly type: 'limit'; readonly cell: number; readonly limit: BrokerLimit; readonly count: number }
  /** Datagrams of the cell went nowhere, so many since it was said last. */
  | { readonly type: 'dropped'; readonly cell: number; readonly reason: DropReason; readonly count: number }
  /** The cell broke the protocol; the broker has closed its channel. The process must be ended. */
  | { readonly type: 'violation'; readonly cell: number; readonly why: string };
