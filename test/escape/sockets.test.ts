/**
 * Sockets towards what is not granted: names that turn, names that lead inside, addresses that were never asked for. A real
 * guest in C, a real broker, a real name server, real peers that say whether anybody came.
 */
import { describe, expect, it } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { NETWORK_ERRORS } from '../../src/wire/socket-frames.ts';
import { attachBroker } from '../cell/kit/seat.ts';
import { outside } from './outside.ts';

const DENIED = `!${NETWORK_ERRORS.indexOf('access-denied')}`;

const world = outside('testbed-sockets');

function seat(hosts: readonly string[], lookups: readonly string[] = []): void {
  const settings = { protocols: ['Tcp', 'Udp'], hosts, ports: [world.granted.port] };
  const grants: Grant[] = [{ name: 'peers', capability: 'sockets', settings, enforcement: 'Enforce' }];
  if (lookups.length > 0) {
    grants.push({ name: 'names', capability: 'nameLookup', settings: { hosts: lookups }, enforcement: 'Enforce' });
  }
  attachBroker(world.broker, world.peer, { component: 'shop/caller', concurrency: 4, grants });
}

async function run(...operations: readonly string[]): Promise<readonly string[]> {
  const answer = await world.peer.ask(1, { path: `/?do=${operations.join(';')}` });
  return answer.body.toString().split('\n').slice(0, operations.length);
}

/** What the last step of a connection says. */
async function connect(address: string): Promise<string> {
  return (await run('tcp,0,4', `start-connect,0,4.${address}.${world.granted.port}`, 'wait,0', 'finish-connect,0')).at(
    -1,
  )!;
}

const lookUp = async (name: string): Promise<string> =>
  (await run(`lookup,1,${name}`, 'lookup-wait,1', 'next,1', 'lookup-drop,1'))[2]!;

describe('a name', () => {
  it('that turns leads to no address that its grant does not hold', async () => {
    world.names.zone.set('turns.example', [['127.0.0.1'], ['127.0.0.2']]);
    seat(['turns.example', '127.0.0.1'], ['turns.example']);
    expect(await lookUp('turns.example')).toBe('4.127.0.0.1');
    expect(await connect('127.0.0.1')).toBe('ok');
    // The guest is told where the name leads now; what it may reach is another matter.
    expect(await lookUp('turns.example')).toBe('4.127.0.0.2');
    expect(await connect('127.0.0.2')).toBe(DENIED);
    expect([world.granted.seen.length, world.inside.seen.length]).toEqual([1, 0]);
    expect(world.broker.records().filter((line) => line.startsWith('Denied'))).toEqual([
      expect.stringMatching(/^Denied \S+ Tcp (?:turns\.example|127\.0\.0\.2):\d+ ×1/),
    ]);
  });

  it.each(['10.0.0.1', '169.254.169.254', '172.16.0.1', '192.168.0.1', '100.64.0.1', '127.0.0.2'])(
    'that leads to %s opens nothing there',
    async (address) => {
      world.names.zone.set('within.example', [[address]]);
      seat(['within.example'], ['within.example']);
      expect(await lookUp('within.example')).toBe(`4.${address}`);
      expect(await connect(address)).toBe(DENIED);
      expect(world.inside.seen).toEqual([]);
    },
  );

  it('of another component’s grant, or of none, is not asked about', async () => {
    world.names.zone.set('other.example', [['127.0.0.1']]);
    seat(['other.example'], ['mine.example', '*.granted.example']);
    for (const name of ['other.example', 'granted.example', 'x.granted.example.evil.example', 'xgranted.example']) {
      expect(await lookUp(name)).toBe(DENIED);
    }
    expect(world.names.asked).toEqual([]);
  });

  it('says nothing about an address that the broker did not find for it', async () => {
    world.names.zone.set('db.example', [['127.0.0.1']]);
    seat(['db.example'], ['db.example']);
    expect(await connect('93.184.216.34')).toBe(DENIED);
    expect(world.names.asked).toEqual([]);
  });
});
