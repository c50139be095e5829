import { ownStoresOf, type InstancePolicy, type Member } from '../model/component.ts';
import type { CellSpec } from '../model/engine.ts';
import { DEFAULT_FILES, DEFAULT_SOCKETS } from '../model/limits.ts';
import { foldersOf, mountsOf } from '../model/mount.ts';
import { seatsOf } from '../wire/broker-frames.ts';
import type { BrokerCell } from '../wire/broker-link.ts';
import {
  WIRE_VERSION,
  type Assignment,
  type MemberAssignment,
  type MountAssignment,
  type WarmUpCall,
} from '../wire/frames.ts';
import { headerTexts } from '../wire/runtime-head.ts';
import type { ReplicaBudget } from './budget.ts';
import type { AssignRequest } from './spawner/assign.ts';

/** What is known of a start before it. */
export interface StartOf {
  /** A call waits for it. */
  readonly isWake: boolean;
  /** An instance of this very cell took a second call on this engine. */
  readonly isProven: boolean;
  /** It is to hand out what V8 compiles of the bindings. */
  readonly handsOutCompiled: boolean;
}

/** What the members of the cell need, as the wire says it: the entry itself, then what it links. */
export function assignmentOf(replica: string, cell: CellSpec, budget: ReplicaBudget, start: StartOf): AssignRequest {
  const [entry, ...linked] = cell.members;
  const { limits } = cell;
  // What calls other cells can be asked nothing before it serves: there is no call to do it for.
  const isRemote = cell.members.some(({ member }) => remotesOf(member).length > 0);
  const warmUp = isRemote ? undefined : warmUpOf(cell, start);
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
    ...(limits.instances === undefined ? {} : { instances: limits.instances }),
    ...(limits.requestsPerInstance === undefined ? {} : { requestsPerInstance: limits.requestsPerInstance }),
    ...(limits.sockets === undefined ? {} : { sockets: limits.sockets }),
    requestBodyBytes: limits.requestBodyBytes,
    responseBodyBytes: limits.responseBodyBytes,
    instancePolicy: policyOf(cell),
    startTimeoutMs: limits.startTimeoutMs,
    ...(cell.migrate ? { migrate: cell.migrate } : {}),
    ...(start.handsOutCompiled ? { handsOutCompiled: true } : {}),
    ...(warmUp ? { warmUp } : {}),
  };
  return {
    assignment,
    files: cell.members.flatMap(filesOf).map(({ digest, bytes }) => ({ digest, bytes })),
    dataBytes: budget.dataBytes,
    cpuMillis: limits.cpuMillis,
  };
}

/**
 * Where a call waits, the first call of the warm-up counts as the first answer of the probe, and is made whatever the policy; what was
 * proven is not proven again. Everywhere else it is for the proof alone.
 */
function warmUpOf(cell: CellSpec, { isWake, isProven }: StartOf): WarmUpCall | undefined {
  const { readiness } = cell.probes;
  if (readiness?.call.type !== 'httpGet') return undefined;
  const proves = policyOf(cell) === 'Pooled' && !(isWake && isProven);
  if (!proves && !isWake) return undefined;
  const { path, headers } = readiness.call;
  return { path, headers: headerTexts(headers), timeoutMs: readiness.timeoutMs, proves };
}

/**
 * What the broker is told of a cell; absent where nothing in it has anything to ask for. The members share a process, so
 * what one of them was granted is within the reach of all: their grants count as one.
 */
export function brokerCellOf(
  number: number,
  replica: string,
  cell: CellSpec,
): Omit<BrokerCell, 'token' | 'door'> | undefined {
  const asks = cell.members.some(({ bundle, member }) =>
    bundle.imports.some((name) => asksTheBroker(name) || opensVolumes(name, member)),
  );
  if (!asks) return undefined;
  return {
    cell: number,
    replica,
    component: cell.entry,
    ...(cell.members.length === 1 ? {} : { members: cell.members.map(({ member }) => member.key) }),
    group: cell.group,
    grants: cell.members.flatMap(({ member }) => member.capabilities),
    ...(cell.edition === undefined
      ? {}
      : { own: { stores: ownStoresOf(cell.members[0]!.member.capabilities), edition: cell.edition } }),
    seats: seatsOf(cell.limits.concurrency),
    most: {
      sockets: cell.limits.sockets ?? DEFAULT_SOCKETS,
      files: cell.limits.files ?? DEFAULT_FILES,
    },
  };
}

/** How the names of interfaces begin that the broker stands behind. */
const BROKERED = [
  'wasi:keyvalue/',
  'wasi:http/outgoing-handler@',
  'wasi:sockets/tcp-create-socket@',
  'wasi:sockets/udp-create-socket@',
  'wasi:sockets/ip-name-lookup@',
];

function asksTheBroker(name: string): boolean {
  return BROKERED.some((prefix) => name.startsWith(prefix));
}

function opensVolumes(name: string, { capabilities }: Member): boolean {
  return name.startsWith('wasi:filesystem/') && mountsOf(capabilities).some(({ type }) => type === 'Volume');
}

/** The bundle, then the folders of the repository that are mounted. */
function filesOf({ member, bundle }: CellSpec['members'][number]) {
  const folders = foldersOf(member.capabilities);
  return [
    ...bundle.files,
    ...folders.map(({ content, bytes }, index) => ({ name: imageName(index), digest: content, bytes })),
  ];
}

function imageName(index: number): string {
  return `folder-${index}`;
}

function mountAssignments({ capabilities }: Member): readonly MountAssignment[] {
  let folders = 0;
  return mountsOf(capabilities).map((mount): MountAssignment => {
    const { mountPath } = mount;
    if (mount.type === 'Volume') return { mountPath, volume: mount.volume, mayWrite: mount.mayWrite };
    const { expireTime } = mount;
    const expires = expireTime === undefined ? {} : { expiresAtWallMs: Date.parse(expireTime) };
    return { mountPath, file: imageName(folders++), ...expires };
  });
}

function memberAssignment(item: CellSpec['members'][number]): MemberAssignment {
  const { member, bundle, links = [] } = item;
  const mounts = mountAssignments(member);
  return {
    files: filesOf(item).map(({ name, bytes }) => ({ name, bytes })),
    imports: bundle.imports,
    exports: bundle.exports,
    blockingExports: bundle.blockingExports,
    ...(links.length === 0 ? {} : { links }),
    ...(remotesOf(member).length === 0 ? {} : { remotes: remotesOf(member) }),
    env: member.env.map(({ name, value }) => [name, value] as const),
    config: member.config.map(({ name, value }) => [name, value] as const),
    args: [],
    ...(mounts.length === 0 ? {} : { mounts }),
    memoryBytes: member.limits.memoryBytes,
    logBytesPerSecond: member.limits.logBytesPerSecond,
    handles: member.limits.handles,
    ...(member.ambient ? { ambient: member.ambient } : {}),
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
