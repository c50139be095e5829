/** What a channel tells whoever owns its cell, and what it is made with. */
import type { Problem } from '../model/problem.ts';
import type { LOST, TAKEN_ALONG } from '../wire/cell-caller.ts';
import type { Loaded } from '../wire/frames.ts';
import type { Denial, LimitReport, LoadFailure } from '../wire/reports.ts';
import type { RemoteOptions } from './remote-calls.ts';

/** Who owns the cell: told of everything that is not the answer to a call. */
export interface CellOwner {
  /** What a call hears whose channel closes. */
  readonly lostBy: typeof LOST | typeof TAKEN_ALONG;
  onLoaded(loaded: Loaded): void;
  onLoadFailed(failure: LoadFailure): void;
  /** `stream`: 1 stdout, 2 stderr, 3 the runtime in the cell. `droppedBytes` were lost before this text. */
  onLog(stream: 1 | 2 | 3, member: number, droppedBytes: number, text: string): void;
  onDenied(denial: Denial): void;
  onLimit(report: LimitReport): void;
  /** A call outlived its cancel. The cell must be killed; said once. */
  onUnresponsive(problem: Problem): void;
  /** The channel is closed, every call has ended. The problem is there where the cell broke the protocol. */
  onClosed(problem: Problem | undefined): void;
}

export interface CellChannelOptions {
  readonly replica: string;
  readonly concurrency: number;
  readonly queue: number;
  readonly owner: CellOwner;
  /** Absent: its guests call nobody. */
  readonly remote?: RemoteOptions | undefined;
}
