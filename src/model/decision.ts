import type { Digest } from '../kit/digest.ts';
import type { EntryKey, Isolation, Limits, Member, Probes } from './component.ts';
import type { Edition, StoreOrder } from './edition.ts';
import type { Migration, SyntheticRun } from './engine.ts';
import type { FiringId, FiringOrder } from './firing.ts';
import type { Memory } from './memory.ts';
import type { GroupId, Snapshot } from './snapshot.ts';
import type { CommitStatus, EntryStatus, Evidence, Reason } from './status.ts';

/** The content of a cell without its bundles, which the loop reads from the local disk. */
export interface CellPlan {
  readonly group: GroupId;
  readonly entry: EntryKey;
  readonly revision: string;
  readonly members: readonly [Member, ...Member[]];
  readonly limits: Limits;
  readonly isolation: Isolation;
  readonly probes: Probes;
  readonly restartToken: string;
  /** Start from these, one per member, and not from the newest there are. */
  readonly bundles?: readonly Digest[];
  /** The edition of its own stores that it works on; absent: whichever is in use. */
  readonly edition?: Edition;
  /** Without a process until somebody calls. */
  readonly parked?: true;
  /** The data is of another form: its `migrate` is called first. */
  readonly migrate?: Migration;
}

/** One effect. Each is idempotent: the same action after a crash does nothing twice. */
export type Action =
  | { readonly type: 'Publish'; readonly snapshot: Snapshot; readonly why: string }
  | { readonly type: 'Prepare'; readonly group: GroupId; readonly members: readonly Member[]; readonly why: string }
  | { readonly type: 'Start'; readonly replica: string; readonly cell: CellPlan; readonly why: string }
  | { readonly type: 'Stop'; readonly replica: string; readonly deadlineMs: number; readonly why: string }
  | { readonly type: 'Forget'; readonly replicas: readonly string[]; readonly why: string }
  | { readonly type: 'Stores'; readonly order: StoreOrder; readonly why: string }
  | { readonly type: 'Synthesize'; readonly run: SyntheticRun; readonly why: string }
  | { readonly type: 'Fire'; readonly firing: FiringOrder; readonly why: string }
  | { readonly type: 'StopFiring'; readonly firing: FiringId; readonly why: string }
  | { readonly type: 'ForgetFirings'; readonly firings: readonly FiringId[]; readonly why: string };

/** A line for the timeline; the loop adds when and in which flight. */
export interface DecidedEvent {
  readonly commit: string;
  readonly entry?: EntryKey;
  readonly reason: Reason;
  readonly message: string;
  readonly evidence?: readonly Evidence[];
}

/** What follows from (desired, observed, memory, now): plain data, a `why` on every step. */
export interface Decision {
  readonly memory: Memory;
  readonly actions: readonly Action[];
  readonly events: readonly DecidedEvent[];
  readonly entries: readonly EntryStatus[];
  readonly commits: readonly CommitStatus[];
  /** Look again after so many milliseconds even if nothing happens. */
  readonly wakeInMs: number;
}
