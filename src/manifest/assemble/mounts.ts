/** The mounts of a component: each at a place of its own, and what comes from the repository stays as it is there. */
import type { Grant } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey } from './assembly.ts';
import { pointerOfGrant } from './roles.ts';

type Settings = { readonly mountPath: string };

/** Of all grants together, those of Roles too. */
export function mountProblems(document: ParsedDocument<'Component'>, grants: readonly Grant[]): readonly Diagnostic[] {
  const placed: { readonly name: string; readonly mountPath: string }[] = [];
  return grants.flatMap(({ name, capability, settings }) => {
    if (capability !== 'filesystem') return [];
    const { mountPath } = settings as Settings;
    const other = placed.find((one) => isWithin(one.mountPath, mountPath) || isWithin(mountPath, one.mountPath));
    placed.push({ name, mountPath });
    if (!other) return [];
    const message = `${mountPath} of ${name} and ${other.mountPath} of ${other.name} are in each other`;
    return [atKey(document, pointerOfGrant(document, name), 'HW1240', message)];
  });
}

function isWithin(outer: string, inner: string): boolean {
  return outer === '/' || inner === outer || inner.startsWith(`${outer}/`);
}
