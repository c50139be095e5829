/** The cell's end of a channel to a broker of a test, for tests that say on it what they like. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import type { EntryKey, Grant } from '../../src/model/component.ts';
import { DEFAULT_FILES, DEFAULT_SOCKETS } from '../../src/model/limits.ts';
import type { TestBroker } from './support.ts';

export interface ChannelOptions {
  readonly grants: readonly Grant[];
  readonly seats: number;
  /** Whether it says its token, and hears it back. */
  readonly greets?: boolean;
  /** Is given the broker's end. */
  readonly onFar?: (far: net.Socket) => void;
  /** Of the cell, the entry first. */
  readonly members?: readonly EntryKey[];
}

/** As a component has that does not say. */
const MOST = { sockets: DEFAULT_SOCKETS, files: DEFAULT_FILES };

let cells = 0;

export async function openChannel(
  to: TestBroker,
  { grants, seats, greets = true, members, onFar }: ChannelOptions,
): Promise<net.Socket> {
  const token = randomBytes(16);
  const server = net.createServer();
  const address = path.join(to.folder, `s${++cells}`);
  server.listen(address);
  await once(server, 'listening');
  const near = net.connect(address);
  const [far] = (await once(server, 'connection')) as [net.Socket];
  server.close();
  onFar?.(far);
  const cell = { cell: cells, replica: 'r', component: 'shop/cart', group: 'shop/cart@1' } as const;
  to.broker.attach(
    { ...cell, ...(members ? { members } : {}), grants, seats, most: MOST, token: token.toString('hex') },
    far,
  );
  if (greets) {
    near.write(token);
    await once(near, 'readable');
    near.read(16);
  }
  near.on('error', () => undefined);
  return near;
}
