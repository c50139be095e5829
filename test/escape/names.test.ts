/**
 * Addresses by every spelling, and names that lead elsewhere from one question to the next: a real guest, a real broker, a
 * real name server. Which isolation the guest has makes no difference here: the broker is another process.
 */
import { describe, expect, it } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { attachBroker } from '../cell/kit/seat.ts';
import { outside } from './outside.ts';

const REQUEST_DENIED = 'error 15 ';
const PROHIBITED = 'error 4 ';
const NOT_FOUND = 'error 2 ';

const world = outside('testbed-outbound');

function seat(hosts: readonly string[]): void {
  const settings = { hosts, schemes: ['http'], ports: [world.granted.port] };
  const web: Grant = { name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' };
  attachBroker(world.broker, world.peer, { component: 'shop/caller', concurrency: 4, grants: [web] });
}

const ask = async (host: string): Promise<string> =>
  (await world.peer.ask(1, { path: `/send?to=${host}:${world.granted.port}` })).body.toString();

describe('a name', () => {
  it('is looked up once for each request, and what is connected to is what was judged', async () => {
    world.names.zone.set('turns.example', [['127.0.0.1'], ['127.0.0.2']]);
    seat(['turns.example', '127.0.0.1']);
    expect(await ask('turns.example')).toMatch(/^200\n/);
    expect([world.names.asked, world.granted.seen.length, world.inside.seen.length]).toEqual([['turns.example'], 1, 0]);
    expect(await ask('turns.example')).toBe(PROHIBITED);
    expect([world.names.asked.length, world.granted.seen.length, world.inside.seen.length]).toEqual([2, 1, 0]);
    expect(world.broker.records()).toEqual([
      expect.stringMatching(/^Allowed web GET http:\/\/turns\.example:\d+ ×1/),
      expect.stringMatching(/^Denied - GET http:\/\/turns\.example:\d+ ×1: turns\.example leads to 127\.0\.0\.2/),
    ]);
  });

  it('that leads to a granted address and to another is refused whole', async () => {
    world.names.zone.set('both.example', [['127.0.0.1', '127.0.0.2']]);
    seat(['both.example', '127.0.0.1']);
    expect(await ask('both.example')).toBe(PROHIBITED);
    expect([world.granted.seen.length, world.inside.seen.length]).toEqual([0, 0]);
  });

  it.each([
    '10.0.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '192.168.0.1',
    '100.64.0.1',
    '0.0.0.0',
    '127.9.9.9',
    '224.0.0.1',
  ])('that leads to %s is prohibited', async (address) => {
    world.names.zone.set('within.example', [[address]]);
    seat(['within.example']);
    expect(await ask('within.example')).toBe(PROHIBITED);
    expect(world.broker.records()).toEqual([expect.stringContaining(`leads to ${address}`)]);
  });

  it('that nobody granted is never asked about', async () => {
    world.names.zone.set('other.example', [['127.0.0.1']]);
    seat(['127.0.0.1', '*.granted.example']);
    for (const name of ['other.example', 'granted.example', 'x.granted.example.evil.example', 'xgranted.example']) {
      expect(await ask(name)).toBe(REQUEST_DENIED);
    }
    expect(world.names.asked).toEqual([]);
  });

  it('that there is not is not found', async () => {
    seat(['nowhere.example']);
    expect(await ask('nowhere.example')).toBe(NOT_FOUND);
  });
});

describe('an address that is not granted, by another spelling', () => {
  it.each([
    '127.0.0.2',
    '127.2',
    '2130706434',
    '0x7f000002',
    '0x7f.0.0.2',
    '0177.0.0.2',
    '127.0.0.2.',
    '[::ffff:127.0.0.2]',
    '[::ffff:7f00:2]',
    '[0:0:0:0:0:ffff:7f00:0002]',
    '%31%32%37.0.0.2',
    '127。0。0。2',
    'localhost',
    'LOCALHOST.',
  ])('%s', async (spelling) => {
    seat(['127.0.0.1', 'up.example']);
    const answer = await ask(encodeURI(spelling).replace('%25', '%'));
    expect(answer).toMatch(/^error (?:15|19) /);
    expect([world.inside.seen.length, world.granted.seen.length, world.names.asked.length]).toEqual([0, 0, 0]);
  });
});

describe('a granted address, by another spelling', () => {
  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]'])(
    '%s is that address',
    async (spelling) => {
      seat(['127.0.0.1']);
      expect(await ask(spelling)).toMatch(/^200\n/);
      expect(world.granted.seen.length).toBe(1);
    },
  );
});
