/**
 * What a replica may use of the machine, worked out from its limits before anything is started.
 *
 * `limits.memoryBytes` is of one instance. A component that suspends has an instance for each call in flight. One that
 * never does runs one call at a time: one instance works, and one that was discarded waits for the collector.
 */
import type { CellSpec } from '../model/engine.ts';

const MIB = 2 ** 20;
const INSTANCES_WITHOUT_SUSPENSION = 2;
/** V8's old space (`--max-old-space-size` of a cell), its young generation, code and compiler. */
export const HEAP_MIB = 128;
const RUNTIME_BYTES = 64 * MIB;
/** V8's stack of a suspended call, 984 kB, and what it is rounded to. */
const SUSPENDED_STACK_BYTES = MIB;
/** What a process that has booted holds for itself alone, and no limit covers. */
const BOOTED_BYTES = 30 * MIB;

export interface ReplicaBudget {
  /** Instances that can exist at once. */
  readonly instances: number;
  /** For RLIMIT_DATA: beyond what the process has mapped when it is assigned. */
  readonly dataBytes: number;
  /** What admission counts for the replica as a whole. */
  readonly totalBytes: number;
}

export function replicaBudget(cell: CellSpec): ReplicaBudget {
  const suspends = cell.members.some(({ bundle }) => bundle.blockingExports.length > 0);
  const instances = suspends
    ? Math.max(cell.limits.concurrency, INSTANCES_WITHOUT_SUSPENSION)
    : INSTANCES_WITHOUT_SUSPENSION;
  const stacks = suspends ? instances * SUSPENDED_STACK_BYTES : 0;
  const dataBytes = instances * cell.limits.memoryBytes + HEAP_MIB * MIB + RUNTIME_BYTES + stacks;
  return { instances, dataBytes, totalBytes: dataBytes + BOOTED_BYTES };
}

/** `1.5 GiB`, `96 MiB`: for messages. */
export function formatBytes(bytes: number): string {
  return bytes >= 1024 * MIB ? `${(bytes / (1024 * MIB)).toFixed(1)} GiB` : `${Math.ceil(bytes / MIB)} MiB`;
}
