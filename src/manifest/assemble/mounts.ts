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
