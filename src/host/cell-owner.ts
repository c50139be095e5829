/** What a channel tells whoever owns its cell, and what it is made with. */
import type { Problem } from '../model/problem.ts';
import type { LOST, TAKEN_ALONG } from '../wire/cell-caller.ts';
import { FromCell, type Loaded } from '../wire/frames.ts';
import {
  readDenial,
  readFailure,
  readLimit,
  readLoaded,
  readLog,
  readPerRequest,
  told,
  type Denial,
  type LimitReport,
  type LoadFailure,
} from '../wire/reports.ts';
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
  /** Instances serve one call each from here on, and why. */
  onPerRequest(why: string): void;
  /** What V8 has compiled of the bindings. A text says how that broke the protocol. */
  onCompiled(packed: Buffer): string | undefined;
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

/** A frame about the cell as a whole, from hostile bytes. A string says how it broke the protocol. */
export function tellOwner(
  owner: CellOwner,
  type: number,
  bytes: Buffer,
  start: number,
  end: number,
): string | undefined {
  switch (type) {
    case FromCell.Booted:
      return undefined;
    case FromCell.Loaded:
      return told(readLoaded(bytes, start, end), 'a Loaded', (loaded) => owner.onLoaded(loaded));
    case FromCell.LoadFailed:
      return told(readFailure(bytes, start, end), 'a LoadFailed', (failure) => owner.onLoadFailed(failure));
    case FromCell.Denied:
      return told(readDenial(bytes, start, end), 'a Denied', (denial) => owner.onDenied(denial));
    case FromCell.Limit:
      return told(readLimit(bytes, start, end), 'a Limit', (report) => owner.onLimit(report));
    case FromCell.PerRequest:
      return told(readPerRequest(bytes, start, end), 'a PerRequest', (why) => owner.onPerRequest(why));
    case FromCell.Compiled:
      return owner.onCompiled(bytes.subarray(start, end));
    case FromCell.Log:
      return readLog(bytes, start, end, owner);
    default:
      return `a frame of type ${type} for the channel`;
  }
}
