/** What the grants of `filesystem` mount for a component. */
import type { Digest } from '../kit/digest.ts';
import type { Grant } from './component.ts';

/** A folder of the repository as it was at the commit; part of the revision. */
export interface FolderMount {
  readonly type: 'Folder';
  readonly mountPath: string;
  readonly path: string;
  /** Of its image (`folder-image.ts`). */
  readonly content: Digest;
  /** Of the image. */
  readonly bytes: number;
  readonly expireTime?: string | undefined;
}

/** A volume of the node, by name; of the namespace, and shared by all releases. */
export interface VolumeMount {
  readonly type: 'Volume';
  readonly mountPath: string;
  readonly volume: string;
  /** What the guest is told: the broker decides. A grant that only counts lets writes through. */
  readonly mayWrite: boolean;
}

export type Mount = FolderMount | VolumeMount;

export function mountsOf(grants: readonly Grant[]): readonly Mount[] {
  return grants.filter(({ capability }) => capability === 'filesystem').map(mountOf);
}

export function foldersOf(grants: readonly Grant[]): readonly FolderMount[] {
  return mountsOf(grants).filter((mount) => mount.type === 'Folder');
}

function mountOf({ settings, enforcement, expireTime }: Grant): Mount {
  const { mountPath, volume, path, access, content, bytes } = settings as {
    readonly mountPath: string;
    readonly volume?: string;
    readonly path?: string;
    readonly access: string;
    readonly content?: Digest;
    readonly bytes?: number;
  };
  if (volume === undefined) {
    return { type: 'Folder', mountPath, path: path!, content: content!, bytes: bytes!, expireTime };
  }
  return { type: 'Volume', mountPath, volume, mayWrite: access === 'ReadWrite' || enforcement === 'Audit' };
}
