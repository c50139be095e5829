import type { EntryKey, Link, Member } from '../../model/component.ts';
import type { Desired, DesiredEntry } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { entryHostsOf, pointingHosts } from '../../model/entry-host.ts';
import { linkFault } from '../../model/link-fault.ts';
import { askersOf, calledTypes, offersOf, type RemoteCall, type RemoteSide } from '../../model/remote.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, type Assembly } from './assembly.ts';
import { membersOfCell, type Types } from './cell.ts';

type Components = readonly ParsedDocument<'Component'>[];

interface Linked {
  readonly from: EntryKey;
  readonly member: Member;
  readonly link: Link;
}

/**
 * Who calls whom in another cell, by entry. The callers of an entry are those of this commit and those whose document is
 * broken and that keep the form that they had: they go on calling.
 */
export function remoteSides(
  documents: Components,
  { members, shapeOf }: Types,
  assembly: Assembly,
  previous: Desired | undefined,
): ReadonlyMap<EntryKey, RemoteSide> {
  const own = documents.flatMap(({ namespace, name }) => {
    const key: EntryKey = `${namespace}/${name}`;
    return remoteLinks(key, membersOfCell(members.get(key)!, members));
  });
  const kept = keptEntries(assembly, previous).flatMap((entry) => remoteLinks(entry.key, entry.members));
  const calls = Map.groupBy(own, ({ from }) => from);
  const cells = documents.map(({ namespace, name }): readonly [EntryKey, readonly Member[]] => {
    const key: EntryKey = `${namespace}/${name}`;
    return [key, membersOfCell(members.get(key)!, members)];
  });
  const asks = new Map(
    cells.map(([key, cell]) => [key, hostsOf(cell)] as const).filter(([, hosts]) => hosts.length > 0),
  );
  const askers = askersOf(
    [...asks, ...keptEntries(assembly, previous).map((entry) => [entry.key, hostsOf(entry.members)] as const)].map(
      ([key, hosts]) => [key, pointingHosts(key, hosts)] as const,
    ),
    [...members.keys()],
  );
  const linked = Map.groupBy([...own, ...kept], ({ link }) => link.component);
  const sides = new Map<EntryKey, RemoteSide>();
  for (const key of new Set([...calls.keys(), ...linked.keys(), ...asks.keys(), ...askers.keys()])) {
    const target = members.get(key);
    if (!target) continue;
    const callers = linked.get(key) ?? [];
    const imports = callers.map(({ link }) => link.import);
    const offers = callers.length > 0 ? offersOf(imports, target.artifact, shapeOf) : undefined;
    sides.set(key, {
      calls: (calls.get(key) ?? [])
        .map(({ member, link }): RemoteCall => {
          const functions = calledTypes(link.import, member.artifact, shapeOf);
          return { component: link.component, import: link.import, ...(functions ? { functions } : {}) };
        })
        .sort(byTarget),
      ...(asks.has(key) ? { hosts: asks.get(key)! } : {}),
      ...(offers ? { offers } : {}),
      callers: [...new Set([...callers.map(({ from }) => from), ...(askers.get(key) ?? [])])].sort(),
    });
  }
  return sides;
}

/** Why a component may not start: who keeps its last valid form because its document is broken calls it, and would not fit. */
export function keptCallerProblems(
  { namespace, name, ...document }: ParsedDocument<'Component'>,
  { members, shapeOf }: Types,
  assembly: Assembly,
  previous: Desired | undefined,
): readonly Diagnostic[] {
  const key: EntryKey = `${namespace}/${name}`;
  const provider = shapeOf(members.get(key)!.artifact);
  if (!provider?.ok) return [];
  return keptEntries(assembly, previous).flatMap(({ key: from, members: cell }) =>
    remoteLinks(from, cell)
      .filter(({ link }) => link.component === key)
      .flatMap(({ member, link }) => {
        const consumer = shapeOf(member.artifact);
        const fault = consumer?.ok ? linkFault(link, consumer.value, provider.value) : undefined;
        if (!fault) return [];
        const message = `${from}, which keeps its last valid form, calls it: ${fault.message}`;
        return [atValue({ ...document, namespace, name }, '/metadata/name', 'HW1112', message)];
      }),
  );
}

function hostsOf(cell: readonly Member[]): readonly string[] {
  return entryHostsOf(cell.flatMap(({ capabilities }) => capabilities));
}

function keptEntries(assembly: Assembly, previous: Desired | undefined): readonly DesiredEntry[] {
  return [...(previous?.entries.values() ?? [])].filter(
    ({ key }) => assembly.find('Component', key).type === 'Invalid',
  );
}

function remoteLinks(from: EntryKey, cell: readonly Member[]): readonly Linked[] {
  return cell.flatMap((member) =>
    member.links.filter(({ mode }) => mode === 'Remote').map((link) => ({ from, member, link })),
  );
}

function byTarget(one: RemoteCall, other: RemoteCall): number {
  return `${one.component} ${one.import}` < `${other.component} ${other.import}` ? -1 : 1;
}
