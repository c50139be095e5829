/**
 * What a guest finds outside of its cell: a real broker, a real name server, a peer that may be granted and one at another
 * inside address with the same port.
 */
import { promises as dns } from 'node:dns';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { TestBroker } from '../broker/support.ts';
import { assignmentOf, exampleBundle, type TestBundle } from '../cell/kit/bundle.ts';
import { Peer } from '../cell/kit/peer.ts';
import { RawUpstream } from './kit.ts';
import { NameServer } from './name-server.ts';

export interface Outside {
  readonly names: NameServer;
  /** At 127.0.0.1. */
  readonly granted: RawUpstream;
  /** At 127.0.0.2. */
  readonly inside: RawUpstream;
  readonly broker: TestBroker;
  /** The cell, loaded and without a seat. */
  readonly peer: Peer;
}

/** Set up for each test of the file, in which its fields are there. */
export function outside(example: string): Outside {
  const world: { -readonly [Field in keyof Outside]?: Outside[Field] } = {};
  let bundle: TestBundle;
  beforeAll(async () => {
    bundle = await exampleBundle(example);
    world.names = await NameServer.open();
    world.granted = await RawUpstream.open('127.0.0.1');
    world.inside = await RawUpstream.open('127.0.0.2', world.granted.port);
  });
  afterAll(() => {
    world.names?.close();
    world.granted?.close();
    world.inside?.close();
  });
  beforeEach(async () => {
    const { names, granted, inside } = world as Outside;
    names.asked.length = 0;
    granted.seen.length = 0;
    inside.seen.length = 0;
    const resolver = new dns.Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([names.address]);
    const resolve = async (name: string) => (await resolver.resolve4(name)).map((address) => ({ address, family: 4 }));
    world.broker = new TestBroker({ http: { maxBodyBytes: 1024 * 1024 }, resolve });
    world.peer = await Peer.start();
    await world.peer.load(assignmentOf(bundle, { concurrency: 4 }), bundle);
  });
  afterEach(async () => {
    await world.peer?.close();
    world.broker?.close();
  });
  return world as Outside;
}
