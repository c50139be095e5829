/**
 * The broker process: started by the engine with an IPC channel, ends with it, and is started again when it dies. It gets
 * the cells' channels by descriptor passing, so it needs no address and nobody can knock.
 */
import { lookup } from 'node:dns/promises';
import type net from 'node:net';
import { pino } from 'pino';
import { Broker } from '../broker/broker.ts';
import { socketPath } from '../host/socket-path.ts';
import type { FromBrokerProcess, ToBrokerProcess } from '../wire/broker-link.ts';
import { servingLogSink } from './log-sink.ts';

/** Counts that are due leave at the latest so long after their minute. */
const DRAIN_PERIOD_MS = 1_000;
/** Of a body that a guest sends or is sent; it streams, so this bounds time and traffic, not memory. */
const MAX_HTTP_BODY_BYTES = 1024 ** 3;

const log = pino({ name: 'broker', level: process.env['HEADWAY_LOG_LEVEL'] ?? 'info' }, servingLogSink());

// What it writes is what tenants keep.
process.umask(0o077);
// A terminal sends these to everybody in it. The broker ends with the engine, however that ends.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);

/** Sockets whose path is too long for the kernel, by a descriptor of their folder that is kept. */
const reached = new Map<string, string>();
let broker: Broker | undefined;
let scheduled = false;

process.on('message', (message: ToBrokerProcess, handle: unknown) => {
  switch (message.type) {
    case 'configure':
      broker = new Broker({
        storesFolder: message.config.storesFolder,
        volumesFolder: message.config.volumesFolder,
        wallMs: () => Date.now(),
        monotonicMs: () => performance.now(),
        http: {
          maxBodyBytes: MAX_HTTP_BODY_BYTES,
          reachable,
        },
        resolve: (name) => lookup(name, { all: true }),
        onRecords: drainSoon,
        onViolation: (cell, why) => send({ type: 'violation', cell, why }),
        onStoreFailure: (store, err) => log.error({ store, err }, 'a store cannot be used'),
        onVolumeFailure: (volume, err) => log.error({ volume, err }, 'a volume cannot be used'),
      });
      setInterval(() => drain(false), DRAIN_PERIOD_MS).unref();
      return send({ type: 'ready' });
    case 'grants':
      broker?.grant(message.grants);
      return send({ type: 'granted', id: message.id });
    case 'cell':
      // A descriptor whose other end is closed is dropped on the way: the cell is gone.
      if (handle) broker?.attach(message.cell, handle as net.Socket);
      return;
    case 'gone':
      return broker?.detach(message.cell);
    case 'stores':
      return void broker?.carryOut(message.order).then((result) => send({ type: 'stores', id: message.id, result }));
  }
});

process.on('disconnect', () => {
  broker?.close();
  process.exit(0);
});

function reachable(file: string): string {
  const known = reached.get(file) ?? socketPath(file).path;
  reached.set(file, known);
  return known;
}

function drainSoon(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    drain(false);
  });
}

function drain(all: boolean): void {
  const records = broker?.drain(all) ?? [];
  if (records.length > 0) send({ type: 'records', records });
  for (const { cell, name, count } of broker?.drainLimits() ?? []) send({ type: 'limit', cell, limit: name, count });
  for (const { cell, name, count } of broker?.drainDropped() ?? [])
    send({ type: 'dropped', cell, reason: name, count });
}

function send(message: FromBrokerProcess): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined);
}
