/** A call from one cell to another, as the engine's two halves hand it over: the host has the caller, the ingress the way. */
import type { EntryKey } from '../model/component.ts';
import type { GroupId } from '../model/snapshot.ts';
import type { Lineage } from './cell-caller.ts';
import type { RemoteStatusNumber } from './remote-frames.ts';

export interface RemoteCall {
  /** The cells that call. */
  readonly from: GroupId;
  readonly target: EntryKey;
  /** `interface#function`, as the caller spells its import. */
  readonly name: string;
  readonly body: Buffer;
  /** When the caller's own time is over, on the clock of `performance.now()`. */
  readonly deadlineAtMs: number;
  /** Of the call that is made. */
  readonly lineage: Lineage;
  /** Once; after `cancel` nobody listens. */
  answer(status: RemoteStatusNumber, body: Uint8Array): void;
}

/** Who waits for it is gone. */
export interface RemoteHandle {
  cancel(): void;
}

export type CallRemote = (call: RemoteCall) => RemoteHandle;
