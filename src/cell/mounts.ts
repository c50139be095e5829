/** What is mounted for a member: folders of the repository, which it holds itself, and volumes, which the broker has. */
import type { MountAssignment } from '../wire/frames.ts';
import type { Asking } from './broker.ts';
import type { TellDenied } from './denials.ts';
import type { Mount } from './wasi/filesystem.ts';
import { FolderImage, imageRoot } from './wasi/filesystem-image.ts';
import { volumeRoot } from './wasi/filesystem-volume.ts';

/** What all instances of a member share of a mount. */
export type MountSettings =
  | { readonly mountPath: string; readonly image: FolderImage; readonly expiresAtWallMs?: number | undefined }
  | { readonly mountPath: string; readonly volume: string; readonly mayWrite: boolean };

/** @throws RangeError where a file of the assignment is no image of a folder. */
export function mountSettings(
  mounts: readonly MountAssignment[],
  files: ReadonlyMap<string, Uint8Array>,
): readonly MountSettings[] {
  return mounts.map((mount) => {
    const { mountPath } = mount;
    if ('volume' in mount) return { mountPath, volume: mount.volume, mayWrite: mount.mayWrite };
    const bytes = files.get(mount.file);
    if (!bytes) throw new RangeError(`the file ${mount.file} of a mount is not in the assignment`);
    return { mountPath, image: new FolderImage(bytes), expiresAtWallMs: mount.expiresAtWallMs };
  });
}

export function mountsOf(settings: readonly MountSettings[], seat: Asking, tellDenied: TellDenied): readonly Mount[] {
  return settings.map((mount, position) => {
    const { mountPath } = mount;
    if ('volume' in mount) return { mountPath, root: volumeRoot(seat, mount.volume, mount.mayWrite) };
    const { image, expiresAtWallMs } = mount;
    return { mountPath, root: imageRoot({ image, mountPath, position, expiresAtWallMs, tellDenied }) };
  });
}
