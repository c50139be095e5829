/**
 * The engine process: listener, route snapshot and cells. It outlives control: without it, it serves its last snapshot.
 *
 * It listens at once and answers 503 `Starting` until control has published: a client that comes early gets an answer
 * that says why, and a port in use is found out before anything else is built. One of several engines listens with its
 * first snapshot: the kernel would give it its share of the clients before.
 */
import { fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino, type Logger } from 'pino';
import { Host } from '../host/host.ts';
import { DropCounts } from '../host/dropped-datagrams.ts';
import { LimitCounts } from '../host/limit-counts.ts';
import { LinkServer } from '../host/link-server.ts';
import { connectTo, socketPath } from '../host/socket-path.ts';
import { createIngress, type Ingress } from '../ingress/ingress.ts';
import { lockDataFolder, type DataLock } from '../journal/lock.ts';
import { ok } from '../kit/result.ts';
import type { EngineObserved } from '../model/engine.ts';
import { EXIT } from '../model/exit.ts';
import type { TellLimit } from '../model/limits.ts';
import type { LinkHandlers } from '../wire/engine-link.ts';
import { readChildConfig } from './child-config.ts';
import { servingLogSink } from './log-sink.ts';
import { endWith } from './start-failure.ts';
import {
  DEFAULT_DRAIN_DEADLINE_MS,
  DEFAULT_MAX_REPLICAS,
  DEFAULT_MEMORY_SHARE,
  DEFAULT_POOL_SIZE,
  type EngineConfig,
} from './engine-config.ts';

const SPAWNER = path.join(import.meta.dirname, `spawner${path.extname(import.meta.filename)}`);
const BROKER = path.join(import.meta.dirname, `broker${path.extname(import.meta.filename)}`);
/** Of the broker: for names (`broker/resolver.ts`), for the disk (`broker/files/service.ts`), and two for Node itself. */
const BROKER_THREADS = 16;
/** In the run folder. */
const DOOR_NAME = 'door.sock';
const DOOR_TOKEN_BYTES = 16;
const STDERR = 2;

let stop: (() => Promise<void>) | undefined;
const end = (): void => void (stop?.() ?? process.exit(EXIT.Ok));
process.on('SIGTERM', end);
// A terminal sends these to everybody in it; the supervisor ends its children in order.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
const config = await readChildConfig<EngineConfig>(end);
const whole = pino({ name: 'engine', level: config.logLevel ?? 'info' }, servingLogSink());
const log = config.among ? whole.child({ engine: config.among.number }) : whole;
await run(config, log);

async function run(config: EngineConfig, log: Logger): Promise<void> {
  mkdirSync(config.runFolder, { recursive: true, mode: 0o700 });
  // Control has a lock of its own and takes it too late for this: an engine ends the cells that it finds there as left
  // behind, and takes over the socket.
  const lock = lockDataFolder(config.runFolder, path.dirname(config.runFolder));
  if (!lock.ok) endWith(lock.error);
  const epoch = randomUUID();
  const changed = { say: (): void => undefined };
  const { among } = config;
  const limits = new LimitCounts(() => Date.now());
  const dropped = new DropCounts();
  const onLimit: TellLimit = (...hit) => limits.note(...hit);
  const ingress = createIngress({
    log,
    ...(among && among.number > 1 ? { connectHome: () => connectTo(among.handoverPath) } : {}),
    ...(config.maxConnections === undefined ? {} : { limits: { maxConnections: config.maxConnections } }),
    onFailureRun: (release, run) => {
      log.warn({ release, run }, 'a release fails again and again');
      changed.say();
    },
    onSyntheticDone: () => changed.say(),
    onFiringDone: () => changed.say(),
    onLoad: () => changed.say(),
    onEjected: () => changed.say(),
    onLimit,
  });
  const listen = once(async () => {
    const listening = await ingress.listen(config.listen, { shared: among !== undefined });
    if (listening.ok) return;
    log.fatal({ problem: listening.error }, 'the engine cannot listen');
    endWith(listening.error, EXIT.PortInUse);
  });
  if (!among) await listen();
  else if (among.number === 1) await atSocket(among.handoverPath, (at) => ingress.listenForEngines(at));
  const door = { path: path.join(config.runFolder, DOOR_NAME), token: randomBytes(DOOR_TOKEN_BYTES).toString('hex') };
  const host = new Host({
    door,
    forkSpawner: () => forkChild(SPAWNER, config),
    // Before it runs: afterwards it has as many threads as it has.
    forkBroker: () => forkChild(BROKER, config, { UV_THREADPOOL_SIZE: String(BROKER_THREADS) }),
    storesFolder: config.storesFolder,
    volumesFolder: config.volumesFolder,
    runFolder: config.runFolder,
    bootFolder: config.bootFolder,
    storeFolder: config.storeFolder,
    poolSize: config.poolSize ?? DEFAULT_POOL_SIZE,
    memoryBytes: config.memoryBytes ?? Math.floor(os.totalmem() * DEFAULT_MEMORY_SHARE),
    maxReplicas: config.maxReplicas ?? DEFAULT_MAX_REPLICAS,
    log,
    onReady: (group, callers, beside) => ingress.setReplicas(group, callers, beside),
    callRemote: (call) => ingress.callRemote(call),
    onLimit,
    onDropped: (...datagrams) => dropped.note(...datagrams),
    onChange: () => changed.say(),
    forbidStrict: config.forbidStrict,
    ...(among ? { uidBlock: among.number - 1 } : {}),
  });
  await atSocket(door.path, (at) =>
    ingress.openDoor({ ...door, path: at }, (cell, call) => host.broker.callOf(cell, call)),
  );
  const link = await LinkServer.open({
    path: config.linkPath,
    epoch,
    handlers: handlersOf(epoch, { host, ingress, limits, dropped, listen }),
    log,
  });
  changed.say = () => link.changed();
  stop = once(() => shutDown({ config, log, lock: lock.value, ingress, host, link }));
}

/** Nobody but this user may knock. @throws where the socket cannot be made: without it there is no engine. */
async function atSocket(file: string, open: (path: string) => Promise<void>): Promise<void> {
  // What lies there belongs to an engine that is gone.
  rmSync(file, { force: true });
  const address = socketPath(file);
  await open(address.path).finally(() => address.release());
  chmodSync(file, 0o600);
}

interface Serving {
  readonly host: Host;
  readonly ingress: Ingress;
  readonly limits: LimitCounts;
  readonly dropped: DropCounts;
  /** Once, and done where it was done. */
  readonly listen: () => Promise<void>;
}

function handlersOf(epoch: string, { host, ingress, limits, dropped, listen }: Serving): LinkHandlers {
  const observe = (): EngineObserved => ({
    epoch,
    generation: ingress.generation,
    samples: ingress.samples(),
    loads: ingress.loads(),
    syntheticRuns: ingress.syntheticRuns(),
    firings: ingress.firings.observed(),
    remotes: ingress.remoteCounts(),
    ejected: ingress.ejected(),
    limitHits: limits.read(),
    droppedDatagrams: dropped.read(),
    ...host.observe(),
  });
  return {
    observe: () => ok(observe()),
    samples: () => ok(ingress.samples()),
    start: ({ replica, cell }) => {
      const started = host.start(replica, cell);
      return started.ok ? ok(null) : started;
    },
    stop: ({ replica, deadlineMs }) => {
      host.stop(replica, deadlineMs);
      return ok(null);
    },
    forget: ({ replicas }) => {
      host.forget(replicas);
      return ok(null);
    },
    publish: async (snapshot) => {
      // A candidate that its routes bring traffic to needs the grants that came with it.
      if (snapshot.grants && snapshot.generation >= ingress.generation) await host.broker.grant(snapshot.grants);
      const applied = ingress.apply(snapshot);
      // One of several: whoever connected before would have met one that serves nothing, beside others that do.
      if (applied.ok) await listen();
      return applied.ok ? ok({ generation: applied.value }) : applied;
    },
    inForce: () => ok(ingress.snapshot ?? null),
    records: ({ after }) => ok(host.broker.records.take(after)),
    stores: (order) => host.broker.carryOut(order),
    synthesize: (run) => {
      void ingress.synthesize(run);
      return ok(null);
    },
    fire: (firing) => {
      void ingress.firings.start(firing);
      return ok(null);
    },
    stopFiring: ({ firing }) => {
      ingress.firings.stop(firing);
      return ok(null);
    },
    forgetFirings: ({ firings }) => {
      ingress.firings.forget(firings);
      return ok(null);
    },
  };
}

/** Spawner and broker get no environment but their log level and threads, and log to our standard error. */
function forkChild(
  entry: string,
  config: EngineConfig,
  threads: { readonly UV_THREADPOOL_SIZE?: string } = {},
): ReturnType<typeof fork> {
  return fork(entry, [], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'],
    env: { HEADWAY_LOG_LEVEL: config.logLevel ?? 'info', ...threads },
    stdio: ['ignore', 'ignore', STDERR, 'ipc'],
  });
}

interface Parts {
  readonly config: EngineConfig;
  readonly log: Logger;
  readonly lock: DataLock;
  readonly ingress: Ingress;
  readonly host: Host;
  readonly link: LinkServer;
}

/** Clients first, then cells, then the spawner: each may only go when nobody needs it any more. */
async function shutDown({ config, log, lock, ingress, host, link }: Parts): Promise<void> {
  const deadlineMs = config.drainDeadlineMs ?? DEFAULT_DRAIN_DEADLINE_MS;
  log.info({ deadlineMs }, 'the engine shuts down');
  await ingress.close(deadlineMs);
  await link.close();
  await host.close(0);
  lock.release();
  log.info('the engine has shut down');
  process.exit(EXIT.Ok);
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= run());
}
