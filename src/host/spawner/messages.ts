/** What the engine and its spawner say to each other over Node's own IPC channel. Both are ours and of one version. */
import type { Digest } from '../../kit/digest.ts';
import type { Problem } from '../../model/problem.ts';
import type { Assignment } from '../../wire/frames.ts';

export type SandboxKind = 'Strict' | 'Process';

/** The first message, engine → spawner. */
export interface SpawnerConfig {
  /** Mode 0700: the filter, the records of running cells, a socket. */
  readonly runFolder: string;
  /** Readable by everybody: the code of a cell process. */
  readonly bootFolder: string;
  readonly storeFolder: string;
  /** Node's limits of a waiting process. */
  readonly heapMiB: number;
  readonly maxWasmPages: number;
  /** Cells that an earlier spawner started and the engine still holds: not swept. */
  readonly keep: readonly number[];
  /** Why Strict must not be used, where the operator says so; absent otherwise. */
  readonly forbidStrict?: string;
  /** Which block of uids its cells have, where spawners of other engines start cells beside it. Absent: the first. */
  readonly uidBlock?: number;
}

export type ToSpawner =
  | { readonly type: 'configure'; readonly config: SpawnerConfig }
  /**
   * Start one process in the sandbox named, with a slot for each cell, and hand over their channels. One that somebody waits for
   * boots at the priority of a guest, the others at the lowest.
   */
  | {
      readonly type: 'start';
      readonly cells: readonly number[];
      readonly kind: SandboxKind;
      readonly isAwaited: boolean;
    }
  | {
      readonly type: 'assign';
      readonly cell: number;
      readonly assignment: Assignment;
      readonly files: readonly { readonly digest: Digest; readonly bytes: number }[];
      /** What the process may map beyond what it has now; of one with slots, beyond what it had at its first assignment. */
      readonly dataBytes: number;
      /** For the control group of the cell, where there is one. */
      readonly cpuMillis: number;
      /** Of a process with slots: what it can be raised to by later assignments. */
      readonly mostDataBytes?: number;
    }
  /** Set the limits of a process that waits (`AheadLimit`). No answer: they may as well not be set. */
  | { readonly type: 'limitAhead'; readonly cell: number; readonly dataBytes: number; readonly mostDataBytes: number }
  | { readonly type: 'kill'; readonly pid: number };

export type FromSpawner =
  | {
      readonly type: 'configured';
      readonly strict: boolean;
      /** Why Strict is possible or not, and what each cell runs as: for status. */
      readonly why: string;
      /** What holds cells to their share of the processors, and why it is not more: for status. */
      readonly processor: string;
    }
  /** With the broker's end of the cell's other descriptor. Before `started`. */
  | { readonly type: 'brokerEnd'; readonly cell: number }
  /** With the channel's descriptor. The process is still booting. */
  | { readonly type: 'started'; readonly cell: number; readonly pid: number }
  | { readonly type: 'startFailed'; readonly cell: number; readonly problem: Problem }
  /** Every byte of the assignment is in the cell's hands, and the spawner's own end of the channel is closed. */
  | { readonly type: 'assigned'; readonly cell: number }
  | { readonly type: 'assignFailed'; readonly cell: number; readonly problem: Problem }
  | { readonly type: 'exited'; readonly cell: number; readonly exit: CellExit };

export interface CellExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines of standard error, at most 4 kB: what V8 says before it gives up. */
  readonly stderr: string;
}
