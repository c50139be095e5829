import type { EntryKey, Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { MAX_MEMBERS_PER_CELL } from '../bounds.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, type Assembly } from './assembly.ts';

export type Members = ReadonlyMap<EntryKey, Member>;

/** The entry itself, then everything it links inline, in the order of first mention. */
export function membersOfCell(entry: Member, members: Members): readonly [Member, ...Member[]] {
  const cell: [Member, ...Member[]] = [entry];
  const seen = new Set<EntryKey>([entry.key]);
  for (let index = 0; index < cell.length; index += 1) {
    for (const link of cell[index]!.links) {
      const linked = link.mode === 'Inline' ? members.get(link.component) : undefined;
      if (!linked || seen.has(linked.key)) continue;
      seen.add(linked.key);
      cell.push(linked);
    }
  }
  return cell;
}

/** What is wrong with the links of one component, given the documents that are still valid. */
export function linkProblems(
  document: ParsedDocument<'Component'>,
  members: Members,
  assembly: Assembly,
): readonly Diagnostic[] {
  const { spec } = document.value;
  const own = members.get(`${document.namespace}/${document.name}`)!;
  return (spec.links ?? []).flatMap((written, index) => {
    const at = `/spec/links/${index}/componentRef/name`;
    const link = own.links.find((candidate) => candidate.import === written.import)!;
    const found = assembly.find('Component', link.component).type;
    if (found === 'Missing') return [atValue(document, at, 'HW1023', `there is no Component ${link.component}`)];
    if (found === 'Invalid') return [atValue(document, at, 'HW1024', `the Component ${link.component} is invalid`)];
    if (link.mode === 'Remote') return [];
    if (!link.component.startsWith(`${document.namespace}/`)) {
      return [atValue(document, at, 'HW1028', `an inline link does not leave the namespace ${document.namespace}`)];
    }
    const linked = members.get(link.component)!;
    const cell = membersOfCell(linked, members);
    if (cell.some((member) => member.key === own.key)) {
      return [atValue(document, at, 'HW1028', `${own.key} links itself through ${link.component}`)];
    }
    if (cell.length >= MAX_MEMBERS_PER_CELL) {
      return [atValue(document, at, 'HW1028', `the cell would have more than ${MAX_MEMBERS_PER_CELL} members`)];
    }
    return [];
  });
}
