/**
 * What a replica may use of the machine, and what is kept free for it, worked out from its limits before anything starts.
 *
 * `limits.memoryBytes` is of one instance of one member; an instance of the cell holds one of each, so they are added up. A component that suspends has an instance for each call in flight. One that
 * never does runs one call at a time: one instance works, and one that was discarded waits for the collector.
 *
 * What waits for the collector of others has room of its own, which the cell keeps to (`cell/discarded.ts`).
 *
 * The cap is hard and of the process: every instance at its limit. Admission counts less, because 32 calls at 64 MiB each
 * would reserve 2 GiB for a component that uses five: every instance at the size that it starts with, and one at its limit.
 * Where replicas use more than that together than the machine has, the kernel ends cells first (`launch.ts`), and only cells.
 */
import type { CellSpec } from '../model/engine.ts';
import { MAX_DISCARDED_BYTES } from '../model/discarded-memory.ts';
import { foldersOf } from '../model/mount.ts';

const MIB = 2 ** 20;
const INSTANCES_WITHOUT_SUSPENSION = 2;
/** V8's old space (`--max-old-space-size` of a cell), and its young generation, code and compiler. */
export const HEAP_MIB = 128;
const RUNTIME_BYTES = 64 * MIB;
/** V8's stack of a suspended call, 984 kB, and what it is rounded to. */
const SUSPENDED_STACK_BYTES = MIB;
/** What a process that serves holds beside the guest's memories: 45 MiB measured, a third of it shared. */
const SERVING_BYTES = 64 * MIB;

export interface ReplicaBudget {
  /** Instances that can exist at once. */
  readonly instances: number;
  /** For RLIMIT_DATA: beyond what the process has mapped when it is assigned. */
  readonly dataBytes: number;
  /** What admission counts for the replica. */
  readonly reservedBytes: number;
}

export function replicaBudget(cell: CellSpec): ReplicaBudget {
  const suspends = cell.members.some(({ bundle }) => bundle.blockingExports.length > 0);
  const { concurrency, instances: most = concurrency } = cell.limits;
  const wanted = suspends ? Math.min(concurrency, most) : 0;
  const instances = Math.max(wanted, INSTANCES_WITHOUT_SUSPENSION);
  const initialBytes = cell.members.reduce((sum, { bundle }) => sum + bundle.initialMemoryBytes, 0);
  const memoryBytes = cell.members.reduce((sum, { member }) => sum + member.limits.memoryBytes, 0);
  const folders = cell.members.flatMap(({ member }) => foldersOf(member.capabilities));
  const folderBytes = folders.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    instances,
    dataBytes:
      instances * memoryBytes +
      MAX_DISCARDED_BYTES +
      folderBytes +
      HEAP_MIB * MIB +
      RUNTIME_BYTES +
      wanted * SUSPENDED_STACK_BYTES,
    reservedBytes: SERVING_BYTES + folderBytes + memoryBytes + (instances - 1) * Math.min(initialBytes, memoryBytes),
  };
}

/** `1.5 GiB`, `96 MiB`: for messages. */
export function formatBytes(bytes: number): string {
  return bytes >= 1024 * MIB ? `${(bytes / (1024 * MIB)).toFixed(1)} GiB` : `${Math.ceil(bytes / MIB)} MiB`;
}
