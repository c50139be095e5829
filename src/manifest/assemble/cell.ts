import type { EntryKey, Member } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { linkFault } from '../../model/link-fault.ts';
import { unremotable } from '../../model/remote.ts';
import type { ShapeOf } from '../../model/wit.ts';
import { MAX_MEMBERS_PER_CELL } from '../bounds.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atValue, type Assembly } from './assembly.ts';

export type Members = ReadonlyMap<EntryKey, Member>;

/** What references to imports and exports are held against. */
export interface Types {
  readonly members: Members;
  readonly shapeOf: ShapeOf;
}

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

/** What is wrong with the links of one component, given the documents that are still valid and the types that are known. */
export function linkProblems(
  document: ParsedDocument<'Component'>,
  { members, shapeOf }: Types,
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
    const linked = members.get(link.component)!;
    if (link.mode === 'Remote') return remoteProblems(document, index, { own, linked, shapeOf });
    if (!link.component.startsWith(`${document.namespace}/`)) {
      return [atValue(document, at, 'HW1028', `an inline link does not leave the namespace ${document.namespace}`)];
    }
    if (linked.instancePolicy === 'Singleton') {
      const message = `${link.component} is a Singleton: linked inline there would be one in each instance of each entry`;
      return [atValue(document, at, 'HW1095', message)];
    }
    const cell = membersOfCell(linked, members);
    if (cell.some((member) => member.key === own.key)) {
      const remedy = 'take one of the links of the circle out';
      return [atValue(document, at, 'HW1028', `${own.key} links itself: ${circle(own, linked, members)}`, remedy)];
    }
    if (cell.length >= MAX_MEMBERS_PER_CELL) {
      return [atValue(document, at, 'HW1028', `the cell would have more than ${MAX_MEMBERS_PER_CELL} members`)];
    }
    return fitProblems(document, index, { own, linked, shapeOf });
  });
}

/** A link to another entry's cell: what crosses it is values, and the link is the grant to call. */
function remoteProblems(document: ParsedDocument<'Component'>, index: number, ends: Ends): readonly Diagnostic[] {
  const { own, linked, shapeOf } = ends;
  const at = `/spec/links/${index}`;
  if (linked.key === own.key) {
    const remedy = 'call the function itself, or take the link out';
    return [atValue(document, `${at}/componentRef/name`, 'HW1028', `${own.key} links itself`, remedy)];
  }
  if (!linked.key.startsWith(`${document.namespace}/`)) {
    const message = `a remote link does not leave the namespace ${document.namespace}, and ${linked.key} is in another`;
    return [atValue(document, `${at}/componentRef/name`, 'HW1110', message)];
  }
  const misfit = fitProblems(document, index, ends);
  if (misfit.length > 0) return misfit;
  const name = document.value.spec.links![index]!.import;
  const shape = shapeOf(own.artifact);
  const why = shape?.ok ? unremotable(name, shape.value) : undefined;
  if (why === undefined) return [];
  return [atValue(document, `${at}/import`, 'HW1111', `${name} cannot be called in another cell: ${why}`)];
}

interface Ends {
  readonly own: Member;
  readonly linked: Member;
  readonly shapeOf: ShapeOf;
}

/** Whether the import is what the other exports, as far as the types of both are known; else it is seen at preparation. */
function fitProblems(
  document: ParsedDocument<'Component'>,
  index: number,
  { own, linked, shapeOf }: Ends,
): readonly Diagnostic[] {
  const at = `/spec/links/${index}`;
  const name = document.value.spec.links![index]!.import;
  const [consumer, provider] = [shapeOf(own.artifact), shapeOf(linked.artifact)];
  for (const [shape, member] of [
    [consumer, own],
    [provider, linked],
  ] as const) {
    if (!shape || shape.ok) continue;
    const message = `the types of ${member.key} cannot be read: ${shape.error.message} (${shape.error.code})`;
    return [atValue(document, `${at}/import`, 'HW1096', message, shape.error.remedy)];
  }
  if (!consumer?.ok || !provider?.ok) return [];
  const fault = linkFault({ import: name, component: linked.key }, consumer.value, provider.value);
  if (!fault) return [];
  const field = fault.code === 'HW2350' || fault.code === 'HW2351' ? 'import' : 'componentRef/name';
  return [atValue(document, `${at}/${field}`, fault.code, fault.message, fault.remedy)];
}

/** `shop/a → shop/b → shop/a`. */
function circle(own: Member, from: Member, members: Members): string {
  const seen = new Set<EntryKey>();
  const find = (member: Member, path: readonly EntryKey[]): readonly EntryKey[] | undefined => {
    if (member.key === own.key) return [...path, own.key];
    if (seen.has(member.key)) return undefined;
    seen.add(member.key);
    for (const link of member.links) {
      const next = link.mode === 'Inline' ? members.get(link.component) : undefined;
      const found = next && find(next, [...path, member.key]);
      if (found) return found;
    }
    return undefined;
  };
  return (find(from, [own.key]) ?? [own.key, from.key]).join(' → ');
}
