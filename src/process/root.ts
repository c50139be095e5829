/** One followed repository of this daemon: its journal, its mirror, and the folder that both lie in. */
import path from 'node:path';
import type { Logger } from 'pino';
import { openMirror, type Mirror } from '../git/mirror.ts';
import { openJournal, type Journal } from '../journal/journal.ts';
import type { Clock } from '../kit/clock.ts';
import type { RootReference } from '../manifest/runtime-config.ts';
import type { ReconcilerOptions } from '../reconcile/reconciler.ts';
import type { ControlConfig } from './control-config.ts';
import { credentialsReader } from './credentials.ts';
import { endWith, orEnd } from './start-failure.ts';

export interface OpenRoot {
  /** Absent: it is the only one, and speaks for every namespace. */
  readonly scope: RootReference['scope'];
  readonly report: RootReference['report'];
  readonly journal: Journal;
  readonly mirror: Mirror;
  readonly log: Logger;
  /** What the loop has to know of the host's file. */
  readonly followed: Pick<ReconcilerOptions, 'source' | 'trust' | 'allowNonFastForwardFrom' | 'namespaces'>;
}

/** Ends the process where it cannot be opened. */
export async function openRoot(
  { scope, repository, report }: RootReference,
  { options: { limits }, folders }: Pick<ControlConfig, 'options' | 'folders'>,
  { clock, log: parent, protect }: { clock: Clock; log: Logger; protect: (secrets: readonly string[]) => void },
): Promise<OpenRoot> {
  const { url, ref, path: followed, credentials, ssh, caFile, trust, allowNonFastForwardFrom } = repository;
  const log = scope ? parent.child({ root: scope.name }) : parent;
  const data = scope ? path.join(folders.roots, scope.name) : folders.data;
  const secrets = credentials && orEnd(() => credentialsReader(credentials, protect));
  const journal = openJournal({ folder: data, clock, log, limits: { databaseBytes: limits.journalBytes } });
  if (!journal.ok) endWith(journal.error);
  const mirror = await openMirror({
    url,
    ref,
    path: followed,
    folder: scope ? path.join(data, 'mirror') : folders.mirror,
    // Named on the command line or in the host's own file, both of which belong to the operator.
    allowFile: url.startsWith('file:'),
    ...(secrets ? { credentials: secrets } : {}),
    ...(ssh ? { ssh } : {}),
    ...(caFile === undefined ? {} : { caFile }),
    limits: { mirrorBytes: limits.mirrorBytes },
    log,
  });
  if (!mirror.ok) endWith(mirror.error);
  return {
    scope,
    report,
    journal: journal.value,
    mirror: mirror.value,
    log,
    followed: {
      source: { repository: url, ref, path: followed },
      ...(trust ? { trust } : {}),
      ...(allowNonFastForwardFrom === undefined ? {} : { allowNonFastForwardFrom }),
      ...(scope ? { namespaces: scope.namespaces } : {}),
    },
  };
}
