/** The statuses of several roots as the one that people, metrics and the page are shown. */
import { problem } from '../../model/problem.ts';
import { describeMatch } from '../../model/route.ts';
import type { OfRoot, SourceStatus, Status } from '../../model/status.ts';
import type { RouteConflict } from './merge.ts';

const TIMELINE_LENGTH = 200;

export interface RootView {
  readonly name: string;
  readonly namespaces: readonly string[];
  readonly status: Status;
}

export interface ShareView {
  readonly generation: number;
  readonly conflicts: readonly RouteConflict[];
  readonly waitingFor: readonly string[];
}

/** `roots` has at least one, in the order of the host's file. */
export function mergeStatus(roots: readonly RootView[], share: ShareView): Status {
  const first = roots[0]!.status;
  const inUse = roots.filter(({ status }) => status.source.acceptedCommit !== undefined);
  const revocation = roots.find(({ status }) => status.revocation)?.status.revocation;
  const each = <Item extends object>(pick: (status: Status) => readonly Item[]): (Item & OfRoot)[] =>
    roots.flatMap(({ name, status }) => pick(status).map((item) => ({ ...item, root: name })));
  return {
    version: first.version,
    startedAt: first.startedAt,
    now: first.now,
    // A root that never accepted anything has nothing to serve: it keeps nobody else out of a load balancer.
    ready: inUse.length > 0 && inUse.every(({ status }) => status.ready),
    source: sourceOf(roots),
    environment: [...new Set(roots.map(({ status }) => status.environment).filter(Boolean))].join(', '),
    roots: roots.map(({ name, namespaces, status }) => ({
      name,
      namespaces,
      ready: status.ready,
      source: status.source,
      environment: status.environment,
      ...(status.revocation ? { revocation: status.revocation } : {}),
    })),
    ...(revocation ? { revocation } : {}),
    engine: {
      ...(roots.find(({ status }) => status.engine.connected) ?? roots[0]!).status.engine,
      generation: share.generation,
      ...(share.waitingFor.length > 0 ? { waitingFor: share.waitingFor } : {}),
    },
    entries: each(({ entries }) => entries),
    commits: each(({ commits }) => commits),
    diagnostics: [...each(({ diagnostics }) => diagnostics), ...share.conflicts.map(diagnosticOf)],
    ...reportOf(roots),
    timeline: each(({ timeline }) => timeline)
      .sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || b.id - a.id)
      .slice(0, TIMELINE_LENGTH),
  };
}

/** By the name of the root before that of the channel. */
function reportOf(roots: readonly RootView[]): Pick<Status, 'report'> {
  const reports = roots.flatMap(({ name, status: { report } }) => (report ? [{ name, report }] : []));
  if (reports.length === 0) return {};
  return {
    report: {
      channels: reports.flatMap(({ name, report }) =>
        report.channels.map((channel) => ({ ...channel, name: `${name}/${channel.name}` })),
      ),
      dropped: reports.reduce((sum, { report }) => sum + report.dropped, 0),
      missing: reports.flatMap(({ name, report }) => report.missing.map((what) => `${what} (root ${name})`)),
    },
  };
}

function sourceOf(roots: readonly RootView[]): SourceStatus {
  const sources = roots.map(({ status }) => status.source);
  return sources.find(({ condition }) => condition.status === 'False') ?? sources[0]!;
}

function diagnosticOf({ root, rule, heldBy, other }: RouteConflict): Status['diagnostics'][number] {
  const message = `a rule of the Route ${rule.route} (${describeMatch(rule.match)}) is left out: these requests belong to the Route ${other.route} of the root ${heldBy}`;
  return { ...problem('HW5061', message), severity: 'error', root };
}
