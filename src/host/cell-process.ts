import type net from 'node:net';
import type { Result } from '../kit/result.ts';
import type { Problem } from '../model/problem.ts';
import type { CellExit, SandboxKind } from './spawner/messages.ts';

/** How a process ended, as far as it concerns one of its cells. */
export type CellDeath = CellExit & {
  /** Of a process that it shared: another's doing, in words. Absent: its own, as far as anybody knows. */
  readonly because?: string;
};

/** One process that runs or will run a cell, or one slot of a process that cells share, as the engine holds it. */
export interface CellProcess {
  /** Issued by the engine; never reused. */
  readonly id: number;
  readonly pid: number;
  readonly kind: SandboxKind;
  /** Paused until somebody reads it. */
  readonly channel: net.Socket;
  /** The broker's end of the cell's other descriptor; absent where it was lost on the way. Never read here. */
  readonly brokerEnd: net.Socket | undefined;
  /**
   * Resolves once, when the process has ended, or the cell has left the one that it shared; `undefined` where nobody saw
   * how (its spawner had died before it).
   */
  readonly exited: Promise<CellDeath | undefined>;
  /** Absent: the process is the cell's own. */
  readonly shared?: SharedView;
  /** Nobody wants the cell any more. A process that others share goes on without it. */
  end(): void;
  /** Ends the process, whoever shares it: the cell did, or may have done, what `why` says. */
  kill(why: Problem): void;
}

/** What a cell can know of the process that it shares. */
export interface SharedView {
  /** Cells in it, itself among them. */
  readonly cells: number;
  /** Whether the process runs a guest of this cell now; undefined where that cannot be found out. */
  hasTheTurn(): boolean | undefined;
  /** It is known that the process ends, or has ended, because of another cell. */
  isTakenAlong(): boolean;
  /** Sets the limits of the process for all that are in it, then has the cell assigned. */
  assign(
    own: OwnLimits,
    assign: (limits: SharedLimits) => Promise<Result<void, Problem>>,
  ): Promise<Result<void, Problem>>;
}

/** Of one cell, or the sum of those that share a process. */
export interface OwnLimits {
  readonly dataBytes: number;
  readonly cpuMillis: number;
}

export interface SharedLimits extends OwnLimits {
  readonly mostDataBytes: number;
}
