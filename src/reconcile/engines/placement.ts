/**
 * Which cells live on the first engine alone. Everything else has its replicas on each engine.
 *
 * P1 What may exist once on a node, or has one owner there, is in one place: a Singleton, the file of a store, a volume,
 *    a port that a guest listens on.
 * P2 A cell that calls other entries is where everything is: each group has its replicas on the first engine, so no call of
 *    one cell to another ever leaves its engine.
 */
import { storeOf, type Grant } from '../../model/component.ts';
import type { CellSpec } from '../../model/engine.ts';
import { entryHostsOf } from '../../model/entry-host.ts';
import { mountsOf } from '../../model/mount.ts';

/** Why the first engine alone may have it; undefined where each engine may. */
export function homeReason({ members }: Pick<CellSpec, 'members'>): string | undefined {
  if (members[0]?.member.instancePolicy === 'Singleton') return 'it is a Singleton';
  for (const { member } of members) {
    const owned = member.capabilities.map(ownedBy).find((what) => what !== undefined);
    if (owned !== undefined) return owned;
    const link = member.links.find(({ mode }) => mode === 'Remote');
    if (link) return `it calls ${link.component} by a remote link`;
  }
  return undefined;
}

/** P1, P2. */
function ownedBy(grant: Grant): string | undefined {
  switch (grant.capability) {
    case 'keyValue':
      return `it uses the store ${storeOf(grant)}`;
    case 'filesystem': {
      const volume = mountsOf([grant]).find((mount) => mount.type === 'Volume');
      return volume && `it uses the volume ${volume.volume}`;
    }
    case 'sockets': {
      const listen = grant.settings['listen'];
      return Array.isArray(listen) && listen.length > 0 ? 'it listens on a port' : undefined;
    }
    case 'outboundHttp':
      return entryHostsOf([grant]).length > 0 ? 'it asks other entries over HTTP' : undefined;
    default:
      return undefined;
  }
}
