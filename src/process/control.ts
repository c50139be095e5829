/**
 * The control process: builds the edges, gives them to the loops, and shows what these know. It decides nothing itself,
 * and the engine serves on while it is away.
 */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino, type Logger } from 'pino';
import { openContentStore } from '../artifact/store.ts';
import { openSupply } from '../artifact/supply.ts';
import { openComponents } from '../component/components.ts';
import { EXIT } from '../model/exit.ts';
import type { Problem } from '../model/problem.ts';
import type { EnginePort, ServingEngine } from '../reconcile/ports.ts';
import { createLogger } from '../report/log.ts';
import type { StoredBytes } from '../report/metrics.ts';
import { createReport } from '../report/server.ts';
import { readChildConfig } from './child-config.ts';
import { skippingClock, systemClock } from './clock.ts';
import { connectEngines } from './connected-engines.ts';
import type { ControlConfig } from './control-config.ts';
import { createFleet } from './fleet.ts';
import { openManifestParser } from './manifest-parser.ts';
import { artifactHosts } from './credentials.ts';
import { openApiInputs } from './openapi.ts';
import { openRoot, type OpenRoot } from './root.ts';
import { openShapeReader } from './shape-reader.ts';
import { createVault } from '../secret/vault.ts';
import { readSecret } from './secrets.ts';
import { endWith, orEnd } from './start-failure.ts';

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

async function run({ options, folders, version, skips }: ControlConfig): Promise<void> {
  const masked = createLogger({ level: options.logLevel, sink: pino.destination({ fd: STDERR, sync: true }) });
  const log = masked.log.child({ name: 'control' });
  const clock = skips === undefined ? systemClock : skippingClock(skips);
  const protect = (values: readonly string[]): void => masked.protect(values);
  const hosts = orEnd(() => artifactHosts(options.artifacts.hosts, protect));
  const webhookSecret = options.webhook && orEnd(() => readSecret(options.webhook!.secret));
  if (webhookSecret !== undefined) masked.protect([webhookSecret]);

  const roots: OpenRoot[] = [];
  for (const root of options.roots) roots.push(await openRoot(root, { options, folders }, { clock, log, protect }));
  const engine = connectEngines({ count: options.engines, folders, clock, log });
  if (roots.every(({ journal }) => !journal.desired())) await mustReachOne(roots, engine, log);

  const manifest = openManifestParser({ log });
  const artifacts = openContentStore({ folder: folders.store, maxBytes: options.limits.storeBytes, log });
  const shapes = openShapeReader({ log });
  const { dockerConfig, trustedRoot } = options.artifacts;
  const supply = openSupply({
    store: artifacts,
    hosts,
    protect,
    ...(dockerConfig === undefined ? {} : { dockerConfig }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    verdicts: path.join(folders.store, 'verified'),
    onSignature: ({ outcome, policy, artifact, problem }) => {
      report.metrics.signature(outcome);
      if (outcome === 'Audited') {
        log.warn({ artifact, policy, problem }, 'used without the signature that a Policy in Audit asks for');
      }
    },
  });
  const components = openComponents({ artifacts, supply, folder: folders.bundles, log });
  const fleet = createFleet({
    roots,
    engine: withHostSettings(engine, options),
    manifest,
    artifacts,
    supply,
    components,
    shapes,
    secrets: createVault({ identityFiles: options.identityFiles, protect }),
    protect,
    clock,
    log,
    version,
    onRound: (root, outcome, durationMs) => report.metrics.round(outcome, durationMs, root),
  });
  const report = createReport({
    statusSource: fleet.statusSource,
    metricsSource: {
      samples: () => engine.samples(),
      access: () => roots.flatMap(({ journal }) => journal.accessCounts()),
      storage: async () => (await Promise.all(roots.map(storageOf))).flat(),
    },
    clock,
    log,
    address: options.status,
    openApi: openApiInputs({ memoryOf: (key) => fleet.memoryOf(key), shapes, artifacts }),
    ...(webhookSecret === undefined
      ? {}
      : { webhook: { secret: webhookSecret, hint: (isMeant) => fleet.hint(isMeant) } }),
  });
  const listening = await report.listen();
  if (!listening.ok) endWith(listening.error);
  log.info({ url: listening.value.url, version }, 'control is up');
  let stopping: Promise<void> | undefined;
  stop = () =>
    (stopping ??= (async () => {
      await fleet.stop();
      await report.close();
      manifest.close();
      components.close();
      shapes.close();
      for (const { mirror } of roots) mirror.close();
      engine.close();
      for (const { journal } of roots) journal.close();
      process.exit(EXIT.Ok);
    })());
  fleet.start();
}

async function storageOf({ scope, journal, mirror }: OpenRoot): Promise<readonly StoredBytes[]> {
  const root = scope ? { root: scope.name } : {};
  return [
    { store: 'journal', bytes: journal.bytes(), ...root },
    { store: 'audit', bytes: journal.auditBytes(), ...root },
    { store: 'mirror', bytes: await mirror.bytes(), ...root },
  ];
}

/** Who sees the release and who may preview is the host's to say, not the repository's: set on the way to the engine. */
function withHostSettings(
  engine: ServingEngine,
  { releaseHeader, preview }: Pick<ControlConfig['options'], 'releaseHeader' | 'preview'>,
): ServingEngine {
  const settings = { releaseHeader, ...(preview ? { previewAccess: preview } : {}) };
  return {
    observe: () => engine.observe(),
    inForce: () => engine.inForce(),
    onChange: (listener) => engine.onChange(listener),
    start: (replica, cell) => engine.start(replica, cell),
    stop: (replica, deadlineMs) => engine.stop(replica, deadlineMs),
    forget: (replicas) => engine.forget(replicas),
    publish: (snapshot) => engine.publish({ ...snapshot, ...settings }),
    records: (after) => engine.records(after),
    stores: (order) => engine.stores(order),
    synthesize: (run) => engine.synthesize(run),
    fire: (firing) => engine.fire(firing),
    stopFiring: (firing) => engine.stopFiring(firing),
    forgetFirings: (firings) => engine.forgetFirings(firings),
    samples: () => engine.samples(),
  };
}

/**
 * With nothing in any journal there is nothing to serve meanwhile: better to say at once what is wrong with the addresses.
 * Unless the engine serves: then the journal was lost, to end would end what serves, and the loop goes on looking. Of
 * several roots one is enough: it is not for the others to keep it from its start.
 */
async function mustReachOne(roots: readonly OpenRoot[], engine: EnginePort, log: Logger): Promise<void> {
  const failures: Problem[] = [];
  await new Promise<void>((resolve, reject) => {
    const look = async ({ mirror, log: own }: OpenRoot): Promise<void> => {
      const looked = await mirror.look();
      if (looked.ok) return resolve();
      own.error({ problem: looked.error }, 'nothing is known and the repository cannot be reached');
      failures.push(looked.error);
      if (failures.length === roots.length) resolve();
    };
    for (const root of roots) look(root).catch(reject);
  });
  if (failures.length < roots.length) return;
  if ((await generationInForce(engine)) === 0) endWith(failures[0]!, EXIT.RepositoryUnreachable);
  log.error('the engine serves on, and the repository is looked for again');
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
