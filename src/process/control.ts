/**
 * The control process: builds the edges, gives them to the loop, and shows what the loop knows. It decides nothing
 * itself, and the engine serves on while it is away.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { openContentStore } from '../artifact/store.ts';
import { openSupply } from '../artifact/supply.ts';
import { openComponents } from '../component/components.ts';
import { openMirror, type Mirror } from '../git/mirror.ts';
import { connectEngine } from '../host/link-client.ts';
import { openJournal } from '../journal/journal.ts';
import { releaseOf } from '../decide/traffic.ts';
import type { Memory } from '../model/memory.ts';
import { EXIT } from '../model/exit.ts';
import { problem } from '../model/problem.ts';
import type { AuditPort, EnginePort } from '../reconcile/ports.ts';
import { createReconciler } from '../reconcile/reconciler.ts';
import { createLogger } from '../report/log.ts';
import { createReport } from '../report/server.ts';
import { readChildConfig } from './child-config.ts';
import { systemClock } from './clock.ts';
import type { ControlConfig } from './control-config.ts';
import { openManifestParser } from './manifest-parser.ts';
import { artifactHosts, credentialsReader } from './credentials.ts';
import { openApiInputs } from './openapi.ts';
import { openShapeReader } from './shape-reader.ts';
import { createVault } from '../secret/vault.ts';
import { readSecret } from './secrets.ts';
import { openReporting, withReport } from './reporting.ts';
import { endWith } from './start-failure.ts';

const STDERR = 2;
/** An engine that runs has greeted by then; one that starts with us, too. */
const ENGINE_ANSWER_DEADLINE_MS = 5_000;
const ENGINE_LOOK_PERIOD_MS = 50;

// Everything that control writes is its own: journal, mirror and store hold what tenants deploy.
process.umask(0o077);

let stop: (() => Promise<void>) | undefined;
// Ctrl+C reaches the whole foreground group; the supervisor ends its children in order.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void (stop?.() ?? process.exit(EXIT.Ok)));
const config = await readChildConfig<ControlConfig>(() => void (stop?.() ?? process.exit(EXIT.Ok)));
await run(config);

async function run({ options, folders, version }: ControlConfig): Promise<void> {
  const masked = createLogger({ level: options.logLevel, sink: pino.destination({ fd: STDERR, sync: true }) });
  const log = masked.log.child({ name: 'control' });
  const clock = systemClock;
  const protect = (values: readonly string[]): void => masked.protect(values);
  const { credentials, ssh } = options.repository;
  const secrets = credentials && secretOrEnd(() => credentialsReader(credentials, protect));
  const hosts = secretOrEnd(() => artifactHosts(options.artifacts.hosts, protect));
  const webhookSecret = options.webhook && secretOrEnd(() => readSecret(options.webhook!.secret));
  if (webhookSecret !== undefined) masked.protect([webhookSecret]);

  const journal = openJournal({
    folder: folders.data,
    clock,
    log,
    limits: { databaseBytes: options.limits.journalBytes },
  });
  if (!journal.ok) endWith(journal.error);
  const mirror = await openMirror({
    url: options.repository.url,
    ref: options.repository.ref,
    path: options.repository.path,
    folder: folders.mirror,
    allowFile: options.allowFile,
    ...(secrets ? { credentials: secrets } : {}),
    ...(ssh ? { ssh } : {}),
    ...(options.repository.caFile === undefined ? {} : { caFile: options.repository.caFile }),
    limits: { mirrorBytes: options.limits.mirrorBytes },
    log,
  });
  if (!mirror.ok) endWith(mirror.error);
  const engine = connectEngine({ path: folders.engineSocket, log });
  if (!journal.value.desired()) await mustReach(mirror.value, engine, log);

  const manifest = openManifestParser({ log });
  const artifacts = openContentStore({ folder: folders.store, maxBytes: options.limits.storeBytes, log });
  const shapes = openShapeReader({ log });
  const { dockerConfig } = options.artifacts;
  const supply = openSupply({
    store: artifacts,
    hosts,
    protect,
    ...(dockerConfig === undefined ? {} : { dockerConfig }),
  });
  const components = openComponents({ artifacts, supply, folder: folders.bundles, log });
  const { url, ref, path, allowNonFastForwardFrom, trust } = options.repository;
  const reconciler = createReconciler(
    {
      git: mirror.value,
      manifest,
      artifacts,
      supply,
      components,
      shapes,
      secrets: createVault({ identityFiles: options.identityFiles, protect }),
      engine: withHostSettings(engine, options),
      journal: journal.value,
      audit: withReleases(journal.value, () => reconciler.memory()),
    },
    clock,
    log,
    {
      version,
      source: { repository: url, ref, path },
      // The report is made from the loop's own status: it exists by the time that the loop starts.
      onRound: (outcome, durationMs) => report.metrics.round(outcome, durationMs),
      ...(allowNonFastForwardFrom === undefined ? {} : { allowNonFastForwardFrom }),
      ...(trust ? { trust } : {}),
    },
  );
  const reporting = secretOrEnd(() =>
    openReporting({
      config: options.report,
      branch: ref,
      reconciler,
      git: mirror.value,
      outbox: journal.value,
      protect,
      clock,
      log,
    }),
  );
  const report = createReport({
    statusSource: withReport(reconciler.statusSource, reporting),
    metricsSource: {
      samples: () => engine.samples(),
      access: () => journal.value.accessCounts(),
      storage: async () => ({
        journal: journal.value.bytes(),
        audit: journal.value.auditBytes(),
        mirror: await mirror.value.bytes(),
      }),
    },
    clock,
    log,
    address: options.status,
    openApi: openApiInputs({ memory: reconciler.memory, shapes, artifacts }),
    ...(webhookSecret === undefined ? {} : { webhook: { secret: webhookSecret, hint: () => reconciler.hint() } }),
  });
  const listening = await report.listen();
  if (!listening.ok) endWith(listening.error);
  log.info({ url: listening.value.url, version }, 'control is up');
  let stopping: Promise<void> | undefined;
  stop = () =>
    (stopping ??= (async () => {
      await reporting.stop();
      await reconciler.stop();
      await report.close();
      manifest.close();
      components.close();
      shapes.close();
      mirror.value.close();
      engine.close();
      journal.value.close();
      process.exit(EXIT.Ok);
    })());
  reconciler.start();
  reporting.start();
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

/** Who sees the release and who may preview is the host's to say, not the repository's: set on the way to the engine. */
function withHostSettings(
  engine: EnginePort,
  { releaseHeader, preview }: Pick<ControlConfig['options'], 'releaseHeader' | 'preview'>,
): EnginePort {
  const settings = { releaseHeader, ...(preview ? { previewAccess: preview } : {}) };
  return {
    observe: () => engine.observe(),
    onChange: (listener) => engine.onChange(listener),
    start: (replica, cell) => engine.start(replica, cell),
    stop: (replica, deadlineMs) => engine.stop(replica, deadlineMs),
    forget: (replicas) => engine.forget(replicas),
    publish: (snapshot) => engine.publish({ ...snapshot, ...settings }),
    records: (after) => engine.records(after),
    synthesize: (run) => engine.synthesize(run),
    fire: (firing) => engine.fire(firing),
    stopFiring: (firing) => engine.stopFiring(firing),
    forgetFirings: (firings) => engine.forgetFirings(firings),
    samples: () => engine.samples(),
  };
}

/**
 * With nothing in the journal there is nothing to serve meanwhile: better to say at once what is wrong with the address.
 * Unless the engine serves: then the journal was lost, to end would end what serves, and the loop goes on looking.
 */
async function mustReach(mirror: Mirror, engine: EnginePort, log: Logger): Promise<void> {
  const looked = await mirror.look();
  if (looked.ok) return;
  if ((await generationInForce(engine)) === 0) endWith(looked.error, EXIT.RepositoryUnreachable);
  log.error(
    { problem: looked.error },
    'nothing is known and the repository cannot be reached; the engine serves on, and it is looked for again',
  );
}

/** What the engine serves; 0 for nothing, or for no answer. */
async function generationInForce(engine: EnginePort): Promise<number> {
  const untilMs = performance.now() + ENGINE_ANSWER_DEADLINE_MS;
  for (;;) {
    const observed = await engine.observe();
    if (observed.ok) return observed.value.generation;
    if (performance.now() >= untilMs) return 0;
    await delay(ENGINE_LOOK_PERIOD_MS);
  }
}

function secretOrEnd<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    return endWith(problem('HW5016', (error as Error).message));
  }
}
