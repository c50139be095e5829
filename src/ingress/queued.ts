/** What waits for room in a group: requests from outside, and calls of other cells. */
import type { CellCaller } from '../wire/cell-caller.ts';
import type { Exchange } from './exchange.ts';
import type { Waiting } from './group.ts';

export interface QueuedCall extends Waiting {
  /** A replica has room for it. */
  resumeOn(caller: CellCaller): void;
  /** What it waited for is not there any more: it begins again with the snapshot in force. */
  beginAgain(): void;
  /** Its time is over. */
  giveUp(): void;
}

export type Queued = Exchange | QueuedCall;

export function isQueuedCall(queued: Queued): queued is QueuedCall {
  return 'resumeOn' in queued;
}
