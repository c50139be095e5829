/**
 * The spawner process: started by the engine with an IPC channel, ends with it. Small on purpose: a fork from here costs
 * the engine's event loop nothing.
 */
import type net from 'node:net';
import path from 'node:path';
import pino from 'pino';
import { closeInheritedDescriptors } from '../host/spawner/inherited.ts';
import type { FromSpawner, ToSpawner } from '../host/spawner/messages.ts';
import { SpawnerService } from '../host/spawner/service.ts';
import { servingLogSink } from './log-sink.ts';

const closed = closeInheritedDescriptors();
const log = pino({ name: 'spawner', level: process.env['HEADWAY_LOG_LEVEL'] ?? 'info' }, servingLogSink());
if (closed > 0) log.info({ closed }, 'closed descriptors that were left open by whoever started us');

// A terminal sends these to everybody in it. The spawner ends with the engine, however that ends.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);

let service: Promise<SpawnerService> | undefined;

process.on('message', (message: ToSpawner) => {
  if (message.type === 'configure') {
    const root = path.resolve(import.meta.dirname, '..');
    const source = { root, entry: path.join(import.meta.dirname, `cell${path.extname(import.meta.filename)}`) };
    service = SpawnerService.open(message.config, source, send, log);
    service.catch((error: unknown) => {
      log.fatal({ err: error }, 'the spawner could not start');
      process.exit(1);
    });
    return;
  }
  void service?.then((ready) => ready.handle(message));
});

process.on('disconnect', () => {
  void Promise.resolve(service)
    .then((ready) => ready?.endAll())
    .finally(() => process.exit(0));
});

/** With `keepOpen`, because the assignment is written from here after the engine has got the channel. */
function send(message: FromSpawner, channel?: net.Socket, sent?: () => void): void {
  if (!process.connected) return;
  process.send?.(message, channel, { keepOpen: true }, () => sent?.());
}
