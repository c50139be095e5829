import type { CellSpec } from '../model/engine.ts';
import { seatsOf } from '../wire/broker-frames.ts';
import type { BrokerCell } from '../wire/broker-link.ts';
import { WIRE_VERSION, type Assignment } from '../wire/frames.ts';
import type { ReplicaBudget } from './budget.ts';
import type { AssignRequest } from './spawner/assign.ts';

/** The cell gives up first, so that the reason is its own: which of the steps to its start took too long. */
const SHARE_OF_START_TIME = 0.9;

/** What the first (for now: only) member of the cell needs, as the wire says it. */
export function assignmentOf(replica: string, cell: CellSpec, budget: ReplicaBudget): AssignRequest {
  const { member, bundle } = cell.members[0]!;
  const { limits } = cell;
  const readiness = cell.probes.readiness?.call;
  const assignment: Assignment = {
    wire: WIRE_VERSION,
    replica,
    entry: cell.entry,
    revision: cell.revision,
    files: bundle.files.map(({ name, bytes }) => ({ name, bytes })),
    imports: bundle.imports,
    exports: bundle.exports,
    blockingExports: bundle.blockingExports,
    env: member.env.map(({ name, value }) => [name, value] as const),
    config: member.config.map(({ name, value }) => [name, value] as const),
    args: [],
    memoryBytes: limits.memoryBytes,
    concurrency: limits.concurrency,
    requestBodyBytes: limits.requestBodyBytes,
    responseBodyBytes: limits.responseBodyBytes,
    logBytesPerSecond: limits.logBytesPerSecond,
    handles: limits.handles,
    instancePolicy: member.instancePolicy,
    startTimeoutMs: Math.floor(limits.startTimeoutMs * SHARE_OF_START_TIME),
    ...(readiness?.type === 'httpGet' ? { warmUpPath: readiness.path } : {}),
  };
  return {
    assignment,
    files: bundle.files.map(({ digest, bytes }) => ({ digest, bytes })),
    dataBytes: budget.dataBytes,
  };
}

/** What the broker is told of a cell; absent where its component has nothing to ask for. */
export function brokerCellOf(number: number, replica: string, cell: CellSpec): Omit<BrokerCell, 'token'> | undefined {
  const { member, bundle } = cell.members[0]!;
  if (!bundle.imports.some((name) => name.startsWith('wasi:keyvalue/'))) return undefined;
  return {
    cell: number,
    replica,
    component: member.key,
    group: cell.group,
    grants: member.capabilities,
    seats: seatsOf(cell.limits.concurrency),
  };
}
