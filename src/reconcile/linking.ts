/**
 * Members of a cell as they depend on each other: who is prepared before whom, what a caller has to know of those that it
 * calls, and which export serves which import. Pure.
 *
 * K1 A provider is prepared before its callers: whether a call suspends is part of the caller's bindings.
 * K2 That spreads: who calls what blocks, blocks.
 */
import type { Digest } from '../kit/digest.ts';
import type { Result } from '../kit/result.ts';
import type { EntryKey, Member } from '../model/component.ts';
import type { BoundLink, Bundle } from '../model/engine.ts';
import { linkFault } from '../model/link-fault.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { ComponentShape } from '../model/wit.ts';
import { exportFor } from '../model/wit-version.ts';

/** Each member after those that it links inline; those that link each other in a circle (refused long before) anyhow. */
export function providersFirst(members: readonly Member[]): readonly Member[] {
  const byKey = new Map(members.map((member) => [member.key, member]));
  const seen = new Set<Member>();
  const order: Member[] = [];
  const visit = (member: Member): void => {
    if (seen.has(member)) return;
    seen.add(member);
    for (const { component, mode } of member.links) {
      const provider = mode === 'Inline' ? byKey.get(component) : undefined;
      if (provider) visit(provider);
    }
    order.push(member);
  };
  for (const member of members) visit(member);
  return order;
}

/** Functions of its linked imports that can block, as the member spells them, sorted: `shop:tax/rates@0.2.0#lookup`. */
export function blockingLinksOf(
  { links }: Pick<Member, 'links'>,
  bundles: ReadonlyMap<EntryKey, Bundle>,
): readonly string[] {
  const blocking = links.flatMap(({ import: name, component, mode }) => {
    // Another cell always lets its caller wait.
    if (mode === 'Remote') return [`${name}#*`];
    const provider = mode === 'Inline' ? bundles.get(component) : undefined;
    const exported = provider && exportFor(name, provider.exports);
    if (!provider || exported === undefined) return [];
    return provider.blockingExports
      .filter((item) => item.startsWith(`${exported}#`))
      .map((item) => `${name}${item.slice(exported.length)}`);
  });
  return [...new Set(blocking)].sort();
}

/** Its inline links, each with the provider's place among the members; nothing where it has none. */
export function boundLinksOf(
  { links }: Pick<Member, 'links'>,
  cell: readonly { readonly member: Member; readonly bundle: Bundle }[],
): { readonly links?: readonly BoundLink[] } {
  const bound = links.flatMap(({ import: name, component, mode }) => {
    if (mode !== 'Inline') return [];
    const position = cell.findIndex((item) => item.member.key === component);
    const exported = exportFor(name, cell[position]?.bundle.exports ?? []);
    // Links are checked before a cell is prepared; should the export be missing all the same, the cell says so when it loads.
    return [{ import: name, member: position, export: exported ?? name }];
  });
  return bound.length === 0 ? {} : { links: bound };
}

/** The first inline link whose provider is not what its caller was built for, or a member whose types cannot be read. */
export function unfitLinkOf(
  members: readonly Member[],
  shapes: ReadonlyMap<Digest, Result<ComponentShape, Problem>>,
): Problem | undefined {
  for (const member of members) {
    const own = shapes.get(member.artifact);
    if (own && !own.ok) return own.error;
    for (const link of member.links) {
      const provider = link.mode === 'Inline' ? members.find(({ key }) => key === link.component) : undefined;
      const other = provider && shapes.get(provider.artifact);
      const fault = own && other?.ok ? linkFault(link, own.value, other.value) : undefined;
      if (fault) return problem(fault.code, `${member.key}: ${fault.message}`, { remedy: fault.remedy });
    }
  }
  return undefined;
}
