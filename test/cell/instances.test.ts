/** Which instance serves which call: `Pooled`, `PerRequest`, `Singleton`, and what a failed second call changes. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Abort, FromCell } from '../../src/wire/frames.ts';
import type { Assignment, WarmUpCall } from '../../src/wire/frames.ts';
import { MAX_LATE_SECOND_CALLS } from '../../src/cell/reuse.ts';
import { assignmentOf, bundleOf, exampleBundle, type TestBundle, warmUpOf } from './kit/bundle.ts';
import { ANSWER, guest } from './kit/guest.ts';
import { Peer } from './kit/peer.ts';

let testbed: TestBundle;
/** Made for one call each: the second one on an instance traps. */
let oneShot: TestBundle;
/** So is this: it never comes back from it. */
let hanging: TestBundle;
beforeAll(async () => {
  testbed = await exampleBundle('testbed');
  oneShot = await bundleOf(
    await guest({ handle: `(if (i32.gt_u (global.get $calls) (i32.const 1)) (then unreachable)) ${ANSWER}` }),
  );
  const wait = '(call $block (call $sleep (i64.const 600000000000)))';
  hanging = await bundleOf(
    await guest({ handle: `(if (i32.gt_u (global.get $calls) (i32.const 1)) (then ${wait})) ${ANSWER}` }),
  );
});

async function loaded(bundle: TestBundle, changes: Partial<Assignment>): Promise<Peer> {
  const peer = await Peer.start();
  await peer.load(assignmentOf(bundle, changes), bundle);
  return peer;
}

/** What `GET /calls` says: the how manieth call of its instance this was. */
async function calls(peer: Peer, id = 1): Promise<number> {
  return Number((await peer.ask(id, { path: '/calls' })).body.toString());
}

/** What the engine heard, since it was loaded, of calls that are one for each instance. */
function perRequest({ frames }: Peer): string[] {
  return frames.filter(({ type }) => type === FromCell.PerRequest).map(({ payload }) => payload.toString());
}

/** A call that waits, ended from outside. */
async function endAtDeadline(peer: Peer, path: string): Promise<void> {
  const from = peer.frames.length;
  peer.send(1, { path });
  peer.cancel(1, Abort.Deadline);
  expect((await peer.answer(1, from)).outcome).toBe('Deadline');
}

describe('policies', () => {
  test('Pooled: one after the other, all by one instance', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled' });
    expect([await calls(peer), await calls(peer), await calls(peer)]).toEqual([1, 2, 3]);
    await peer.close();
  });

  test('Pooled: a burst that does not wait runs on one instance too', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', concurrency: 8 });
    for (let id = 1; id <= 8; id++) peer.send(id, { path: '/calls' });
    const numbers = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map(async (id) => Number((await peer.answer(id)).body.toString())),
    );
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await peer.close();
  });

  test('Pooled: calls that wait do so side by side, up to the concurrency; the next one queues', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', concurrency: 2 });
    peer.send(1, { path: '/sleep?ms=600000' });
    peer.send(2, { path: '/sleep?ms=600000' });
    peer.send(3, { path: '/healthz' });
    peer.send(4, { path: '/healthz' });
    // Ended in the queue, before a guest ever saw it.
    peer.cancel(4, Abort.Deadline);
    expect((await peer.answer(4)).outcome).toBe('Deadline');
    expect(peer.frames.some((frame) => frame.id === 3)).toBe(false);
    peer.cancel(1, Abort.Deadline);
    expect((await peer.answer(3)).status).toBe(200);
    expect((await peer.answer(1)).outcome).toBe('Deadline');
    expect(peer.frames.some((frame) => frame.id === 2)).toBe(false);
    await peer.close();
  });

  test('requestsPerInstance: so many calls by one instance, and the next one by another', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', requestsPerInstance: 3 });
    const numbers: number[] = [];
    for (let call = 0; call < 7; call++) numbers.push(await calls(peer));
    expect(numbers).toEqual([1, 2, 3, 1, 2, 3, 1]);
    await peer.close();
  });

  test('instances: so many calls wait side by side; one more waits for an instance', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', concurrency: 8, instances: 2 });
    peer.send(1, { path: '/sleep?ms=600000' });
    peer.send(2, { path: '/sleep?ms=600000' });
    peer.send(3, { path: '/calls' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(peer.frames.some((frame) => frame.id === 3)).toBe(false);
    peer.cancel(1, Abort.Deadline);
    expect((await peer.answer(3)).body.toString()).toBe('1\n');
    await peer.close();
  });

  test('PerRequest: every call is the first', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'PerRequest' });
    expect([await calls(peer), await calls(peer), await calls(peer)]).toEqual([1, 1, 1]);
    await peer.close();
  });

  test('Singleton: one instance, calls in the order of their arrival', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Singleton', concurrency: 8 });
    peer.send(1, { path: '/sleep?ms=30' });
    for (let id = 2; id <= 5; id++) peer.send(id, { path: '/calls' });
    const numbers = await Promise.all([2, 3, 4, 5].map(async (id) => Number((await peer.answer(id)).body.toString())));
    expect(numbers).toEqual([2, 3, 4, 5]);
    await peer.close();
  });

  test.each(['/trap', '/exit', '/recurse'])('after %s the instance is never used again', async (path) => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled' });
    expect([await calls(peer), await calls(peer)]).toEqual([1, 2]);
    expect((await peer.ask(1, { path })).outcome).toBe('Trap');
    expect(await calls(peer)).toBe(1);
    await peer.close();
  });

  test('a hundred deadlines cost no place: each ended guest is brought down', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', concurrency: 2 });
    for (let round = 0; round < 100; round++) {
      const from = peer.frames.length;
      peer.send(1, { path: '/sleep?ms=600000' });
      expect((await peer.ask(2, { path: '/healthz' })).status).toBe(200);
      peer.cancel(1, Abort.Deadline);
      expect((await peer.answer(1, from)).outcome).toBe('Deadline');
    }
    await peer.close();
  });

  test('memory that an instance takes goes with it when it is over the limit', async () => {
    const peer = await loaded(testbed, { instancePolicy: 'Pooled', memoryBytes: 64 * 1024 * 1024 });
    const took = Number((await peer.ask(1, { path: '/memory?bytes=1048576' })).body.toString());
    expect(took).toBeGreaterThanOrEqual(1_048_576);
    expect(await calls(peer)).toBe(2);
    await peer.close();
  });
});

describe('a guest made for one call', () => {
  test('the warm-up finds out: Loaded says PerRequest and why, and every call succeeds', async () => {
    const peer = await Peer.start();
    const loaded = await peer.load(assignmentOf(oneShot, { warmUp: warmUpOf('/healthz') }), oneShot);
    expect(loaded).toMatchObject({ instancePolicy: 'PerRequest', why: expect.stringContaining('unreachable') });
    for (let call = 0; call < 5; call++) expect((await peer.ask(1)).status).toBe(200);
    await peer.close();
  });

  test('a second call that never comes back: PerRequest, and every call succeeds', async () => {
    const peer = await Peer.start();
    const loaded = await peer.load(assignmentOf(hanging, { warmUp: warmUpOf('/healthz') }), hanging);
    expect(loaded).toMatchObject({
      instancePolicy: 'PerRequest',
      why: 'a second call on one instance did not end in time',
    });
    for (let call = 0; call < 5; call++) expect((await peer.ask(1)).status).toBe(200);
    await peer.close();
  });

  test('without a path to ask, the first second call finds out, and the engine hears of it', async () => {
    const peer = await Peer.start();
    expect(await peer.load(assignmentOf(oneShot), oneShot)).toMatchObject({
      instancePolicy: 'Pooled',
      why: expect.stringContaining('was tried before the first request: no readiness probe asks for a path'),
    });
    const outcomes: string[] = [];
    for (let call = 0; call < 5; call++) outcomes.push((await peer.ask(1)).outcome);
    expect(outcomes).toEqual(['Ok', 'Trap', 'Ok', 'Ok', 'Ok']);
    expect(peer.log(3)).toContain('PerRequest');
    expect(perRequest(peer)).toEqual([expect.stringMatching(/^a second call on one instance failed: .*unreachable/)]);
    await peer.close();
  });

  test('without a path to ask, the third second call past its deadline finds out', async () => {
    const peer = await loaded(hanging, {});
    for (let late = 0; late < MAX_LATE_SECOND_CALLS; late++) {
      expect((await peer.ask(1)).outcome).toBe('Ok');
      expect(perRequest(peer)).toEqual([]);
      await endAtDeadline(peer, '/');
    }
    expect(perRequest(peer)).toEqual(['a second call on one instance did not end in time']);
    for (let call = 0; call < 3; call++) expect((await peer.ask(1)).status).toBe(200);
    await peer.close();
  });

  test('what is slow the first time, or after a second call came back, is not judged', async () => {
    const peer = await loaded(testbed, {});
    for (let late = 0; late < MAX_LATE_SECOND_CALLS; late++) await endAtDeadline(peer, '/sleep?ms=600000');
    expect([await calls(peer), await calls(peer)]).toEqual([1, 2]);
    for (let late = 0; late < MAX_LATE_SECOND_CALLS; late++) {
      await calls(peer);
      await endAtDeadline(peer, '/sleep?ms=600000');
    }
    expect(perRequest(peer)).toEqual([]);
    expect([await calls(peer), await calls(peer)]).toEqual([1, 2]);
    await peer.close();
  });

  test('Singleton stays what it was asked to be', async () => {
    const peer = await Peer.start();
    expect(
      await peer.load(assignmentOf(oneShot, { warmUp: warmUpOf('/'), instancePolicy: 'Singleton' }), oneShot),
    ).toMatchObject({ instancePolicy: 'Singleton' });
    expect((await peer.ask(1)).outcome).toBe('Ok');
    expect((await peer.ask(1)).outcome).toBe('Trap');
    await peer.close();
  });

  test('a warm-up that takes long is not judged', async () => {
    const peer = await Peer.start();
    expect(await peer.load(assignmentOf(testbed, { warmUp: warmUpOf('/sleep?ms=600000') }), testbed)).toMatchObject({
      instancePolicy: 'Pooled',
      why: expect.stringContaining('the first call of the warm-up did not succeed in time'),
    });
    expect((await peer.ask(1, { path: '/healthz' })).status).toBe(200);
    await peer.close();
  });

  test('a guest that works for many keeps its instances through the warm-up', async () => {
    const peer = await Peer.start();
    const said = await peer.load(assignmentOf(testbed, { warmUp: warmUpOf('/healthz') }), testbed);
    expect(said).toMatchObject({ instancePolicy: 'Pooled', isProven: true, isReady: true });
    expect(said.why).toBeUndefined();
    expect(await calls(peer)).toBe(3);
    await peer.close();
  });
});

describe('the first call as an answer to the readiness probe', () => {
  async function said(
    bundle: TestBundle,
    path: string,
    changes: Partial<WarmUpCall> = {},
    more: Partial<Assignment> = {},
  ) {
    const peer = await Peer.start();
    const warmUp = warmUpOf(path, { proves: false, ...changes });
    const told = await peer.load(assignmentOf(bundle, { warmUp, ...more }), bundle);
    return { peer, told };
  }

  test.each(['Pooled', 'Singleton'] as const)(
    'is made once where nothing is to be proven: %s',
    async (instancePolicy) => {
      const { peer, told } = await said(testbed, '/healthz', {}, { instancePolicy });
      expect(told).toMatchObject({ instancePolicy, isReady: true, isProven: false });
      expect(await calls(peer)).toBe(2);
      await peer.close();
    },
  );

  test('PerRequest: it has had its instance, and the next call a new one', async () => {
    const { peer, told } = await said(oneShot, '/healthz', {}, { instancePolicy: 'PerRequest' });
    expect(told).toMatchObject({ isReady: true, isProven: false });
    expect((await peer.ask(1)).status).toBe(200);
    await peer.close();
  });

  test('what traps the second time was ready, and is not proven', async () => {
    const { peer, told } = await said(oneShot, '/healthz', { proves: true });
    expect(told).toMatchObject({ instancePolicy: 'PerRequest', isReady: true, isProven: false });
    await peer.close();
  });

  test('what has trapped before stays unproven: the first second call decides still', async () => {
    const { peer } = await said(oneShot, '/healthz');
    const outcomes: string[] = [];
    for (let call = 0; call < 3; call++) outcomes.push((await peer.ask(1)).outcome);
    expect(outcomes).toEqual(['Trap', 'Ok', 'Ok']);
    await peer.close();
  });

  test.each([
    ['/status?code=399', true],
    ['/status?code=400', false],
    ['/status?code=503', false],
    ['/trap', false],
    ['/trap-after-head', false],
    ['/no-response', false],
    ['/sleep?ms=600000', false],
  ])('%s: ready %s', async (path, isReady) => {
    // What answers may take its time: nothing else of these is to be late.
    const { peer, told } = await said(testbed, path, path.startsWith('/sleep') ? { timeoutMs: 100 } : {});
    expect(told).toMatchObject({ isReady, instancePolicy: 'Pooled' });
    expect((await peer.ask(1, { path: '/healthz' })).status).toBe(200);
    await peer.close();
  });
});
