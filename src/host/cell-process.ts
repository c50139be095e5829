import type net from 'node:net';
import type { CellExit, SandboxKind } from './spawner/messages.ts';

/** One process that runs or will run a cell, as the engine holds it. */
export interface CellProcess {
  /** Issued by the engine; never reused. */
  readonly id: number;
  readonly pid: number;
  readonly kind: SandboxKind;
  /** Paused until somebody reads it. */
  readonly channel: net.Socket;
  /** The broker's end of the cell's descriptor 4; absent where it was lost on the way. Never read here. */
  readonly brokerEnd: net.Socket | undefined;
  /** Resolves once, when the process has ended; `undefined` where nobody saw how (its spawner had died before it). */
  readonly exited: Promise<CellExit | undefined>;
  kill(): void;
}
