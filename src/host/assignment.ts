import { ownStoresOf, type InstancePolicy, type Member } from '../model/component.ts';
import type { CellSpec } from '../model/engine.ts';
import { seatsOf } from '../wire/broker-frames.ts';
import type { BrokerCell } from '../wire/broker-link.ts';
import { WIRE_VERSION, type Assignment, type MemberAssignment } from '../wire/frames.ts';
import type { ReplicaBudget } from './budget.ts';
import type { AssignRequest } from './spawner/assign.ts';

/** The cell gives up first, so that the reason is its own: which of the steps to its start took too long. */
const SHARE_OF_START_TIME = 0.9;

/** What the members of the cell need, as the wire says it: the entry itself, then what it links. */
export function assignmentOf(replica: string, cell: CellSpec, budget: ReplicaBudget): AssignRequest {
  const [entry, ...linked] = cell.members;
  const { limits } = cell;
  // What calls other cells can be asked nothing before it serves: there is no call to do it for.
  const isRemote = cell.members.some(({ member }) => remotesOf(member).length > 0);
  const readiness = isRemote ? undefined : cell.probes.readiness?.call;
  const assignment: Assignment = {
    wire: WIRE_VERSION,
    replica,
    entry: cell.entry,
    revision: cell.revision,
    ...memberAssignment(entry!),
    ...(linked.length === 0
      ? {}
      : { linked: linked.map((each) => ({ key: each.member.key, ...memberAssignment(each) })) }),
    concurrency: limits.concurrency,
    requestBodyBytes: limits.requestBodyBytes,
    responseBodyBytes: limits.responseBodyBytes,
    instancePolicy: policyOf(cell),
    startTimeoutMs: Math.floor(limits.startTimeoutMs * SHARE_OF_START_TIME),
    ...(cell.migrate ? { migrate: cell.migrate } : {}),
    ...(readiness?.type === 'httpGet' ? { warmUpPath: readiness.path } : {}),
  };
  return {
    assignment,
    files: cell.members.flatMap(({ bundle }) => bundle.files.map(({ digest, bytes }) => ({ digest, bytes }))),
    dataBytes: budget.dataBytes,
  };
}

/**
 * What the broker is told of a cell; absent where nothing in it has anything to ask for. The members share a process, so
 * what one of them was granted is within the reach of all: their grants count as one.
 */
export function brokerCellOf(number: number, replica: string, cell: CellSpec): Omit<BrokerCell, 'token'> | undefined {
  const asks = cell.members.some(({ bundle }) => bundle.imports.some(asksTheBroker));
  if (!asks) return undefined;
  return {
    cell: number,
    replica,
    component: cell.entry,
    group: cell.group,
    grants: cell.members.flatMap(({ member }) => member.capabilities),
    ...(cell.edition === undefined
      ? {}
      : { own: { stores: ownStoresOf(cell.members[0]!.member.capabilities), edition: cell.edition } }),
    seats: seatsOf(cell.limits.concurrency),
  };
}

/** Interfaces that the broker stands behind. */
function asksTheBroker(name: string): boolean {
  return name.startsWith('wasi:keyvalue/') || name.startsWith('wasi:http/outgoing-handler@');
}

function memberAssignment({ member, bundle, links = [] }: CellSpec['members'][number]): MemberAssignment {
  return {
    files: bundle.files.map(({ name, bytes }) => ({ name, bytes })),
    imports: bundle.imports,
    exports: bundle.exports,
    blockingExports: bundle.blockingExports,
    ...(links.length === 0 ? {} : { links }),
    ...(remotesOf(member).length === 0 ? {} : { remotes: remotesOf(member) }),
    env: member.env.map(({ name, value }) => [name, value] as const),
    config: member.config.map(({ name, value }) => [name, value] as const),
    args: [],
    memoryBytes: member.limits.memoryBytes,
    logBytesPerSecond: member.limits.logBytesPerSecond,
    handles: member.limits.handles,
  };
}

function remotesOf({ links }: Pick<Member, 'links'>): readonly string[] {
  return links.filter(({ mode }) => mode === 'Remote').map((link) => link.import);
}

/** One instance holds all members: what one of them cannot do twice, none does. */
function policyOf({ members }: CellSpec): InstancePolicy {
  const policies = members.map(({ member }) => member.instancePolicy);
  return policies[0] === 'Pooled' && policies.includes('PerRequest') ? 'PerRequest' : policies[0]!;
}
