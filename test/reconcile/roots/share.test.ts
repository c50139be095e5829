import { describe, expect, it } from 'vitest';
import type { EnginePort } from '../../../src/reconcile/ports.ts';
import { MAX_WAIT_FOR_ROOTS_MS } from '../../../src/reconcile/roots/share.ts';
import { BLOG, part, SHOP, SharedWorld, used } from './world.ts';

const remembers = { hasMemory: true };
const isNew = { hasMemory: false };

async function generation(port: EnginePort): Promise<number> {
  const observed = await port.observe();
  return observed.ok ? observed.value.generation : -1;
}

/** Both roots serve; one control has put them in force. */
async function serving() {
  const world = new SharedWorld();
  const share = world.control({ ...SHOP, ...isNew }, { ...BLOG, ...isNew });
  const [shop, blog] = [share.portOf('shop'), share.portOf('blog')];
  await shop.observe();
  await blog.observe();
  await shop.publish(part(20, { 'shop.example/': 'shop/front' }));
  await blog.publish(part(7, { 'blog.example/': 'blog/site' }));
  return { world, share, shop, blog };
}

describe('several roots share an engine', () => {
  it('what each says is one snapshot; each sees the generation of its own', async () => {
    const { world, shop, blog } = await serving();
    expect(world.routes).toEqual({ 'shop.example/': 'shop/front', 'blog.example/': 'blog/site' });
    expect([await generation(shop), await generation(blog), world.inForce?.generation]).toEqual([20, 7, 2]);
    await shop.publish(part(21, { 'shop.example/': 'shop/front', 'shop.example/pay': 'cart/till' }));
    expect(Object.keys(world.routes)).toHaveLength(3);
    expect([await generation(shop), await generation(blog), world.inForce?.generation]).toEqual([21, 7, 3]);
    expect(await shop.publish(part(20, {}))).toMatchObject({ ok: false, error: { code: 'HW4122' } });
    expect(Object.keys(world.routes)).toHaveLength(3);
  });

  it('a new root waits for nobody, and what is silent goes on', async () => {
    const world = new SharedWorld();
    const shop = world.control({ ...SHOP, ...isNew }, { ...BLOG, ...isNew }).portOf('shop');
    await shop.observe();
    expect(await shop.publish(part(1, { 'shop.example/': 'shop/front' }))).toMatchObject({ ok: true });
    expect(world.routes).toEqual({ 'shop.example/': 'shop/front' });
  });

  it('a control that starts beside an engine that serves takes away nothing of a root that is silent', async () => {
    const { world } = await serving();
    const share = world.control({ ...SHOP, ...remembers }, { ...BLOG, ...remembers });
    const shop = share.portOf('shop');
    // It says again what it means, once: 0 is "not in force".
    expect([await generation(shop), await generation(share.portOf('blog'))]).toEqual([0, 0]);
    expect(await shop.publish(part(21, { 'shop.example/new': 'shop/front' }))).toMatchObject({ ok: true });
    expect(world.routes).toEqual({ 'shop.example/new': 'shop/front', 'blog.example/': 'blog/site' });
    expect([await generation(shop), world.inForce?.generation]).toEqual([21, 3]);
  });

  it('a root that lost its journal is told that something of it is in force, and begins with no empty table', async () => {
    const { world } = await serving();
    const share = world.control({ ...SHOP, ...isNew }, { ...BLOG, ...remembers });
    expect([await generation(share.portOf('shop')), await generation(share.portOf('blog'))]).toEqual([20, 0]);
    await share.portOf('blog').publish(part(8, { 'blog.example/': 'blog/site' }));
    expect(world.routes['shop.example/']).toBe('shop/front');
    expect(await generation(share.portOf('shop'))).toBe(20);
  });

  it('beside an engine that serves nothing, all that remember speak before anything is in force', async () => {
    const world = new SharedWorld();
    const share = world.control({ ...SHOP, ...remembers }, { ...BLOG, ...remembers });
    const [shop, blog] = [share.portOf('shop'), share.portOf('blog')];
    await shop.observe();
    const early = await shop.publish(part(20, { 'shop.example/': 'shop/front' }));
    expect(early).toMatchObject({ ok: false, error: { code: 'HW5060', policy: 'Waiting' } });
    expect([world.published.length, share.waitingFor(), await generation(shop)]).toEqual([0, ['blog'], 0]);
    let poked = 0;
    shop.onChange(() => (poked += 1));
    await blog.observe();
    await blog.publish(part(7, { 'blog.example/': 'blog/site' }));
    expect([Object.keys(world.routes).length, share.waitingFor(), await generation(shop)]).toEqual([2, [], 20]);
    expect(poked).toBeGreaterThan(0);
  });

  it('but not for ever', async () => {
    const world = new SharedWorld();
    const shop = world.control({ ...SHOP, ...remembers }, { ...BLOG, ...remembers }).portOf('shop');
    await shop.observe();
    await shop.publish(part(20, { 'shop.example/': 'shop/front' }));
    world.nowMs = MAX_WAIT_FOR_ROOTS_MS - 1;
    expect((await shop.publish(part(20, { 'shop.example/': 'shop/front' }))).ok).toBe(false);
    world.nowMs = MAX_WAIT_FOR_ROOTS_MS;
    expect((await shop.publish(part(20, { 'shop.example/': 'shop/front' }))).ok).toBe(true);
    expect(world.routes).toEqual({ 'shop.example/': 'shop/front' });
  });

  it('another engine process gets all of it from whoever speaks first', async () => {
    const { world, shop, blog } = await serving();
    world.restart();
    expect([await generation(shop), await generation(blog)]).toEqual([0, 0]);
    await blog.publish(part(7, { 'blog.example/': 'blog/site' }));
    expect(Object.keys(world.routes)).toHaveLength(2);
    expect([await generation(shop), await generation(blog)]).toEqual([20, 7]);
  });

  it.each(['before', 'after'] as const)(
    'an answer that was lost %s the engine had it is told by the engine',
    async (when) => {
      const { world, shop, blog } = await serving();
      world.fails = when;
      expect((await shop.publish(part(21, { 'shop.example/new': 'shop/front' }))).ok).toBe(false);
      world.fails = 'never';
      expect([await generation(shop), await generation(blog)]).toEqual([when === 'after' ? 21 : 20, 7]);
      await blog.publish(part(8, {}));
      expect([await generation(shop), await generation(blog)]).toEqual([21, 8]);
      expect(world.routes).toEqual({ 'shop.example/new': 'shop/front' });
    },
  );

  it('what serves is not taken away by another root: the later rule is left out and told', async () => {
    const { world, share, blog } = await serving();
    const both = { 'blog.example/': 'blog/site', 'shop.example/sale': 'blog/sale' };
    expect((await blog.publish(part(8, both))).ok).toBe(true);
    expect(world.routes).toEqual({ 'shop.example/': 'shop/front', 'blog.example/': 'blog/site' });
    expect(share.conflicts()).toMatchObject([
      { root: 'blog', rule: { entry: 'blog/sale' }, heldBy: 'shop', other: { entry: 'shop/front' } },
    ]);
    // As soon as the other lets go of it.
    await share.portOf('shop').publish(part(21, {}));
    expect([world.routes['shop.example/sale'], share.conflicts()]).toEqual(['blog/sale', []]);
    // And from then on it is the other that comes later, also for a control that starts then.
    const next = world.control({ ...SHOP, ...remembers }, { ...BLOG, ...remembers });
    await next.portOf('shop').observe();
    await next.portOf('shop').publish(part(22, { 'shop.example/sale': 'shop/front' }));
    expect([world.routes['shop.example/sale'], next.conflicts()[0]?.root]).toEqual(['blog/sale', 'shop']);
  });

  it('of two that begin with the same host, the one that stands first in the file has it', async () => {
    const world = new SharedWorld();
    const share = world.control({ ...SHOP, ...remembers }, { ...BLOG, ...remembers });
    for (const name of ['blog', 'shop']) {
      await share.portOf(name).observe();
      await share.portOf(name).publish(part(1, { 'same.example/': name === 'blog' ? 'blog/site' : 'shop/front' }));
    }
    expect([world.routes, share.conflicts()[0]?.root]).toEqual([{ 'same.example/': 'shop/front' }, 'blog']);
  });

  it('a root speaks for its own namespaces only: rules, ceilings, replicas, firings and runs', async () => {
    const { world, shop, blog } = await serving();
    const ceiling = (namespaces: readonly string[]) => ({
      policy: 'base',
      namespaces,
      enforcement: 'Enforce' as const,
      capabilities: [],
    });
    const remote = (entry: 'blog/feed' | 'shop/front') => {
      const limits = { requestTimeoutMs: 1, requestBodyBytes: 1, responseBodyBytes: 1 };
      return { entry, ...limits, arms: [] };
    };
    const groups = [{ group: 'blog/site@1' as const, release: 'r', commit: 'c' }];
    await blog.publish({
      ...part(8, { 'blog.example/': 'blog/site', 'x.example/': 'shop/front' }),
      remotes: [remote('blog/feed'), remote('shop/front')],
      grants: { ceilings: [ceiling(['*']), ceiling(['shop']), ceiling(['blog', 'shop'])], groups },
    });
    expect(world.routes['x.example/']).toBeUndefined();
    expect(world.inForce?.remotes).toEqual([remote('blog/feed')]);
    expect(world.inForce?.grants).toEqual({ ceilings: [ceiling(['blog']), ceiling(['blog'])], groups });

    await shop.synthesize({ id: 'run-1' } as Parameters<EnginePort['synthesize']>[0]);
    await blog.synthesize({ id: 'run-1' } as Parameters<EnginePort['synthesize']>[0]);
    expect(world.runs).toEqual(['shop/run-1', 'blog/run-1']);
    const replica = (group: string) => ({ id: `${group}#1`, group }) as never;
    world.more = {
      replicas: [replica('shop/front@1'), replica('blog/site@1'), replica('cart/till@1')],
      syntheticRuns: world.runs.map((id) => ({ id, sent: 1, done: true })),
      firings: [{ id: 'blog/nightly@2026-11-28T00:00:00.000Z', elapsedMs: 1 }],
    };
    const seen = await Promise.all([shop, blog].map((port) => port.observe()));
    expect(seen).toMatchObject([
      { value: { replicas: [{ id: 'shop/front@1#1' }, { id: 'cart/till@1#1' }], firings: [] } },
      { value: { replicas: [{ id: 'blog/site@1#1' }], firings: [{ elapsedMs: 1 }] } },
    ]);
    expect(seen.map((one) => one.ok && one.value.syntheticRuns.map(({ id }) => id))).toEqual([['run-1'], ['run-1']]);
  });
});

describe('uses of grants, out of one queue', () => {
  it('go to the root that they belong to, and leave the engine when it has written them down', async () => {
    const { world, shop, blog } = await serving();
    world.records.add([used('shop/front'), used('blog/site'), used('cart/till')]);
    const components = async (port: EnginePort, after: number) => {
      const page = await port.records(after);
      return page.ok ? [page.value.last, ...page.value.records.map(({ component }) => component)] : [page.error.code];
    };
    expect(await components(blog, 0)).toEqual([3, 'blog/site']);
    expect(await components(shop, 0)).toEqual([3, 'shop/front', 'cart/till']);
    // Asked again without having written: it is there again. The other has, and gets nothing twice.
    expect(await components(blog, 3)).toEqual([3]);
    expect(await components(shop, 0)).toEqual([3, 'shop/front', 'cart/till']);
    world.records.add([used('blog/site')]);
    expect(await components(blog, 3)).toEqual([4, 'blog/site']);
    expect(await components(shop, 3)).toEqual([3]);
    expect(world.records.take(0).records).toHaveLength(1);
  });

  it('numbers of an engine that is gone acknowledge nothing of the next', async () => {
    const { world, shop, blog } = await serving();
    world.restart();
    world.records.add([used('shop/front'), used('blog/site')]);
    await blog.observe();
    expect(await shop.records(500)).toMatchObject({ ok: false, error: { code: 'HW4120' } });
    expect(await blog.records(0)).toMatchObject({ value: { records: [{ component: 'blog/site' }] } });
    await shop.observe();
    expect(await shop.records(0)).toMatchObject({ value: { records: [{ component: 'shop/front' }] } });
  });

  it('many of another root are passed over at once', async () => {
    const { world, shop, blog } = await serving();
    world.records.add(Array.from({ length: 3_000 }, () => used('shop/front')));
    world.records.add([used('blog/site')]);
    for (let after = 0; after < 3_000; after += 1_000) expect(await shop.records(after)).toMatchObject({ ok: true });
    await shop.records(3_000);
    expect(await blog.records(0)).toMatchObject({ value: { last: 3_001, records: [{ component: 'blog/site' }] } });
  });
});
