/**
 * Addresses by every spelling, and names that lead elsewhere from one question to the next: a real guest, a real broker, a
 * real name server. Which isolation the guest has makes no difference here: the broker is another process.
 */
import { promises as dns } from 'node:dns';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { TestBroker } from '../broker/support.ts';
import { assignmentOf, exampleBundle, type TestBundle } from '../cell/kit/bundle.ts';
import { Peer } from '../cell/kit/peer.ts';
import { attachBroker } from '../cell/kit/seat.ts';
import { RawUpstream } from './kit.ts';
import { NameServer } from './name-server.ts';

const REQUEST_DENIED = 'error 15 ';
const PROHIBITED = 'error 4 ';
const NOT_FOUND = 'error 2 ';

let bundle: TestBundle;
let names: NameServer;
let granted: RawUpstream;
let inside: RawUpstream;
let broker: TestBroker;
let peer: Peer;

beforeAll(async () => {
  bundle = await exampleBundle('testbed-outbound');
  names = await NameServer.open();
  granted = await RawUpstream.open('127.0.0.1');
  inside = await RawUpstream.open('127.0.0.2', granted.port);
});
afterAll(() => {
  names.close();
  granted.close();
  inside.close();
});
beforeEach(async () => {
  names.asked.length = 0;
  granted.seen.length = 0;
  inside.seen.length = 0;
  const resolver = new dns.Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([names.address]);
  const resolve = async (name: string) => (await resolver.resolve4(name)).map((address) => ({ address, family: 4 }));
  broker = new TestBroker({ http: { maxBodyBytes: 1024 * 1024, resolve } });
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { concurrency: 4 }), bundle);
});
afterEach(async () => {
  await peer.close();
  broker.close();
});

function seat(hosts: readonly string[]): void {
  const settings = { hosts, schemes: ['http'], ports: [granted.port] };
  const web: Grant = { name: 'web', capability: 'outboundHttp', settings, enforcement: 'Enforce' };
  attachBroker(broker, peer, { component: 'shop/caller', concurrency: 4, grants: [web] });
}

const ask = async (host: string): Promise<string> =>
  (await peer.ask(1, { path: `/send?to=${host}:${granted.port}` })).body.toString();

describe('a name', () => {
  it('is looked up once for each request, and what is connected to is what was judged', async () => {
    names.zone.set('turns.example', [['127.0.0.1'], ['127.0.0.2']]);
    seat(['turns.example', '127.0.0.1']);
    expect(await ask('turns.example')).toMatch(/^200\n/);
    expect([names.asked, granted.seen.length, inside.seen.length]).toEqual([['turns.example'], 1, 0]);
    expect(await ask('turns.example')).toBe(PROHIBITED);
    expect([names.asked.length, granted.seen.length, inside.seen.length]).toEqual([2, 1, 0]);
    expect(broker.records()).toEqual([
      expect.stringMatching(/^Allowed web GET http:\/\/turns\.example:\d+ ×1/),
      expect.stringMatching(/^Denied - GET http:\/\/turns\.example:\d+ ×1: turns\.example leads to 127\.0\.0\.2/),
    ]);
  });

  it('that leads to a granted address and to another is refused whole', async () => {
    names.zone.set('both.example', [['127.0.0.1', '127.0.0.2']]);
    seat(['both.example', '127.0.0.1']);
    expect(await ask('both.example')).toBe(PROHIBITED);
    expect([granted.seen.length, inside.seen.length]).toEqual([0, 0]);
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
    names.zone.set('within.example', [[address]]);
    seat(['within.example']);
    expect(await ask('within.example')).toBe(PROHIBITED);
    expect(broker.records()).toEqual([expect.stringContaining(`leads to ${address}`)]);
  });

  it('that nobody granted is never asked about', async () => {
    names.zone.set('other.example', [['127.0.0.1']]);
    seat(['127.0.0.1', '*.granted.example']);
    for (const name of ['other.example', 'granted.example', 'x.granted.example.evil.example', 'xgranted.example']) {
      expect(await ask(name)).toBe(REQUEST_DENIED);
    }
    expect(names.asked).toEqual([]);
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
    expect([inside.seen.length, granted.seen.length, names.asked.length]).toEqual([0, 0, 0]);
  });
});

describe('a granted address, by another spelling', () => {
  it.each(['127.0.0.1', '127.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]'])(
    '%s is that address',
    async (spelling) => {
      seat(['127.0.0.1']);
      expect(await ask(spelling)).toMatch(/^200\n/);
      expect(granted.seen.length).toBe(1);
    },
  );
});
