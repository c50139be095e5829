/** `wasi:keyvalue` and `wasi:config` of a real cell against a real broker, function by function. */
import { once } from 'node:events';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Grant } from '../../src/model/component.ts';
import { seatsOf } from '../../src/wire/broker-frames.ts';
import { Abort, REQUEST_IS_MIRRORED, ToCell, type Assignment } from '../../src/wire/frames.ts';
import { grant, TestBroker } from '../broker/support.ts';
import { assignmentOf, bundleOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { guest, TEXT } from './kit/guest.ts';
import { Peer } from './kit/peer.ts';
import { attachBroker } from './kit/seat.ts';

const CONCURRENCY = 4;
let bundle: TestBundle;
let peer: Peer;
let broker: TestBroker;

beforeAll(async () => {
  bundle = await exampleBundle('testbed-stored');
});
beforeEach(() => {
  broker = new TestBroker();
});
afterEach(async () => {
  await peer.close();
  broker.close();
});

async function start(grants: readonly Grant[], changes: Partial<Assignment> = {}): Promise<void> {
  peer = await Peer.start();
  await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY, ...changes }), bundle);
  attach(grants);
}

function attach(grants: readonly Grant[]): void {
  attachBroker(broker, peer, { component: 'shop/stored', concurrency: CONCURRENCY, grants });
}

async function ask(path: string, flags = 0): Promise<string> {
  const answer = await peer.ask(1, { path, flags });
  expect(answer).toMatchObject({ outcome: 'Ok', status: 200 });
  return answer.body.toString();
}

/** Each line is a path and what it should answer; gives those that answer something else. */
async function unlike(...lines: readonly (readonly [string, string])[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [path, wanted] of lines) {
    const answer = await ask(path);
    if (answer !== wanted) wrong.push(`${path}: ${answer}`);
  }
  return wrong;
}

describe('functions', () => {
  test('store', async () => {
    await start([grant('things')]);
    expect(
      await unlike(
        ['/open', 'ok'],
        ['/get?key=a', 'none'],
        ['/exists?key=a', 'false'],
        ['/set?key=a&value=1', 'ok'],
        ['/get?key=a', 'some 1'],
        ['/exists?key=a', 'true'],
        ['/set?key=a&value=', 'ok'],
        ['/get?key=a', 'some '],
        ['/set?key=b&fill=65536', 'ok'],
        ['/get?key=b&length=1', '65536'],
        ['/list-keys', '2 keys, cursor none: a b '],
        ['/delete?key=a', 'ok'],
        ['/delete?key=a', 'ok'],
        ['/get?key=a', 'none'],
        ['/list-keys', '1 keys, cursor none: b '],
      ),
    ).toEqual([]);
  });

  test('atomics', async () => {
    await start([grant('things')]);
    expect(
      await unlike(
        ['/increment?key=n', '1'],
        ['/increment?key=n&delta=41', '42'],
        ['/increment?key=n&delta=-43', '-1'],
        ['/get?key=n', 'some -1'],
        ['/set?key=n&value=many', 'ok'],
        ['/increment?key=n', 'other: the value is not a decimal number'],
        ['/set?key=n&value=9223372036854775807', 'ok'],
        ['/increment?key=n', 'other: the sum is beyond 64 bits'],
        ['/swap?key=new&value=1', 'swapped'],
        ['/swap?key=new&value=2', 'swapped'],
        ['/swap?key=new&value=3&meanwhile=other', 'too late, it was other; swapped'],
        ['/get?key=new', 'some 3'],
      ),
    ).toEqual([]);
  });

  test('batch', async () => {
    await start([grant('things')]);
    expect(
      await unlike(
        ['/set-many?keys=a,b,c&value=x', 'ok'],
        ['/get-many?keys=c,nope,a', 'c=x none a=x '],
        ['/delete-many?keys=a,nope,b', 'ok'],
        ['/get-many?keys=a,b,c', 'none none c=x '],
        ['/get-many?keys=', ''],
      ),
    ).toEqual([]);
  });

  test('config', async () => {
    await start([], {
      config: [
        ['currency', 'EUR'],
        ['empty', ''],
      ],
    });
    expect(
      await unlike(
        ['/config/get?key=currency', 'some EUR'],
        ['/config/get?key=empty', 'some '],
        ['/config/get?key=nope', 'none'],
        ['/config/get?key=toString', 'none'],
        ['/config/get-all', 'currency=EUR empty= '],
      ),
    ).toEqual([]);
  });
});

test('draft 1: numbers for cursors, and counting without a sign', async () => {
  // The status is 200, what was counted up to, and ten for each key that there is; a failure or a cursor makes it no status.
  const handle = `(i32.store (i32.const 600) (i32.const 0x6e696874)) (i32.store16 (i32.const 604) (i32.const 0x7367))
    (call $kv_open (i32.const 600) (i32.const 6) (i32.const 64)) (local.set $n (i32.load (i32.const 68)))
    (call $kv_increment (local.get $n) (i32.const 16) (i32.const 5) (i64.const 5) (i32.const 64))
    (call $kv_list (local.get $n) (i32.const 1) (i64.const 0) (i32.const 128))
    ${TEXT.respond}
    (drop (call $set_status (local.get $response)
      (i32.add (i32.add (i32.const 200) (i32.wrap_i64 (i64.load (i32.const 72))))
        (i32.add (i32.mul (i32.const 10) (i32.load (i32.const 140)))
          (i32.mul (i32.const 1000) (i32.add (i32.load8_u (i32.const 64)) (i32.add (i32.load8_u (i32.const 128)) (i32.load8_u (i32.const 144)))))))))
    ${TEXT.openBody} ${TEXT.hello} ${TEXT.closeBody} ${TEXT.set}`;
  const draft = await bundleOf(await guest({ handle }));
  expect(draft.imports).toContain('wasi:keyvalue/atomics@0.2.0-draft');
  peer = await Peer.start();
  await peer.load(assignmentOf(draft, { concurrency: CONCURRENCY }), draft);
  attach([grant('things')]);
  expect(await peer.ask(1)).toMatchObject({ status: 215 });
  expect(await peer.ask(1)).toMatchObject({ status: 220 });
});

describe('what is not granted', () => {
  test('gets the error of the interface', async () => {
    await start([grant('things', { access: 'ReadOnly' }), grant('mine', { keyPrefix: 'm/' })]);
    expect(
      await unlike(
        ['/open?store=others', 'access-denied'],
        ['/open?store=No%20such', 'no-such-store'],
        ['/set?key=a&value=1', 'access-denied'],
        ['/increment?key=a', 'access-denied'],
        ['/get?store=mine&key=a', 'access-denied'],
        ['/set?store=mine&key=m/a&value=1', 'ok'],
        ['/set-many?store=mine&keys=m/b,c&value=1', 'access-denied'],
        ['/list-keys?store=mine', '1 keys, cursor none: m/a '],
      ),
    ).toEqual([]);
    expect(broker.records()).toContain('Denied mine set-many mine/c ×1: the key is outside of keyPrefix');
  });

  test('a mirrored call reads and changes nothing', async () => {
    await start([grant('things')]);
    expect(await unlike(['/set?key=a&value=1', 'ok'])).toEqual([]);
    expect(await ask('/get?key=a', REQUEST_IS_MIRRORED)).toBe('some 1');
    expect(await ask('/set?key=a&value=2', REQUEST_IS_MIRRORED)).toBe('access-denied');
    expect(await ask('/delete?key=a', REQUEST_IS_MIRRORED)).toBe('access-denied');
    expect(await unlike(['/get?key=a', 'some 1'], ['/set?key=a&value=2', 'ok'])).toEqual([]);
    expect(broker.records()).toContain('Denied things set things/a ×1: a mirrored call changes nothing');
  });
});

describe('a broker that comes and goes', () => {
  test('questions before it is there wait for it, and give up', async () => {
    peer = await Peer.start();
    await peer.load(assignmentOf(bundle, { concurrency: CONCURRENCY }), bundle);
    const early = ask('/set?key=a&value=1');
    setTimeout(() => attach([grant('things')]), 50);
    expect(await early).toBe('ok');
    peer.writer.frame(ToCell.Broker, 0, Buffer.alloc(0));
    const startMs = performance.now();
    expect(await ask('/get?key=a')).toBe('other: the broker is not there');
    expect(performance.now() - startMs).toBeGreaterThan(1_900);
  });

  test('what it was asked when it ended fails, whatever comes after it is answered', async () => {
    await start([grant('things')]);
    expect(await unlike(['/set?key=a&value=1', 'ok'])).toEqual([]);
    // It reads no more: the question stays unanswered, half of an answer is on its way.
    peer.brokerEnd.removeAllListeners('data');
    peer.brokerEnd.on('data', () => undefined);
    const asked = once(peer.brokerEnd, 'data');
    peer.send(7, { path: '/get?key=a' });
    await asked;
    peer.brokerEnd.write(Buffer.from([200, 0, 0, 0, 1, 0, 0, 0, 0x50, 0]));
    attach([grant('things')]);
    const lost = await peer.answer(7);
    expect(lost.body.toString()).toBe('other: the broker ended while it was asked: it may have been done, or not');
    expect(await unlike(['/get?key=a', 'some 1'], ['/set?key=a&value=2', 'ok'], ['/get?key=a', 'some 2'])).toEqual([]);
  });

  test('a call that is ended while it asks ends at once, and its seat is used again', async () => {
    await start([grant('things')]);
    peer.brokerEnd.removeAllListeners('data');
    peer.brokerEnd.on('data', () => undefined);
    for (let id = 1; id <= CONCURRENCY; id++) peer.send(id, { path: '/get?key=a' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let id = 1; id <= CONCURRENCY; id++) peer.writer.numberFrame(ToCell.Cancel, id, Abort.Deadline, 1);
    for (let id = 1; id <= CONCURRENCY; id++) expect(await peer.answer(id)).toMatchObject({ outcome: 'Deadline' });
    attach([grant('things')]);
    for (let round = 0; round < 2 * seatsOf(CONCURRENCY); round++)
      expect(await unlike(['/get?key=a', 'none'])).toEqual([]);
  });
});
