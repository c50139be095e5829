/** The mounts of a component: each at a place of its own, and what comes from the repository stays as it is there. */
import { err, ok, type Result } from '../../kit/result.ts';
import type { Grant } from '../../model/component.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { folderPath, type Folders } from '../folders.ts';
import type { ParsedDocument } from '../parsed.ts';
import { atKey, atValue } from './assembly.ts';
import { pointerOfGrant } from './roles.ts';

/** Grants of folders of the repository with what is in them at the commit: another content is another revision. */
export function withFolders(
  document: ParsedDocument<'Component'>,
  grants: readonly Grant[],
  folders: Folders,
): Result<readonly Grant[], readonly Diagnostic[]> {
  const problems: Diagnostic[] = [];
  const filled = grants.map((grant) => {
    const { path } = grant.settings as { readonly path?: string };
    if (grant.capability !== 'filesystem' || path === undefined) return grant;
    const folder = folders.get(folderPath(path));
    if (folder?.ok) {
      const { digest, bytes } = folder.value;
      return { ...grant, settings: { ...grant.settings, path: folderPath(path), content: digest, bytes } };
    }
    const pointer = pointerOfGrant(document, grant.name);
    // Of a Role it is written elsewhere: the item that names the Role stands for it.
    const isOwn = !grant.name.includes('.');
    const at = (code: 'HW1242' | 'HW1243', message: string): Diagnostic =>
      isOwn
        ? atValue(document, `${pointer}/filesystem/path`, code, message)
        : atKey(document, `${pointer}/roleRef`, code, `${message} (of the Role)`);
    problems.push(
      folder
        ? at('HW1243', `${path} cannot be mounted: ${folder.error}`)
        : at('HW1242', `there is no folder ${path} with files in this commit under the followed path`),
    );
    return grant;
  });
  return problems.length > 0 ? err(problems) : ok(filled);
}

interface Placed {
  readonly name: string;
  readonly mountPath: string;
  readonly volume?: string;
}

/** Of all grants together, those of Roles too. */
export function mountProblems(document: ParsedDocument<'Component'>, grants: readonly Grant[]): readonly Diagnostic[] {
  const placed: Placed[] = [];
  return grants.flatMap(({ name, capability, settings }) => {
    if (capability !== 'filesystem') return [];
    const { mountPath, volume } = settings as { readonly mountPath: string; readonly volume?: string };
    const here: Placed = { name, mountPath, ...(volume === undefined ? {} : { volume }) };
    const problems = placed.flatMap((other) => {
      const said = collision(here, other);
      return said ? [atKey(document, pointerOfGrant(document, name), ...said)] : [];
    });
    placed.push(here);
    return problems.slice(0, 1);
  });
}

/** The broker holds rights and quotas against the volume, whichever way a guest came to it. */
function collision(one: Placed, other: Placed): readonly ['HW1240' | 'HW1244', string] | undefined {
  if (isWithin(one.mountPath, other.mountPath) || isWithin(other.mountPath, one.mountPath)) {
    return ['HW1240', `${one.mountPath} of ${one.name} and ${other.mountPath} of ${other.name} are in each other`];
  }
  if (one.volume === undefined || one.volume !== other.volume) return undefined;
  return ['HW1244', `${one.name} and ${other.name} mount the same volume ${one.volume}`];
}

function isWithin(outer: string, inner: string): boolean {
  return outer === '/' || inner === outer || inner.startsWith(`${outer}/`);
}
