/**
 * The loops of this daemon, one for each root, over what they share: the engine, the content store and the prepared
 * components. With one repository and no roots there is one loop, and the engine is its own.
 */
import type { Logger } from 'pino';
import { releaseOf } from '../decide/traffic.ts';
import type { Clock } from '../kit/clock.ts';
import type { Digest } from '../kit/digest.ts';
import type { ForeignClaim } from '../manifest/assemble/scope.ts';
import type { EntryKey } from '../model/component.ts';
import { HeldMatches } from '../model/held-matches.ts';
import type { Memory } from '../model/memory.ts';
import { claimsOf, digestsInUse, membersInUse, pinnedBundles } from '../reconcile/keep.ts';
import type {
  ArtifactPort,
  AuditPort,
  ComponentPort,
  ReconcilerPorts,
  ServingEngine,
  StatusSource,
} from '../reconcile/ports.ts';
import { createReconciler, type Reconciler } from '../reconcile/reconciler.ts';
import { createEngineShare } from '../reconcile/roots/share.ts';
import { mergeStatus } from '../reconcile/roots/status.ts';
import type { Reporting } from '../reconcile/reporting.ts';
import type { ManifestParser } from './manifest-parser.ts';
import { openReporting, withReport } from './reporting.ts';
import type { OpenRoot } from './root.ts';
import { orEnd } from './start-failure.ts';

export interface FleetParts extends Pick<Required<ReconcilerPorts>, 'supply' | 'components' | 'shapes' | 'secrets'> {
  readonly roots: readonly OpenRoot[];
  readonly engine: ServingEngine;
  readonly manifest: ManifestParser;
  readonly artifacts: ArtifactPort;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly protect: (secrets: readonly string[]) => void;
  readonly onRound: (root: string | undefined, outcome: 'ok' | 'failed', durationMs: number) => void;
}

export interface Fleet {
  readonly statusSource: StatusSource;
  /** Of the root that the entry belongs to. */
  memoryOf(key: EntryKey): Memory | undefined;
  start(): void;
  /** The roots at these addresses look at git; all of them where none is one of ours. */
  hint(isMeant: (repository: string) => boolean): void;
  stop(): Promise<void>;
}

interface Loop {
  readonly root: OpenRoot;
  readonly reconciler: Reconciler;
  readonly reporting: Reporting;
  readonly statusSource: StatusSource;
}

export function createFleet(parts: FleetParts): Fleet {
  const { roots, engine, clock, log } = parts;
  const scopes = roots.flatMap(({ scope, journal }) =>
    scope ? [{ ...scope, hasMemory: journal.memory() !== undefined && journal.desired() !== undefined }] : [],
  );
  const share = scopes.length > 0 ? createEngineShare(engine, scopes, clock, log) : undefined;
  const loops: Loop[] = [];
  for (const root of roots) {
    const { scope, journal } = root;
    const others = () => loops.filter((loop) => loop.root !== root);
    const reconciler: Reconciler = createReconciler(
      {
        git: root.mirror,
        manifest: scope
          ? parts.manifest.portOf({
              root: scope.name,
              namespaces: scope.namespaces,
              claimed: () => claimedBy(others()),
            })
          : parts.manifest,
        ...sharedStores(parts, others),
        supply: parts.supply,
        shapes: parts.shapes,
        secrets: parts.secrets,
        engine: share && scope ? share.portOf(scope.name) : engine,
        journal,
        audit: withReleases(journal, () => reconciler.memory()),
      },
      clock,
      root.log,
      {
        ...root.followed,
        version: parts.version,
        // The report is made from the loops' own status: it exists by the time that they start.
        onRound: (outcome, durationMs) => parts.onRound(scope?.name, outcome, durationMs),
      },
    );
    const reporting = orEnd(() =>
      openReporting({
        config: root.report,
        branch: root.followed.source.ref,
        reconciler,
        git: root.mirror,
        outbox: journal,
        protect: parts.protect,
        clock,
        log: root.log,
      }),
    );
    loops.push({ root, reconciler, reporting, statusSource: withReport(reconciler.statusSource, reporting) });
  }
  const [only] = loops;
  return {
    statusSource: share
      ? {
          status: () =>
            mergeStatus(
              loops.map(({ root: { scope }, statusSource }) => ({ ...scope!, status: statusSource.status() })),
              { generation: share.generation(), conflicts: share.conflicts(), waitingFor: share.waitingFor() },
            ),
          onChange: (listener) => {
            const ends = loops.map(({ statusSource }) => statusSource.onChange(listener));
            return () => {
              for (const end of ends) end();
            };
          },
        }
      : only!.statusSource,
    memoryOf(key) {
      const namespace = key.slice(0, key.indexOf('/'));
      const owner = loops.find(({ root: { scope } }) => !scope || scope.namespaces.includes(namespace));
      return owner?.reconciler.memory();
    },
    start() {
      for (const { reconciler } of loops) reconciler.start();
      for (const { reporting } of loops) reporting.start();
    },
    hint(isMeant) {
      const meant = loops.filter(({ root }) => isMeant(root.followed.source.repository));
      for (const { reconciler } of meant.length > 0 ? meant : loops) reconciler.hint();
    },
    async stop() {
      await Promise.all(loops.map(({ reporting }) => reporting.stop()));
      await Promise.all(loops.map(({ reconciler }) => reconciler.stop()));
    },
  };
}

/** What the other roots have accepted or serve. */
function claimedBy(loops: readonly Loop[]): HeldMatches<ForeignClaim> {
  const held = new HeldMatches<ForeignClaim>();
  for (const { root, reconciler } of loops) {
    for (const { route, match } of claimsOf(reconciler.memory(), reconciler.desired())) {
      held.add({ root: root.scope!.name, route, match });
    }
  }
  return held;
}

/** Content and bundles are shared by what they are: what another root has in use is in nobody's way to collect. */
function sharedStores(
  { artifacts, components, supply }: Pick<FleetParts, 'artifacts' | 'components' | 'supply'>,
  others: () => readonly Loop[],
): { readonly artifacts: ArtifactPort; readonly components: ComponentPort } {
  async function withOthers(keep: ReadonlySet<Digest>): Promise<ReadonlySet<Digest>> {
    const all = new Set(keep);
    for (const { reconciler } of others()) {
      const memory = reconciler.memory();
      const members = membersInUse(memory, reconciler.desired());
      for (const digest of await digestsInUse(members, pinnedBundles(memory), components, supply)) all.add(digest);
    }
    return all;
  }
  return {
    artifacts: {
      put: (bytes) => artifacts.put(bytes),
      has: (digest) => artifacts.has(digest),
      read: (digest) => artifacts.read(digest),
      collect: async (keep) => artifacts.collect(await withOthers(keep)),
    },
    components: {
      toolchain: components.toolchain,
      prepare: (member, blockingLinks) => components.prepare(member, blockingLinks),
      cached: (artifact, memoryBytes, blockingLinks) => components.cached(artifact, memoryBytes, blockingLinks),
      pinned: (bundle) => components.pinned(bundle),
      collect: async (keep) => components.collect(await withOthers(keep)),
    },
  };
}

/** What a cell denied itself is known by its group; the loop knows which release that is, and of which commit. */
function withReleases(audit: AuditPort, memory: () => Memory): AuditPort {
  return {
    record: (records) =>
      audit.record(
        records.map((record) => {
          if (record.release !== undefined) return record;
          const release = releaseOf(memory(), record.group);
          return release ? { ...record, release: release.release, commit: release.commit } : record;
        }),
      ),
    lost: (count) => audit.lost(count),
  };
}
