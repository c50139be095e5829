/** Limits that the cell itself keeps to, by a real guest: at N nothing is told, at N + 1 it is, with how often. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Assignment, MemberAssignment } from '../../src/wire/frames.ts';
import { gatherLimits } from '../../src/cell/limits.ts';
import { assignmentOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { limitsOf, Peer } from './kit/peer.ts';

const MIB = 1024 * 1024;

let testbed: TestBundle;
let peer: Peer;
beforeAll(async () => {
  testbed = await exampleBundle('testbed');
});
afterEach(() => peer.close());

async function load(changes: Partial<Assignment & MemberAssignment>): Promise<void> {
  peer = await Peer.start();
  await peer.load(assignmentOf(testbed, changes), testbed);
}

async function get(path: string, id = 1): Promise<string> {
  return (await peer.ask(id, { path })).body.toString();
}

test('handles', async () => {
  await load({ instancePolicy: 'Pooled', handles: 32 });
  await get('/handles?count=16');
  expect(limitsOf(peer)).toEqual([]);
  expect((await peer.ask(1, { path: '/handles?count=33' })).outcome).toBe('Trap');
  await expect.poll(() => limitsOf(peer)).toEqual([['handles', 1]]);
  for (let call = 0; call < 3; call++) await peer.ask(1, { path: '/handles?count=33' });
  // The first at once, the others together.
  await expect
    .poll(() => limitsOf(peer), { timeout: 5_000 })
    .toEqual([
      ['handles', 1],
      ['handles', 3],
    ]);
});

test.each(['Pooled', 'PerRequest'] as const)('memory, of an instance of %s', async (instancePolicy) => {
  await load({ instancePolicy, memoryBytes: 8 * MIB });
  await get(`/memory?bytes=${MIB}`);
  expect(limitsOf(peer)).toEqual([]);
  await get(`/memory?bytes=${64 * MIB}`);
  await expect.poll(() => limitsOf(peer)).toEqual([['memory', 1]]);
});

test('instances: not as many as there are, and one more; unless written it is no limit of its own', async () => {
  await load({ instancePolicy: 'Pooled', concurrency: 8, instances: 2 });
  peer.send(1, { path: '/sleep?ms=300' });
  peer.send(2, { path: '/sleep?ms=300' });
  await Promise.all([peer.answer(1), peer.answer(2)]);
  expect(limitsOf(peer)).toEqual([]);
  for (const id of [1, 2, 3]) peer.send(id, { path: '/sleep?ms=300' });
  await peer.answer(3);
  await expect.poll(() => limitsOf(peer)).toEqual([['instances', 1]]);
  await peer.close();
  await load({ instancePolicy: 'Pooled', concurrency: 1 });
  for (const id of [1, 2]) peer.send(id, { path: '/sleep?ms=50' });
  await peer.answer(2);
  expect(limitsOf(peer)).toEqual([]);
});

test('requestsPerInstance', async () => {
  await load({ instancePolicy: 'Pooled', requestsPerInstance: 3 });
  for (let call = 0; call < 2; call++) await get('/calls');
  expect(limitsOf(peer)).toEqual([]);
  await get('/calls');
  await expect.poll(() => limitsOf(peer)).toEqual([['requestsPerInstance', 1]]);
});

test('what nobody hits again is not told again', async () => {
  const told: unknown[][] = [];
  const tell = gatherLimits((...said) => told.push(said));
  tell('handles');
  tell('memory');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect(told).toEqual([
    ['handles', 1],
    ['memory', 1],
  ]);
  tell('handles');
  expect(told).toHaveLength(3);
  await load({});
});
