import type { EntryKey } from './component.ts';

/**
 * One file of a store. A component whose data changes form gets a new one of each of its stores, copied and migrated
 * (docs/adr/0097). The first edition is the empty text.
 */
export type Edition = string;

export const FIRST_EDITION: Edition = '';

/** When it was made, and for which release: `20261128T173512123Z-4f3a9c2b1d0e`. Part of a file's name. */
export const EDITION = /^[0-9]{8}T[0-9]{9}Z-[0-9a-f]{12}$/;

/** Which data a release works on. */
export interface DataOf {
  readonly edition: Edition;
  /** `spec.state.version` of whoever wrote it last; absent: of a time before there was one. */
  readonly version?: string;
}

interface Of {
  /** Whose stores. */
  readonly entry: EntryKey;
  /** Names of stores in its namespace, sorted. */
  readonly stores: readonly string[];
}

/** What control asks the broker to do with stores. Each can be asked again without harm. */
export type StoreOrder =
  /** Without `from`: from the edition that `Use` named last, else from the first. Done when `to` is there as a whole. */
  | ({ readonly type: 'Copy'; readonly from?: Edition; readonly to: Edition } & Of)
  /** Whoever has no edition of its own gets this one from now on: what is left where control has lost its memory. */
  | ({ readonly type: 'Use'; readonly data: DataOf } & Of)
  /** Removes the files of one edition. */
  | ({ readonly type: 'Drop'; readonly edition: Edition } & Of);

/** What came of it: the data that was copied. */
export interface StoresDone {
  readonly from?: DataOf;
  /** There was no file to copy: whoever comes begins with nothing. */
  readonly isEmpty?: true;
}

/** The same for equal orders. */
export function orderId(order: StoreOrder): string {
  const edition = order.type === 'Copy' ? order.to : order.type === 'Use' ? order.data.edition : order.edition;
  return `${order.type} ${order.entry} ${order.stores.join(',')} ${edition}`;
}
