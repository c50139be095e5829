/** Limits that the cell itself keeps to, by a real guest: at N nothing is told, at N + 1 it is, with how often. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Assignment, MemberAssignment } from '../../src/wire/frames.ts';
import { gatherLimits } from '../../src/cell/limits.ts';
import { FORM_LIMITS } from '../../src/component/binary/limits.ts';
import { assignmentOf, bundleOf, exampleBundle, type TestBundle } from './kit/bundle.ts';
import { REQUEST_IS_TYPED } from '../../src/wire/frames.ts';
import { fromText } from '../component/support.ts';
import { ANSWER, guestOfMany } from './kit/guest.ts';
import { limitsOf, Peer } from './kit/peer.ts';

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
  const counts = (): number[] => limitsOf(peer).map(([, count]) => count);
  await expect.poll(() => counts().reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(counts()[0]).toBe(1);
  expect(counts().length).toBeLessThan(4);
});

test('handles, to the last one: the request and where its answer goes are two', async () => {
  const LIMIT = 16;
  const makes = (count: number): string => `${'(drop (call $fields))'.repeat(count)} (local.set $n (i32.const 0))`;
  const maker = await bundleOf(await guestOfMany([makes(LIMIT - 2), makes(LIMIT - 1)]));
  peer = await Peer.start();
  await peer.load(assignmentOf(maker, { instancePolicy: 'PerRequest', handles: LIMIT }), maker);
  expect((await peer.ask(1, { path: '/00' })).outcome).toBe('NoResponse');
  expect(limitsOf(peer)).toEqual([]);
  expect((await peer.ask(1, { path: '/01' })).outcome).toBe('Trap');
  await expect.poll(() => limitsOf(peer)).toEqual([['handles', 1]]);
});

const PAGES = 10;
const PAGE_BYTES = 65_536;
const grow = (pages: number): string => `(local.set $n (memory.grow (i32.const ${pages}))) ${ANSWER}`;
/** Its memory begins with two pages. */
const GROWS = {
  'to its limit': grow(PAGES - 2),
  'by one page too many': grow(PAGES - 1),
  'by more than there are': grow(60_000),
};
/** Two modules with a memory each, which they show nobody. */
const SECRET = `(component
  (core module $m (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
  (core instance $a (instantiate $m)) (core instance $b (instantiate $m))
  (func $one (param "pages" u32) (result s32) (canon lift (core func $a "grow")))
  (func $other (param "pages" u32) (result s32) (canon lift (core func $b "grow")))
  (instance $api (export "one" (func $one)) (export "other" (func $other)))
  (export "test:t/api" (instance $api)))`;
const ADMITTED = { links: [], memoryBytes: PAGES * PAGE_BYTES };

describe.each(['Pooled', 'PerRequest'] as const)('memory, of an instance of %s', (instancePolicy) => {
  let grows: TestBundle;
  beforeAll(async () => {
    grows = await bundleOf(await guestOfMany(Object.values(GROWS)), ADMITTED);
  });

  test.each([
    ['to its limit', 0],
    ['by one page too many', 1],
    ['by more than there are', 1],
  ] as const)('that grows %s', async (name, hits) => {
    peer = await Peer.start();
    await peer.load(assignmentOf(grows, { instancePolicy, memoryBytes: PAGES * PAGE_BYTES }), grows);
    expect(await peer.ask(1, { path: `/0${Object.keys(GROWS).indexOf(name)}` })).toMatchObject({ status: 200 });
    // What a second call finds is an instance that has it all, or a new one: nothing is told of it again.
    expect(await peer.ask(2, { path: '/99' })).toMatchObject({ outcome: 'Trap' });
    await expect.poll(() => limitsOf(peer)).toEqual(hits === 0 ? [] : [['memory', hits]]);
  });
});

test.each([
  { what: 'each to its share', one: 4, other: 4, got: [1, 1], hits: [], left: 5 },
  { what: 'one of them by a page too many', one: 4, other: 10, got: [1, -1], hits: [['memory', 1]], left: 5 },
  { what: 'together by a page too many', one: 4, other: 5, got: [1, 1], hits: [['memory', 1]], left: 1 },
])('memories that nobody sees, which grow $what', async ({ one, other, got, hits, left }) => {
  const secret = await bundleOf(await fromText(SECRET), ADMITTED);
  peer = await Peer.start();
  await peer.load(assignmentOf(secret, { instancePolicy: 'Pooled', memoryBytes: PAGES * PAGE_BYTES }), secret);
  const asked = async (name: string, pages: number): Promise<unknown> => {
    const head = { method: 'POST', path: `test:t/api#${name}`, headers: ['content-type', 'application/json'] };
    const answer = await peer.ask(1, {
      ...head,
      body: Buffer.from(JSON.stringify({ pages })),
      flags: REQUEST_IS_TYPED,
    });
    return JSON.parse(answer.body.toString());
  };
  expect([await asked('one', one), await asked('other', other)]).toEqual(got);
  await expect.poll(() => limitsOf(peer)).toEqual(hits);
  // Over its limit the instance was discarded: the next one begins anew.
  expect(await asked('one', 0)).toBe(left);
});

test.each([
  ['as far as it may', FORM_LIMITS.tableElements - 1, 1, []],
  ['by one element too many', FORM_LIMITS.tableElements, -1, [['tables', 1]]],
])('tables: one that grows %s', async (_how, elements, got, hits) => {
  const tables = await bundleOf(
    await fromText(`(component
      (core module $m (table 1 funcref)
        (func (export "grow") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))
      (core instance $a (instantiate $m))
      (func $grow (param "elements" u32) (result s32) (canon lift (core func $a "grow")))
      (instance $api (export "grow" (func $grow))) (export "test:t/api" (instance $api)))`),
  );
  peer = await Peer.start();
  await peer.load(assignmentOf(tables, { instancePolicy: 'Pooled' }), tables);
  const head = { method: 'POST', path: 'test:t/api#grow', headers: ['content-type', 'application/json'] };
  const ask = async (count: number): Promise<string> => {
    const body = Buffer.from(JSON.stringify({ elements: count }));
    return (await peer.ask(1, { ...head, body, flags: REQUEST_IS_TYPED })).body.toString();
  };
  expect(await ask(elements)).toBe(String(got));
  // It serves on, and nothing is told of it again.
  expect(await ask(0)).toBe(String(got === 1 ? FORM_LIMITS.tableElements : 1));
  await expect.poll(() => limitsOf(peer)).toEqual(hits);
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
