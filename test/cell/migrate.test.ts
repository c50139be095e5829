/** `headway:component/migrate` of a real cell against a real broker: when it is called, with what, and what its ends become. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FromCell, type Assignment, type Loaded } from '../../src/wire/frames.ts';
import { grant, TestBroker } from '../broker/support.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { Peer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const EDITION = '20261128T120000000Z-111111111111';
let bundle: TestBundle;
let plain: TestBundle;
let peer: Peer;
let broker: TestBroker;

beforeAll(async () => {
  bundle = await exampleBundle('testbed-migrates');
  plain = await exampleBundle('testbed-stored');
});
beforeEach(() => {
  broker = new TestBroker();
});
afterEach(async () => {
  await peer.close();
  broker.close();
});

/** A cell that is told to migrate, with a broker from the start. */
async function assign(changes: Partial<Assignment>, of = bundle): Promise<void> {
  peer = await Peer.start();
  peer.assign(assignmentOf(of, { startTimeoutMs: 20_000, ...changes }), of);
  attachBroker(broker, peer, {
    component: 'shop/notes',
    concurrency: 32,
    grants: [grant('notes')],
    own: { stores: ['notes'], edition: EDITION },
  });
}

const loaded = async (): Promise<Loaded> =>
  JSON.parse((await peer.frame(FromCell.Loaded, 0)).payload.toString()) as Loaded;
const failed = async (): Promise<string> =>
  (JSON.parse((await peer.frame(FromCell.LoadFailed, 0)).payload.toString()) as { message: string }).message;
const told = async (): Promise<string> =>
  (await peer.ask(1, { path: '/get?store=notes&key=migrated-from' })).body.toString();

describe('migrate', () => {
  test.each([
    [{ from: '1', timeoutMs: 10_000 }, 'some 1'],
    [{ timeoutMs: 10_000 }, 'some none'],
  ])('of %o is called once before anything else, and writes to the edition of the cell', async (migrate, wanted) => {
    await assign({ migrate });
    expect((await loaded()).migrateMs).toBeGreaterThan(0);
    expect(await told()).toBe(wanted);
    expect(broker.records().filter((line) => line.startsWith('Denied'))).toEqual([]);
  });

  test('is not called where nothing is to be migrated', async () => {
    await assign({});
    expect((await loaded()).migrateMs).toBeUndefined();
    expect(await told()).toBe('none');
  });

  test.each([
    ['fail', 10_000, /^HostTrap: migrate: MIGRATE=fail$/],
    ['trap', 10_000, /^HostTrap: migrate: RuntimeError: .*unreachable/],
    ['wait', 200, /migrate took longer than 200 ms/],
  ] as const)('that ends by %s is the end of the start, in its own words', async (how, timeoutMs, says) => {
    await assign({ migrate: { from: '1', timeoutMs }, env: [['MIGRATE', how]] });
    expect(await failed()).toMatch(says);
  });

  test('has time of its own, beside that of the start', async () => {
    await assign({ startTimeoutMs: 900, migrate: { timeoutMs: 20_000 }, env: [['MIGRATE', 'slow']] });
    expect((await loaded()).migrateMs).toBeGreaterThan(900);
  });

  test('of a component that does not export it fails', async () => {
    await assign({ migrate: { timeoutMs: 1_000 } }, plain);
    expect(await failed()).toContain('does not export headway:component/migrate');
  });
});
